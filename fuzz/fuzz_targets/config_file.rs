//! Fuzzes the law of `cxroute-server/tests/fuzz_corpus/config_file.rs`.
#![no_main]

#[path = "../../cxroute-server/tests/fuzz_corpus/config_file.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| law::holds(bytes));
