//! The routing library: it decides which AI voice agent answers a phone call.

pub mod country;
pub mod id;
pub mod number;
pub mod pattern;
pub mod table;
pub mod time;
