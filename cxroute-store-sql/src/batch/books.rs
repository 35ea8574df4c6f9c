//! The plane's books as rows: what [`cxroute_core::strategy::Books`] does, folded over a batch.

use std::collections::BTreeMap;

use cxroute_core::call::Call;
use cxroute_core::id::CallId;
use cxroute_core::port::StoreError;
use cxroute_core::strategy::{Join, LedgerDelta, Turn, WINDOW_STEPS};
use serde::Serialize;

use crate::codec::{RowForm as _, Rows, to_document};

/// What a batch changes in the books.
#[derive(Debug, Default)]
pub struct BookRows {
    planes: BTreeMap<u64, Plane>,
    counted: BTreeMap<(u64, u64, u64, i64, i64), u32>,
    /// What ended before this has left the group's window.
    windows: BTreeMap<(u64, u64), i64>,
    last: BTreeMap<(u64, u64, u64), u64>,
    joins: BTreeMap<(u64, u64, u64), Joined>,
    /// `group_seats`, by what is newer: `tenant`, `group`, `agent`, `present`, `seq`.
    pub presence: Rows,
    /// `group_turns`, by what is newer: `tenant`, `group`, `level`, `priority`, `membership`, `seq`.
    pub turns: Rows,
    /// `agent_health`, by what is newer: `tenant`, `agent`, `health`, `seq`.
    pub health: Rows,
}

/// An agent's newest join: virtual calls by step length and step.
#[derive(Debug, Default)]
struct Joined {
    seq: u64,
    steps: BTreeMap<(i64, i64), u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Plane {
    seq: u64,
    skew: i64,
}

#[derive(Serialize)]
struct PresenceRow {
    tenant: u64,
    group: u64,
    agent: u64,
    present: u8,
    seq: u64,
}

#[derive(Serialize)]
struct TurnRow {
    tenant: u64,
    group: u64,
    level: i64,
    priority: u32,
    membership: u64,
    seq: u64,
}

#[derive(Serialize)]
struct HealthRow {
    tenant: u64,
    agent: u64,
    health: String,
    seq: u64,
}

/// A turn's level as a key: -1 for the whole group.
fn level_key(level: Option<u32>) -> i64 {
    level.map_or(-1, i64::from)
}

impl BookRows {
    /// Adds what one committed operation of the plane changed.
    pub(super) fn apply(&mut self, tenant: u64, delta: &LedgerDelta) -> Result<(), StoreError> {
        let seq = delta.seq;
        let plane = self.planes.entry(tenant).or_default();
        plane.seq = plane.seq.max(seq);
        for presence in &delta.presence {
            let (group, agent) = (presence.group.get(), presence.agent.get());
            let present = u8::from(presence.present);
            self.presence.push(&PresenceRow { tenant, group, agent, present, seq })?;
        }
        for join in &delta.joins {
            self.join(tenant, seq, join);
        }
        if let Some(counted) = delta.counted {
            let (group, agent) = (counted.group.get(), counted.agent.get());
            *self.counted.entry((tenant, group, agent, counted.step_millis, counted.step)).or_default() += 1;
            self.move_window((tenant, group), window_start(counted.step, counted.step_millis));
            let last = self.last.entry((tenant, group, agent)).or_default();
            *last = (*last).max(seq);
        }
        if let Some((group, Turn { level, position: (priority, membership) })) = delta.turn {
            let (group, membership, level) = (group.get(), membership.get(), level_key(level));
            self.turns.push(&TurnRow { tenant, group, level, priority, membership, seq })?;
        }
        for row in &delta.health {
            let health = to_document(&row.health, "agent_health")?;
            self.health.push(&HealthRow { tenant, agent: row.agent.get(), health, seq })?;
        }
        Ok(())
    }

    /// An earlier join of the agent leaves its steps without virtual calls, a later one is not replaced.
    fn join(&mut self, tenant: u64, seq: u64, join: &Join) {
        let joined = self.joins.entry((tenant, join.group.get(), join.agent.get())).or_default();
        if seq >= joined.seq {
            joined.seq = seq;
            joined.steps.values_mut().for_each(|calls| *calls = 0);
            joined.steps.extend(join.steps.iter().map(|(step, calls)| ((join.step_millis, *step), *calls)));
        }
    }

    /// Drops steps that have left the window. What is stored has been there before all of this batch; what this batch
    /// adds later may be late, and stays until the window moves again.
    fn move_window(&mut self, group: (u64, u64), start: i64) {
        let window = self.windows.entry(group).or_insert(start);
        *window = start.max(*window);
        let gone = |millis: i64, step: i64| (step + 1).saturating_mul(millis) <= start;
        self.counted
            .retain(|(tenant, of, _, millis, step), _| (*tenant, *of) != group || !gone(*millis, *step));
        for ((tenant, of, _), joined) in &mut self.joins {
            if (*tenant, *of) == group {
                joined.steps.retain(|(millis, step), _| !gone(*millis, *step));
            }
        }
    }

    /// Notes how far a new call's id is from its time of receipt: reading by time goes by ids, which are minted from
    /// it, and allows for this much.
    pub(super) fn note_id(&mut self, tenant: u64, call: &Call) {
        let millis = |id: CallId| (id.get() >> 11).cast_signed();
        let skew = (millis(call.id) - millis(CallId::mint(call.received_at, 0))).abs();
        let plane = self.planes.entry(tenant).or_default();
        plane.skew = plane.skew.max(skew);
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.planes.is_empty()
    }

    /// `plane_books`, the greater stays: `[tenant, seq, id_skew]`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn planes(&self) -> Result<Rows, StoreError> {
        rows(self.planes.iter().map(|(tenant, plane)| (tenant, plane.seq, plane.skew)))
    }

    /// `group_window_steps`, calls to be added: `[[tenant, group, agent, step_millis, step], calls]`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn counted(&self) -> Result<Rows, StoreError> {
        rows(self.counted.iter())
    }

    /// What ended before this has left a group's window, and goes first: `[[tenant, group], start]`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn windows(&self) -> Result<Rows, StoreError> {
        rows(self.windows.iter())
    }

    /// The same, one by one: tenant, group, start.
    pub fn each_window(&self) -> impl Iterator<Item = (u64, u64, i64)> {
        self.windows.iter().map(|((tenant, group), start)| (*tenant, *group, *start))
    }

    /// `group_seats.last_choice`, the greater stays: `[[tenant, group, agent], seq]`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn last(&self) -> Result<Rows, StoreError> {
        rows(self.last.iter())
    }

    /// `group_seats.joined_seq`, the greater stays: `[[tenant, group, agent], seq]`. Virtual calls of the agents whose
    /// newest join it is are set to 0 before those of [`BookRows::virtual_calls`] are set.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn joins(&self) -> Result<Rows, StoreError> {
        rows(self.joins.iter().map(|(who, joined)| (who, joined.seq)))
    }

    /// `group_window_steps.virtual_calls` of agents whose newest join it is:
    /// `[[tenant, group, agent], seq, step_millis, step, calls]`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn virtual_calls(&self) -> Result<Rows, StoreError> {
        rows(self.joins.iter().flat_map(|(who, joined)| {
            joined.steps.iter().map(move |((millis, step), calls)| (who, joined.seq, millis, step, calls))
        }))
    }
}

/// When the oldest step began that is in the window with `step`, of this length, as its newest.
const fn window_start(step: i64, step_millis: i64) -> i64 {
    (step - WINDOW_STEPS + 1).saturating_mul(step_millis)
}

fn rows<T: Serialize>(all: impl Iterator<Item = T>) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    for row in all {
        rows.push(&row)?;
    }
    Ok(rows)
}
