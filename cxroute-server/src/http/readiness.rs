//! Whether the server should be given calls: what the background tasks found out, for `/readyz` to read.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;

/// How far the server's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Tenants are loaded before their first calls come; one that calls already is answered.
    Starting,
    Serving,
    /// It takes no new connections and finishes what it has.
    Draining,
}

/// A part that readiness depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// There is none, and none is needed.
    None,
    Ok,
    /// The store does not answer, or has not yet.
    Away,
    /// Signals wait in the spool although the store answers, and none of them gets out.
    Stuck,
}

/// The parts as they were last seen.
pub(crate) struct Readiness {
    phase: AtomicU8,
    store: AtomicU8,
    spool: AtomicU8,
}

/// What `/readyz` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    pub(super) phase: Phase,
    pub(super) store: Part,
    pub(super) spool: Part,
}

impl Readiness {
    /// A server that starts: nobody has asked its store for anything yet.
    pub(crate) fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Starting as u8),
            store: AtomicU8::new(code(Part::Away)),
            spool: AtomicU8::new(code(Part::None)),
        }
    }

    /// What was to be done before is done, or has taken long enough.
    pub(crate) fn serve(&self) {
        let (starting, serving) = (Phase::Starting as u8, Phase::Serving as u8);
        // A server that drains already goes on with that.
        let _was_starting =
            self.phase.compare_exchange(starting, serving, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn drain(&self) {
        self.phase.store(Phase::Draining as u8, Ordering::Relaxed);
    }

    pub(crate) fn set_store(&self, part: Part) {
        self.store.store(code(part), Ordering::Relaxed);
    }

    pub(crate) fn set_spool(&self, part: Part) {
        self.spool.store(code(part), Ordering::Relaxed);
    }

    pub(super) fn report(&self) -> Report {
        let phase = self.phase.load(Ordering::Relaxed);
        let phase = PHASES.into_iter().find(|known| *known as u8 == phase).unwrap_or(Phase::Draining);
        let part = |of: &AtomicU8| part(of.load(Ordering::Relaxed));
        Report { phase, store: part(&self.store), spool: part(&self.spool) }
    }
}

impl Report {
    pub(super) fn is_ready(&self) -> bool {
        let fine = |part| matches!(part, Part::None | Part::Ok);
        self.phase == Phase::Serving && fine(self.store) && fine(self.spool)
    }
}

const PHASES: [Phase; 3] = [Phase::Starting, Phase::Serving, Phase::Draining];
const PARTS: [Part; 4] = [Part::None, Part::Ok, Part::Away, Part::Stuck];

const fn code(part: Part) -> u8 {
    part as u8
}

fn part(code: u8) -> Part {
    PARTS.get(usize::from(code)).copied().unwrap_or(Part::Away)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read_back_as_it_was_set_and_any_trouble_is_not_ready() {
        let readiness = Readiness::new();
        assert_eq!((readiness.report().phase, readiness.report().store), (Phase::Starting, Part::Away));
        readiness.set_store(Part::Ok);
        assert!(!readiness.report().is_ready());
        readiness.serve();
        assert!(readiness.report().is_ready());
        for (part, ready) in [(Part::Away, false), (Part::Stuck, false), (Part::None, true), (Part::Ok, true)]
        {
            readiness.set_store(part);
            assert_eq!((readiness.report().store, readiness.report().is_ready()), (part, ready));
            readiness.set_store(Part::Ok);
            readiness.set_spool(part);
            assert_eq!((readiness.report().spool, readiness.report().is_ready()), (part, ready));
            readiness.set_spool(Part::Ok);
        }
        readiness.drain();
        readiness.serve();
        assert_eq!((readiness.report().phase, readiness.report().is_ready()), (Phase::Draining, false));
    }
}
