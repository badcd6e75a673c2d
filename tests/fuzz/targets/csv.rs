//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz csv tests/corpus/csv`
#![no_main]

#[path = "../../hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Csv.feed(bytes));
