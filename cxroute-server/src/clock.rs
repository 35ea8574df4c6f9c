//! The host's clock: core is handed times, and this is where they come from.

use std::time::{SystemTime, UNIX_EPOCH};

use cxroute_core::time::Timestamp;

/// Now, by the system's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
