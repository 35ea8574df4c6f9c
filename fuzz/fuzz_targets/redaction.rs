//! Fuzzes the law of `cxroute-core/tests/fuzz_corpus/redaction.rs`.
#![no_main]

#[path = "../../cxroute-core/tests/fuzz_corpus/redaction.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| law::holds(bytes));
