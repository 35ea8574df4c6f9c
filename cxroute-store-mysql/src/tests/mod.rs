//! Tests that look at the statements themselves, on real servers.

mod explain;
