//! Fuzzes the law of `cxroute-core/tests/fuzz_corpus/cxml.rs`.
#![no_main]

#[path = "../../cxroute-core/tests/fuzz_corpus/cxml.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| law::holds(bytes));
