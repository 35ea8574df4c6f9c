//! What Cloudonix sends.

mod provider;

pub use provider::{EmptyProvider, Provider, Transport};

/// Stand-in.
pub fn stable_hash(parts: &[&[u8]]) -> u128 {
    parts.iter().flat_map(|p| p.iter()).fold(7, |h: u128, b| h.wrapping_mul(31).wrapping_add(u128::from(*b)))
}
/// Stand-in.
pub fn redact_body(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}
