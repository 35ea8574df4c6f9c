//! The bench that an execution plane is tried on: the plane, and lines to its tenants.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{Broken, Checked, Guard, Subject, operator};
use crate::authority::IngestScope;
use crate::call::{EventKey, EventKind, SessionToken};
use crate::conformance::fixture::token;
use crate::id::{AgentId, TenantId};
use crate::port::{LiveError, LiveState};
use crate::strategy::{
    Choice, ChooseRequest, LastResort, LedgerDelta, Pick, Picked, PlaneImage, Preferences, Roster, Settle,
    Settled, StageTrace,
};
use crate::time::Timestamp;

/// An execution plane under test.
pub struct LiveBench {
    pub(super) live: Arc<dyn LiveState>,
    tenants: AtomicU64,
    _guard: Guard,
}

impl LiveBench {
    /// A bench for this plane.
    pub fn of<L: LiveState + 'static>(subject: Subject<L>) -> Self {
        Self { live: subject.adapter, tenants: AtomicU64::new(1), _guard: subject.guard }
    }

    /// A tenant that the plane has no state for.
    pub(super) fn lost(&self) -> Line {
        Line::of(Arc::clone(&self.live), self.tenants.fetch_add(1, Ordering::Relaxed))
    }

    /// A tenant that was restored from nothing.
    pub(super) async fn line(&self) -> Result<Line, LiveError> {
        let line = self.lost();
        line.live.restore(&line.scope, PlaneImage::default()).await?;
        Ok(line)
    }
}

/// Holds a plane that `make` gives against one law.
///
/// # Errors
/// The law does not hold.
pub fn hold<A, M, L>(make: impl FnOnce() -> M, law: impl FnOnce(LiveBench) -> L) -> Checked
where
    A: LiveState + 'static,
    M: Future<Output = Subject<A>>,
    L: Future<Output = Checked>,
{
    crate::conformance::hold(async { law(LiveBench::of(make().await)).await })
}

/// One tenant on the plane.
pub(super) struct Line {
    pub(super) live: Arc<dyn LiveState>,
    pub(super) scope: Arc<IngestScope>,
}

/// A choice that is asked for, owned, so that it can be asked for twice and elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) token: SessionToken,
    pub(super) key: EventKey,
    pub(super) now: Timestamp,
    pub(super) settle: Option<Settle>,
    pub(super) stages: Vec<Arc<Roster>>,
    pub(super) preferences: Vec<Preferences>,
    pub(super) last_resort: LastResort,
    pub(super) tried: Vec<AgentId>,
}

impl Ask {
    /// The first voice request of a call.
    pub(super) fn new(call: &str, now: Timestamp, stages: &[Arc<Roster>]) -> Self {
        Self {
            token: token(call),
            key: key(EventKind::VoiceRequest, 1),
            now,
            settle: None,
            stages: stages.to_vec(),
            preferences: Vec::new(),
            last_resort: LastResort::End,
            tried: Vec::new(),
        }
    }

    /// The same call's dial result, which asks for the next agent.
    pub(super) fn after(&self, settle: Settle) -> Self {
        let key = key(EventKind::DialResult, settle.attempt.into());
        Self { key, settle: Some(settle), ..self.clone() }
    }

    pub(super) fn request(&self) -> ChooseRequest<'_> {
        ChooseRequest {
            token: &self.token,
            key: self.key,
            now: self.now,
            settle: self.settle,
            stages: &self.stages,
            preferences: &self.preferences,
            last_resort: self.last_resort,
            tried: &self.tried,
        }
    }
}

/// A key of this kind.
pub(super) const fn key(kind: EventKind, number: u128) -> EventKey {
    EventKey { kind, hash: number }
}

impl Line {
    pub(super) fn of(live: Arc<dyn LiveState>, tenant: u64) -> Self {
        Self { live, scope: Arc::new(operator().ingest(TenantId::new(tenant))) }
    }

    pub(super) async fn choose(&self, ask: &Ask) -> Result<Choice, LiveError> {
        self.live.choose(&self.scope, &ask.request()).await
    }

    pub(super) async fn preview(&self, ask: &Ask) -> Result<Choice, LiveError> {
        self.live.preview(&self.scope, &ask.request()).await
    }

    /// A new choice, which must be made.
    pub(super) async fn made(&self, ask: &Ask) -> Result<Arc<Pick>, Broken> {
        match self.choose(ask).await? {
            Choice::Made(pick) => Ok(pick),
            other => Err(Broken::because(format!("expected a new choice, got {other:?}"))),
        }
    }

    /// The agent of a new choice, which must be made.
    pub(super) async fn agent(&self, ask: &Ask) -> Result<Option<u64>, Broken> {
        Ok(agent_of(&*self.made(ask).await?))
    }
}

/// The agent that was picked.
pub(super) fn agent_of(pick: &Pick) -> Option<u64> {
    match &pick.picked {
        Picked::Seat(seat) => Some(seat.seat.agent.get()),
        Picked::Number { .. } | Picked::Nobody => None,
    }
}

/// What can be seen of a choice; an adapter cannot know what else the specification keeps beside it.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    Made(SeenPick),
    Recorded(SeenPick),
    Other(Choice),
}

#[derive(Debug, PartialEq)]
pub(super) struct SeenPick {
    seq: u64,
    picked: Picked,
    attempts_before: u16,
    stages: Vec<StageTrace>,
    settled: Option<Settled>,
    delta: LedgerDelta,
}

/// What can be seen of a choice.
pub(super) fn seen(choice: &Choice) -> Seen {
    let pick = |pick: &Pick| SeenPick {
        seq: pick.seq,
        picked: pick.picked.clone(),
        attempts_before: pick.attempts_before,
        stages: pick.stages.to_vec(),
        settled: pick.settled,
        delta: delta_in_order(pick.delta.clone()),
    };
    match choice {
        Choice::Made(made) => Seen::Made(pick(made)),
        Choice::Recorded(recorded) => Seen::Recorded(pick(recorded)),
        other => Seen::Other(other.clone()),
    }
}

/// Brings the lists of a delta whose order says nothing into one order.
pub(super) fn delta_in_order(mut delta: LedgerDelta) -> LedgerDelta {
    delta.presence.sort_by_key(|presence| (presence.group, presence.agent));
    delta.joins.sort_by_key(|join| (join.group, join.agent));
    delta.health.sort_by_key(|row| row.agent);
    delta
}
