//! Two servers on one MySQL and one Redis, or a cluster of six nodes, and everything that can happen to them under load:
//! each trial starts its own programs, kills or stops some, prints what calls saw meanwhile, and reads back what was kept.
//! `CXROUTE_SERVER_BIN` names the server's binary; without it, it is the one that cargo built for these tests.
//! `CXROUTE_MYSQL_TOOL` names a program that runs a real MySQL; without it Debian's MariaDB is the store.

#![expect(clippy::disallowed_methods, reason = "tests read the store as the operator")]

#[cfg(test)]
mod change;
#[cfg(test)]
#[path = "../http/client.rs"]
#[expect(dead_code, reason = "shared with the trials in process, which use all of it")]
mod client;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod daemon;
#[cfg(test)]
#[path = "../trial/dice.rs"]
#[expect(dead_code, reason = "shared with the trials of one server, which use all of it")]
mod dice;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod load;
#[cfg(test)]
mod mysql;
#[cfg(test)]
#[path = "../http/places.rs"]
#[expect(dead_code, reason = "shared with the trials in process, which use all of it")]
mod places;
#[cfg(test)]
mod plane;
#[cfg(test)]
#[path = "../trial/process.rs"]
#[expect(dead_code, reason = "shared with the trials of one server, which use all of it")]
mod process;
#[cfg(test)]
#[path = "../trial/records.rs"]
#[expect(dead_code, reason = "shared with the trials of one server, which use all of it")]
mod records;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod server;
#[cfg(test)]
#[path = "../trial/simulation.rs"]
#[expect(dead_code, reason = "shared with the trials of one server, which use all of it")]
mod simulation;
#[cfg(test)]
mod stall;
#[cfg(test)]
mod start;
#[cfg(test)]
mod store;
#[cfg(test)]
#[path = "../trial/tenants.rs"]
mod tenants;
#[cfg(test)]
mod together;
#[cfg(test)]
#[path = "../trial/webhooks.rs"]
#[expect(dead_code, reason = "shared with the trials of one server, which use all of it")]
mod webhooks;
#[cfg(test)]
mod world;
