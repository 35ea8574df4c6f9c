//! What Cloudonix sends.

mod provider;

pub use provider::{EmptyProvider, Provider, Transport};
