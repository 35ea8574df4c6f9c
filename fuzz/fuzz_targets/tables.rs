//! Fuzzes the law of `cxroute-core/tests/fuzz_corpus/tables.rs`.
#![no_main]

#[path = "../../cxroute-core/tests/fuzz_corpus/tables.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| law::holds(bytes));
