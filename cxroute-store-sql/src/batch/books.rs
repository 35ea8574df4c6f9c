//! The plane's books as rows: what [`cxroute_core::strategy::Books`] does, folded over a batch.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use cxroute_core::port::StoreError;
use cxroute_core::strategy::{Join, LedgerDelta, Turn, WINDOW_STEPS};
use serde::Serialize;

use crate::codec::{RowForm, Rows, to_document};

/// What a batch changes in the books.
#[derive(Debug, Default)]
pub struct BookRows {
    planes: BTreeMap<u64, Plane>,
    counted: BTreeMap<(u64, u64, u64, i64, i64), u32>,
    /// What ended before this has left the group's window.
    windows: BTreeMap<(u64, u64), i64>,
    last: BTreeMap<(u64, u64, u64), u64>,
    joins: BTreeMap<(u64, u64, u64), Joined>,
    /// What is newest replaces what was before, here as in the tables.
    presence: BTreeMap<(u64, u64, u64), Newest<u8>>,
    turns: BTreeMap<(u64, u64, i64), Newest<(u32, u64)>>,
    health: BTreeMap<(u64, u64), Newest<String>>,
}

/// A value, and the number of the operation that set it.
#[derive(Debug)]
struct Newest<V> {
    seq: u64,
    value: V,
}

/// Keeps the newer of two values; the later one of two that are as new.
fn renew<K: Ord, V>(of: &mut BTreeMap<K, Newest<V>>, key: K, seq: u64, value: V) {
    match of.entry(key) {
        Entry::Occupied(kept) if kept.get().seq > seq => {}
        entry => {
            entry.insert_entry(Newest { seq, value });
        }
    }
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
            renew(&mut self.presence, (tenant, group, agent), seq, present);
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
            let key = (tenant, group.get(), level_key(level));
            renew(&mut self.turns, key, seq, (priority, membership.get()));
        }
        for row in &delta.health {
            let health = to_document(&row.health, "agent_health")?;
            renew(&mut self.health, (tenant, row.agent.get()), seq, health);
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

    /// Notes how far calls' ids are from their times of receipt.
    pub(super) fn note_skew(&mut self, tenant: u64, skew: i64) {
        let plane = self.planes.entry(tenant).or_default();
        plane.skew = plane.skew.max(skew);
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.planes.is_empty()
    }

    /// `plane_books`, the greater stays: `(tenant, seq, id_skew)`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn planes<R: RowForm>(&self) -> Result<R, StoreError> {
        rows(self.planes.iter().map(|(tenant, plane)| (*tenant, plane.seq, plane.skew)))
    }

    /// `group_window_steps`, calls to be added: `(tenant, group, agent, step_millis, step, calls, virtual_calls)`, the last 0.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn counted<R: RowForm>(&self) -> Result<R, StoreError> {
        let counted = self.counted.iter();
        rows(counted.map(|((tenant, group, agent, millis, step), calls)| {
            (*tenant, *group, *agent, *millis, *step, *calls, 0)
        }))
    }

    /// What ended before this has left a group's window, and goes first: `(tenant, group, start)`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn windows(&self) -> Result<Rows, StoreError> {
        rows(self.each_window())
    }

    /// The same, one by one.
    pub fn each_window(&self) -> impl Iterator<Item = (u64, u64, i64)> {
        self.windows.iter().map(|((tenant, group), start)| (*tenant, *group, *start))
    }

    /// `group_seats`, of which the greater `last_choice` stays:
    /// `(tenant, group, agent, last_choice, present, present_seq, joined_seq)`, the last three 0.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn last<R: RowForm>(&self) -> Result<R, StoreError> {
        rows(self.last.iter().map(|((tenant, group, agent), seq)| (*tenant, *group, *agent, *seq, 0, 0, 0)))
    }

    /// `group_seats`, of which `present` is replaced by what is newer (`present_seq`): the same, `last_choice` and
    /// `joined_seq` 0.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn presence<R: RowForm>(&self) -> Result<R, StoreError> {
        let presence = self.presence.iter();
        rows(presence.map(|((tenant, group, agent), newest)| {
            (*tenant, *group, *agent, 0, newest.value, newest.seq, 0)
        }))
    }

    /// `group_turns`, by what is newer: `(tenant, group, level, priority, membership, seq)`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn turns<R: RowForm>(&self) -> Result<R, StoreError> {
        let turns = self.turns.iter();
        rows(turns.map(|((tenant, group, level), Newest { seq, value: (priority, membership) })| {
            (*tenant, *group, *level, *priority, *membership, *seq)
        }))
    }

    /// `agent_health`, by what is newer: `(tenant, agent, health, seq)`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn health<R: RowForm>(&self) -> Result<R, StoreError> {
        let health = self.health.iter();
        rows(health.map(|((tenant, agent), newest)| (*tenant, *agent, newest.value.as_str(), newest.seq)))
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

fn rows<R: RowForm, T: Serialize>(all: impl Iterator<Item = T>) -> Result<R, StoreError> {
    let mut rows = R::default();
    for row in all {
        rows.push(&row)?;
    }
    Ok(rows)
}
