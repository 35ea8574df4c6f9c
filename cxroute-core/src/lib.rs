//! The routing library: it decides which AI voice agent answers a phone call.

pub mod authority;
pub mod call;
pub mod cloudonix;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod country;
pub mod cxml;
pub mod engine;
pub mod id;
pub mod memory;
pub mod number;
pub mod pattern;
pub mod port;
#[cfg(feature = "seal")]
pub mod seal;
pub mod secret;
pub mod strategy;
pub mod table;
pub mod time;
