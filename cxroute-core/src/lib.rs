//! The routing library: it decides which AI voice agent answers a phone call.

pub mod authority;
pub mod call;
pub mod config;
pub mod id;
pub mod memory;
pub mod port;
#[cfg(feature = "seal")]
pub mod seal;
pub mod secret;
pub mod strategy;
pub mod time;

/// Stand-in until the branch `wire` lands.
pub mod cloudonix {
    use serde::{Deserialize, Serialize};
    /// A provider.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct Provider(pub String);
    /// Hash.
    pub fn stable_hash(parts: &[&[u8]]) -> u128 {
        parts.iter().flat_map(|p| p.iter()).fold(7, |h: u128, b| h.wrapping_mul(31) + u128::from(*b))
    }
    /// Redact.
    pub fn redact_body(body: &[u8]) -> String {
        String::from_utf8_lossy(body).into_owned()
    }
}
/// Stand-in until the branch `wire` lands.
pub mod cxml {
    use serde::{Deserialize, Serialize};
    /// Reason.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum RejectReason {
        /// busy
        Busy,
    }
}
/// Stand-in until the branch `table` lands.
pub mod pattern {
    use serde::{Deserialize, Serialize};
    /// A pattern.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct Pattern(pub String);
    impl std::fmt::Display for Pattern {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }
}
