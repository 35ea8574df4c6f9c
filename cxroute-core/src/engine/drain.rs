//! Draining (feature `runtime`): signals leave a spool for the store, beside the calls or for a server that is gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::authority::{IngestScope, Operator};
use crate::call::{Call, Ingested, SessionToken, Signal, SignalKind};
use crate::id::TenantId;
use crate::port::{LiveState, Spool, SpoolId, Spooled, Store, StoreError};
use crate::strategy::Adopted;
use crate::time::Timestamp;

/// So many signals share a transaction.
const MOST_IN_BATCH: usize = 256;
/// A store that is away is asked again after this.
const PAUSE: Duration = Duration::from_millis(500);

/// Signals that left a spool, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// They took effect.
    pub committed: u64,
    /// A copy had taken effect before.
    pub duplicates: u64,
    /// Their decisions were made in ignorance of what the store knew: nothing was kept of them.
    pub conflicts: u64,
    /// They cannot be read, or the store refuses them for their own sake: the spool keeps them for inspection.
    pub set_aside: u64,
}

impl Drained {
    /// Signals that the store has dealt with.
    pub const fn dealt_with(&self) -> u64 {
        self.committed + self.duplicates + self.conflicts
    }

    const fn note(&mut self, ingested: &Ingested) {
        let count = match ingested {
            Ingested::Committed(_) => &mut self.committed,
            Ingested::Duplicate { .. } => &mut self.duplicates,
            Ingested::Conflict(_) => &mut self.conflicts,
        };
        *count += 1;
    }
}

/// The execution plane that is told what leaves a spool: it decided nothing of it, or has been built anew since.
pub struct Told {
    /// The plane that all servers share.
    pub live: Arc<dyn LiveState>,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

impl Told {
    /// Where the plane has no state it is built from the store, which has this choice by now.
    async fn tell(&self, scope: &IngestScope, signal: &Signal, call: &Call) {
        if let SignalKind::Voice { decision, .. } | SignalKind::Dial { decision, .. } = &signal.kind {
            let now = (self.clock)();
            let adopted = Adopted::of(call, signal.key, decision, now);
            let _plane_keeps_it_or_is_built_anew = self.live.adopt(scope, adopted, now).await;
        }
    }
}

/// From where to where signals are moved.
pub(super) struct Way<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) spool: &'a dyn Spool,
    pub(super) told: Option<&'a Told>,
    pub(super) operator: &'a Operator,
}

/// Drains the spool of a server that is gone into the store, as the server itself would have done, until nothing waits
/// or nothing has moved for `patience`; the execution plane is `told`. What waits still is the spool's
/// [`level`](Spool::level).
///
/// The store has to be the one that the server worked on: signals name their tenants by id.
pub async fn drain_spool(
    store: &dyn Store,
    spool: &dyn Spool,
    told: Option<&Told>,
    operator: &Operator,
    patience: Duration,
) -> Drained {
    let way = Way { store, spool, told, operator };
    let aside_before = spool.level().set_aside;
    let (mut sum, mut moved) = (Drained::default(), Instant::now());
    loop {
        let Step { drained, then, .. } = step(&way, MOST_IN_BATCH).await;
        sum.committed += drained.committed;
        sum.duplicates += drained.duplicates;
        sum.conflicts += drained.conflicts;
        match then {
            Then::GoOn => moved = Instant::now(),
            Then::Nothing => break,
            Then::Pause if moved.elapsed() >= patience => break,
            Then::Pause => sleep(PAUSE).await,
        }
    }
    // The spool itself sets aside what it cannot read.
    sum.set_aside = spool.level().set_aside.saturating_sub(aside_before);
    sum
}

/// What one batch came to.
pub(super) struct Step {
    pub(super) drained: Drained,
    /// Whose signals the store has now.
    pub(super) sessions: Vec<(TenantId, SessionToken)>,
    pub(super) then: Then,
}

/// What is to be done after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The next batch.
    GoOn,
    /// Nothing waits.
    Nothing,
    /// The store or the spool is away.
    Pause,
}

/// Moves at most `most` signals, the oldest, from the spool into the store.
pub(super) async fn step(way: &Way<'_>, most: usize) -> Step {
    let Way { store, spool, told, operator } = *way;
    let mut step = Step { drained: Drained::default(), sessions: Vec::new(), then: Then::Pause };
    let Ok(waiting) = spool.oldest(most).await else { return step };
    if waiting.is_empty() {
        step.then = Then::Nothing;
        return step;
    }
    let batch =
        waiting.iter().map(|spooled| (Arc::new(operator.ingest(spooled.tenant)), spooled.signal.clone()));
    let results = store.ingest(batch.collect()).await;
    let mut away = false;
    let mut done: Vec<SpoolId> = Vec::new();
    for (Spooled { id, tenant, signal }, result) in waiting.into_iter().zip(results) {
        match result {
            Ok(ingested) => {
                if let (Some(told), Ingested::Committed(Some(call))) = (told, &ingested) {
                    told.tell(&operator.ingest(tenant), &signal, call).await;
                }
                done.push(id);
                step.drained.note(&ingested);
                step.sessions.extend(signal.token.map(|token| (tenant, token)));
            }
            Err(StoreError::Unavailable { .. }) => away = true,
            // It would fail for ever; kept for inspection, it does not hold the others up.
            Err(error) => away |= spool.set_aside(id, &error.to_string()).await.is_err(),
        }
    }
    if spool.remove(&done).await.is_ok() && !away {
        step.then = Then::GoOn;
    }
    step
}
