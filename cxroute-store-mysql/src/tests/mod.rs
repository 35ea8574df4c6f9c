//! Tests that look at the statements themselves, on real servers.

mod explain;
mod ledger;
mod literals;
mod upgrade;

#[path = "../../tests/support/mod.rs"]
mod support;

/// The servers that tests run on.
const SERVERS: [&str; 2] = ["CXROUTE_TEST_MYSQL", "CXROUTE_TEST_MARIADB"];
