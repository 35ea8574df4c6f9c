//! How an execution plane in Redis behaves.

use std::time::Duration;

/// How an execution plane in Redis behaves.
#[derive(Clone, Copy, Debug)]
pub struct RedisLiveOptions {
    /// Redis answers within this, or the plane is away for the call that asks. By default 60 ms, of the 500 ms that an
    /// answer may take in all.
    pub patience: Duration,
    /// So often, at most, a server looks at what others wrote of a tenant that it serves; by default every 100 ms. A
    /// choice looks by itself.
    pub follow: Duration,
    /// How long Redis keeps what nobody touches; by default 24 hours. What has gone is built anew from the store.
    pub keep: Duration,
    /// Whose time counts.
    pub clock: PlaneClock,
}

/// Whose time counts on a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneClock {
    /// Redis's: servers whose clocks differ do not disturb each other.
    Redis,
    /// That of whoever asks, as the port says it: for tests that choose their times.
    Callers,
}

impl Default for RedisLiveOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_millis(60),
            follow: Duration::from_millis(100),
            keep: Duration::from_secs(24 * 3_600),
            clock: PlaneClock::Redis,
        }
    }
}
