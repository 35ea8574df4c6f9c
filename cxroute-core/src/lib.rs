//! The routing library: it decides which AI voice agent answers a phone call.

pub mod cloudonix;
pub mod cxml;
pub mod id;
pub mod time;
