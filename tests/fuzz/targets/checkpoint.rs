//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz checkpoint tests/corpus/checkpoint`
#![no_main]

#[path = "../../hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Checkpoint.feed(bytes));
