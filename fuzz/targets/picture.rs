//! `cargo +nightly fuzz run picture tests/corpus/picture`
#![no_main]

#[path = "../../tests/hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Picture.feed(bytes));
