//! How long a live call waits for what only the store knows; a store that is silent is not asked again by every call.

use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
#[cfg(feature = "runtime")]
use std::time::Duration;

#[cfg(feature = "runtime")]
use super::Engine;
use crate::time::Timestamp;

/// A store that was silent is left alone by live calls for so long.
const PAUSE_MILLIS: i64 = 1_000;

/// A moment that the host has told the engine, and how long ago that was: without feature `runtime` it is always just now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    at: Timestamp,
    #[cfg(feature = "runtime")]
    told: tokio::time::Instant,
}

impl Moment {
    /// `at` is now.
    pub(super) fn of(at: Timestamp) -> Self {
        Self {
            at,
            #[cfg(feature = "runtime")]
            told: tokio::time::Instant::now(),
        }
    }

    /// What time it is by now.
    pub(super) fn now(self) -> Timestamp {
        #[cfg(feature = "runtime")]
        return self.at.after(self.told.elapsed());
        #[cfg(not(feature = "runtime"))]
        self.at
    }
}

/// How long live calls wait, and whether the store was silent a moment ago.
#[derive(Debug)]
pub(super) struct Patience {
    #[cfg(feature = "runtime")]
    limit: Option<Duration>,
    /// When the store last said nothing in time, in milliseconds since the epoch.
    silent: AtomicI64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            #[cfg(feature = "runtime")]
            limit: None,
            silent: AtomicI64::new(i64::MIN),
        }
    }
}

impl Patience {
    /// What `answer` comes to; nothing if that takes too long, or did a moment before `now`.
    pub(super) async fn soon<T>(&self, now: Timestamp, answer: impl Future<Output = T>) -> Option<T> {
        let silent = self.silent.load(Ordering::Relaxed);
        if (0..PAUSE_MILLIS).contains(&now.as_millis().saturating_sub(silent)) {
            return None;
        }
        let answered = self.within(answer).await;
        if answered.is_none() {
            self.silent.store(now.as_millis(), Ordering::Relaxed);
        }
        answered
    }

    /// What `answer` comes to; nothing if that takes too long.
    #[cfg(feature = "runtime")]
    pub(super) async fn within<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        match self.limit {
            Some(limit) => tokio::time::timeout(limit, answer).await.ok(),
            None => Some(answer.await),
        }
    }

    #[cfg(not(feature = "runtime"))]
    pub(super) async fn within<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        Some(answer.await)
    }
}

#[cfg(feature = "runtime")]
impl Engine {
    /// This engine with a limit to how long a live call waits for the store where only the store knows: what it keeps of a
    /// call that the plane does not know, the image of a plane that is lost, and the configuration of a tenant whose gate
    /// is not loaded. Beyond, the call is decided without, or by the configuration that the spool keeps; see
    /// [`Engine::restore_planes`] and [`Engine::unproven_gates`]. Without this method there is no limit, and none without feature `runtime`. It needs a
    /// Tokio runtime with time.
    ///
    /// Reads before the decision are few: a call costs none while the plane knows it (domain.md §7).
    #[must_use]
    pub fn with_store_patience(self, limit: Duration) -> Self {
        let patience = Patience { limit: Some(limit), ..self.patience };
        Self { patience, ..self }
    }
}
