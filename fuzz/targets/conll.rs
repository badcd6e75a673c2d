//! `cargo +nightly fuzz run conll tests/corpus/conll`
#![no_main]

#[path = "../../tests/hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Conll.feed(bytes));
