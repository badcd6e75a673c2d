//! `cargo +nightly fuzz run rows tests/corpus/rows`
#![no_main]

#[path = "../../tests/hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Rows.feed(bytes));
