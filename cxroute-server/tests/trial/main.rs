//! The server's binary as an operator runs it, over a real socket: a thousand simulated calls, many at once, killed
//! again and again, and fed with anything. `CXROUTE_SERVER_BIN` names the binary; without it, it is the one that cargo
//! built for these tests. What is random follows from a seed that every failure names; `CXROUTE_TRIAL_SEED` sets it.

#![expect(clippy::disallowed_methods, reason = "tests read the store as the operator")]

#[cfg(test)]
#[path = "../../../cxroute-state-redis/tests/certificates/mod.rs"]
mod certificates;
#[cfg(test)]
#[path = "../http/client.rs"]
#[expect(dead_code, reason = "shared with the trials in process, which use all of it")]
mod client;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod crash;
#[cfg(test)]
#[path = "../../../cxroute-store-mysql/tests/support/mod.rs"]
#[expect(dead_code, reason = "shared with the store's own tests, which use all of it")]
mod database;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod life;
#[cfg(test)]
mod odd;
#[cfg(test)]
#[path = "../http/places.rs"]
mod places;
#[cfg(test)]
mod process;
#[cfg(test)]
mod records;
#[cfg(test)]
#[path = "../http/secured.rs"]
#[expect(dead_code, reason = "shared with the trials in process, which look at what was agreed")]
mod secured;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod simulation;
#[cfg(test)]
#[path = "../http/strange.rs"]
mod strange;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod together;
#[cfg(test)]
mod webhooks;
