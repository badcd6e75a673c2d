//! `cargo +nightly fuzz run idx tests/corpus/idx`
#![no_main]

#[path = "../../tests/hunt/target.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::Target::Idx.feed(bytes));
