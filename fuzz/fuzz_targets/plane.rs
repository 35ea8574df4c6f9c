//! Fuzzes the law of `cxroute-core/tests/fuzz_corpus/plane.rs`.
#![no_main]

#[path = "../../cxroute-core/tests/fuzz_corpus/plane.rs"]
mod law;
#[path = "../../cxroute-core/tests/fuzz_corpus/script.rs"]
mod script;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| law::holds(bytes));
