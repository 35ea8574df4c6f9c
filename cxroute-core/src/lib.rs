//! The routing library: it decides which AI voice agent answers a phone call.

pub mod authority;
pub mod call;
pub mod cloudonix;
pub mod config;
pub mod cxml;
pub mod id;
pub mod memory;
pub mod port;
pub mod secret;
pub mod strategy;
pub mod time;

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
