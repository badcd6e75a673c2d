//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz idx tests/corpus/idx`
#![no_main]

#[path = "../../hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Idx.feed(bytes));
