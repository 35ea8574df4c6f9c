//! What a step changes in the rollups: signed figures by quarter-hour of the immutable time of receipt (domain.md §10).

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::aggregate::Call;
use super::state::CallState;
use crate::id::{AgentId, GroupId};

/// The quarter-hour that rollups count in, in milliseconds.
const QUARTER_MILLIS: i64 = 900_000;

/// Figures of calls: a rollup row, or a change of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Calls received.
    pub calls: i64,
    /// Calls that ended completed.
    pub completed: i64,
    /// Calls that ended busy.
    pub busy: i64,
    /// Calls that failed.
    pub failed: i64,
    /// Calls without an answer.
    pub no_answer: i64,
    /// Billed seconds of the completed calls.
    pub completed_seconds: i64,
}

/// Whose figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollupKind {
    /// The tenant's.
    Tenant,
    /// An agent's: the last attempt's.
    Agent(AgentId),
    /// A group's: the last attempt's.
    Group(GroupId),
}

/// A change of one rollup row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollupDelta {
    /// Whose.
    pub kind: RollupKind,
    /// Quarter-hours since the epoch.
    pub quarter: i64,
    /// By how much.
    pub figures: Figures,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.add(other, 1);
    }
}

impl Figures {
    /// Adds `other` `times` over.
    fn add(&mut self, other: Self, times: i64) {
        self.calls += other.calls * times;
        self.completed += other.completed * times;
        self.busy += other.busy * times;
        self.failed += other.failed * times;
        self.no_answer += other.no_answer * times;
        self.completed_seconds += other.completed_seconds * times;
    }

    /// The figures of one call as it stands.
    fn of(call: &Call) -> Self {
        let is = |state| i64::from(call.state == state);
        let completed = is(CallState::Completed);
        Self {
            calls: 1,
            completed,
            busy: is(CallState::Busy),
            failed: is(CallState::Failed),
            no_answer: is(CallState::NoAnswer),
            completed_seconds: completed * i64::from(call.duration.unwrap_or(0)),
        }
    }
}

/// The changes that turn the rollups of `before` into those of `after`; rows that do not change are left out.
pub fn rollup(before: Option<&Call>, after: &Call) -> SmallVec<[RollupDelta; 3]> {
    let mut deltas: SmallVec<[RollupDelta; 3]> = SmallVec::new();
    let quarter = after.received_at.as_millis().div_euclid(QUARTER_MILLIS);
    let mut add = |kind, figures, times| {
        let index = deltas.iter().position(|delta| delta.kind == kind).unwrap_or_else(|| {
            deltas.push(RollupDelta { kind, quarter, figures: Figures::default() });
            deltas.len() - 1
        });
        deltas[index].figures.add(figures, times);
    };
    for (call, times) in before.map(|call| (call, -1)).into_iter().chain([(after, 1)]) {
        let figures = Figures::of(call);
        add(RollupKind::Tenant, figures, times);
        if let Some(agent) = call.agent() {
            add(RollupKind::Agent(agent), figures, times);
        }
        if let Some(group) = call.group() {
            add(RollupKind::Group(group), figures, times);
        }
    }
    deltas.retain(|delta| delta.figures != Figures::default());
    deltas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_add_up_field_by_field() {
        let figures = |calls, completed, busy, failed, no_answer, completed_seconds| Figures {
            calls,
            completed,
            busy,
            failed,
            no_answer,
            completed_seconds,
        };
        let mut total = figures(1, 2, 3, 4, 5, 6);
        total += figures(10, 20, 30, 40, 50, 60);
        assert_eq!(total, figures(11, 22, 33, 44, 55, 66));
    }
}
