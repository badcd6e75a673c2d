//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz jsonl tests/corpus/jsonl`
#![no_main]

#[path = "../../hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Jsonl.feed(bytes));
