//! The `cxroute-server` binary.
fn main() {}
