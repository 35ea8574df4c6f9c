//! `cargo xtask …`: the one door to set-up, tests, checks and benches.
fn main() {}
