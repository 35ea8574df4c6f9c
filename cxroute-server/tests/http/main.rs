//! The server over a real socket: what Cloudonix sends, what it is answered, and what nobody should ever send.

#![expect(clippy::disallowed_methods, reason = "tests set tenants up as the operator")]

#[cfg(test)]
mod auth;
#[cfg(test)]
#[path = "../../../cxroute-state-redis/tests/certificates/mod.rs"]
mod certificates;
#[cfg(test)]
mod client;
#[cfg(test)]
mod cold;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod life;
#[cfg(test)]
mod odd;
#[cfg(test)]
mod places;
#[cfg(test)]
#[expect(dead_code, reason = "shared with the trials of the binary, which look at what was shown")]
mod secured;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod store_away;
#[cfg(test)]
mod strange;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod together;
