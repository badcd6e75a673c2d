//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz picture tests/corpus/picture`
#![no_main]

#[path = "../../hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Picture.feed(bytes));
