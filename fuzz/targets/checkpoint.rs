//! `cargo +nightly fuzz run checkpoint tests/corpus/checkpoint`
#![no_main]

#[path = "../../tests/hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Checkpoint.feed(bytes));
