//! An outage of the execution plane as one tenant's gate sees it: since when, and whether its books are still to be
//! thrown away.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::time::Timestamp;

/// After a restoring that failed, the next is tried this much later.
const PAUSE_MILLIS: i64 = 1_000;

/// Whether the spare plane decides for a tenant.
#[derive(Debug)]
pub(super) struct Outage {
    lasting: AtomicBool,
    /// When restoring failed last, in milliseconds since the epoch.
    failed: AtomicI64,
    /// A call could not wait until the shared plane was restored.
    wanted: AtomicBool,
}

impl Default for Outage {
    fn default() -> Self {
        Self {
            failed: AtomicI64::new(i64::MIN),
            lasting: AtomicBool::default(),
            wanted: AtomicBool::default(),
        }
    }
}

impl Outage {
    /// The spare plane is used.
    pub(super) fn begins(&self) {
        self.lasting.store(true, Ordering::Relaxed);
    }

    /// The shared plane has answered: whether it is the first time after an outage.
    pub(super) fn is_over(&self) -> bool {
        self.lasting.load(Ordering::Relaxed) && self.lasting.swap(false, Ordering::Relaxed)
    }

    /// Whether the spare plane is used.
    pub(super) fn lasts(&self) -> bool {
        self.lasting.load(Ordering::Relaxed)
    }

    /// A call could not wait for the shared plane to be restored.
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Whether a call could not wait for the shared plane, and nobody has restored it since.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// The shared plane is there.
    pub(super) fn is_served(&self) {
        self.wanted.store(false, Ordering::Relaxed);
    }

    /// Restoring failed at `now`.
    pub(super) fn noted(&self, now: Timestamp) {
        self.failed.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Whether restoring failed a moment before `now`.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        let failed = self.failed.load(Ordering::Relaxed);
        (0..PAUSE_MILLIS).contains(&now.as_millis().saturating_sub(failed))
    }
}
