//! `cargo +nightly fuzz run query tests/corpus/query`
#![no_main]

#[path = "../../tests/hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Query.feed(bytes));
