//! Fuzzes the law of `cxroute-core/tests/fuzz_corpus/payloads.rs`.
#![no_main]

#[path = "../../cxroute-core/tests/fuzz_corpus/payloads.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| law::holds(bytes));
