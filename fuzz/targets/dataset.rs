//! `cargo +nightly fuzz run dataset tests/corpus/dataset`
#![no_main]

#[path = "../../tests/hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Dataset.feed(bytes));
