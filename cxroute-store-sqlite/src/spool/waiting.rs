//! What a spool knows in memory: which sessions have signals waiting, and how much there is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cxroute_core::port::SpoolLevel;

/// A session: its tenant and its token, which is empty for signals that name no call.
pub(super) type Session = (u64, String);

/// Counts of what waits.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    sessions: HashMap<Session, u64>,
    level: SpoolLevel,
}

impl Waiting {
    fn locked(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts signals of a session in, unless they would exceed `most` bytes in all.
    pub(super) fn enter(&self, signals: &[(Session, u64)], most: u64) -> Result<(), u64> {
        let mut counts = self.locked();
        let more: u64 = signals.iter().map(|(_, bytes)| bytes).sum();
        if counts.level.bytes.saturating_add(more) > most {
            return Err(counts.level.bytes);
        }
        for (session, bytes) in signals {
            *counts.sessions.entry(session.clone()).or_default() += 1;
            counts.level.signals += 1;
            counts.level.bytes += bytes;
        }
        Ok(())
    }

    /// Counts signals out that wait no longer.
    pub(super) fn leave(&self, signals: &[(Session, u64)]) {
        let mut counts = self.locked();
        for (session, bytes) in signals {
            counts.level.signals = counts.level.signals.saturating_sub(1);
            counts.level.bytes = counts.level.bytes.saturating_sub(*bytes);
            if let Some(count) = counts.sessions.get_mut(session) {
                *count -= 1;
                if *count == 0 {
                    counts.sessions.remove(session);
                }
            }
        }
    }

    /// Counts signals that were set aside.
    pub(super) fn set_aside(&self, more: u64) {
        self.locked().level.set_aside += more;
    }

    pub(super) fn holds(&self, session: &Session) -> bool {
        self.locked().sessions.contains_key(session)
    }

    pub(super) fn level(&self) -> SpoolLevel {
        self.locked().level
    }
}
