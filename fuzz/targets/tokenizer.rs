//! `cargo +nightly fuzz run tokenizer tests/corpus/tokenizer`
#![no_main]

#[path = "../../tests/hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Tokenizer.feed(bytes));
