//! The durable books: how a store applies a [`LedgerDelta`], and the image that a plane is rebuilt from.
//!
//! This is the executable specification; an SQL adapter does the same with rows. Increments are applied once, because
//! the receipt of their signal is unique; absolute values only if they are newer than what is there.

use std::collections::BTreeMap;

use super::ledger::{AgentHealth, GroupImage, HealthRow, LedgerDelta, SeatImage, Turn};
use super::window::{StepTally, step_end, window_start};
use crate::id::{AgentId, GroupId};
use crate::time::Timestamp;

/// The longest window there can be, in milliseconds.
const LONGEST_WINDOW_MILLIS: i64 = 168 * 3_600_000;

/// One tenant's durable books.
#[derive(Clone, Debug, Default)]
pub struct Books {
    seq: u64,
    groups: BTreeMap<GroupId, Group>,
    health: BTreeMap<AgentId, (u64, AgentHealth)>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// By step length, step and agent.
    steps: BTreeMap<(i64, i64, AgentId), (u32, u32)>,
    seats: BTreeMap<AgentId, Seat>,
    turns: BTreeMap<Option<u32>, (u64, Turn)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    last: u64,
    present: bool,
    present_seq: u64,
    joined_seq: u64,
}

impl Group {
    /// Whether a step ended before `start`: only the oldest of each length can have, so that a choice does not look at
    /// every step of the window.
    fn has_steps_before(&self, start: i64) -> bool {
        let mut next = self.steps.keys().next();
        while let Some((step_millis, step, _)) = next {
            if step_end(*step, *step_millis) < start {
                return true;
            }
            let longer = (step_millis + 1, i64::MIN, AgentId::new(0));
            next = self.steps.range(longer..).next().map(|(key, _)| key);
        }
        false
    }
}

/// A row of the books, as a store keeps them in tables. `…seq`: the number of the operation that set it.
#[derive(Clone, Debug, PartialEq)]
pub enum BookRow {
    /// The highest sequence number applied.
    Plane {
        /// It.
        seq: u64,
    },
    /// What was counted in a step.
    Step {
        /// The group.
        group: GroupId,
        /// The step's length in milliseconds.
        step_millis: i64,
        /// An agent's calls in it.
        tally: StepTally,
    },
    /// A member's state.
    Seat {
        /// The group.
        group: GroupId,
        /// The state.
        seat: SeatImage,
        /// Of the presence.
        present_seq: u64,
        /// Of the newest join; 0 = none.
        joined_seq: u64,
    },
    /// The last turn of a group, or of one of its levels.
    Turn {
        /// The group.
        group: GroupId,
        /// The turn.
        turn: Turn,
        /// Of the turn.
        seq: u64,
    },
    /// An agent's health.
    Health {
        /// It.
        row: HealthRow,
        /// Of the health.
        seq: u64,
    },
}

impl Books {
    /// Puts a row of stored books in its place, for a store that has applied some operations to its tables and applies the
    /// others as it reads.
    pub fn put(&mut self, row: BookRow) {
        match row {
            BookRow::Plane { seq } => self.seq = seq,
            BookRow::Step { group, step_millis, tally } => {
                let key = (step_millis, tally.step, tally.agent);
                let counts = (tally.calls, tally.virtual_calls);
                self.groups.entry(group).or_default().steps.insert(key, counts);
            }
            BookRow::Seat { group, seat: SeatImage { agent, last, present }, present_seq, joined_seq } => {
                let seat = Seat { last, present, present_seq, joined_seq };
                self.groups.entry(group).or_default().seats.insert(agent, seat);
            }
            BookRow::Turn { group, turn, seq } => {
                self.groups.entry(group).or_default().turns.insert(turn.level, (seq, turn));
            }
            BookRow::Health { row: HealthRow { agent, health }, seq } => {
                self.health.insert(agent, (seq, health));
            }
        }
    }

    /// Applies what one committed operation changed.
    pub fn apply(&mut self, delta: &LedgerDelta) {
        let seq = delta.seq;
        self.seq = self.seq.max(seq);
        for presence in &delta.presence {
            let seat =
                self.groups.entry(presence.group).or_default().seats.entry(presence.agent).or_default();
            if seq >= seat.present_seq {
                (seat.present, seat.present_seq) = (presence.present, seq);
            }
        }
        for join in &delta.joins {
            let group = self.groups.entry(join.group).or_default();
            let seat = group.seats.entry(join.agent).or_default();
            if seq < seat.joined_seq {
                continue;
            }
            seat.joined_seq = seq;
            for (_, counts) in group.steps.iter_mut().filter(|((.., agent), _)| *agent == join.agent) {
                counts.1 = 0;
            }
            for (step, calls) in &join.steps {
                group.steps.entry((join.step_millis, *step, join.agent)).or_default().1 = *calls;
            }
        }
        if let Some(counted) = delta.counted {
            let group = self.groups.entry(counted.group).or_default();
            group.steps.entry((counted.step_millis, counted.step, counted.agent)).or_default().0 += 1;
            let start = window_start(counted.step, counted.step_millis);
            if group.has_steps_before(start) {
                group.steps.retain(|(step_millis, step, _), _| step_end(*step, *step_millis) >= start);
            }
            let seat = group.seats.entry(counted.agent).or_default();
            seat.last = seat.last.max(seq);
        }
        if let Some((group, turn)) = delta.turn {
            let (last, at) =
                self.groups.entry(group).or_default().turns.entry(turn.level).or_insert((seq, turn));
            if seq >= *last {
                (*last, *at) = (seq, turn);
            }
        }
        for row in &delta.health {
            let (last, health) = self.health.entry(row.agent).or_default();
            if seq >= *last {
                (*last, *health) = (seq, row.health.clone());
            }
        }
    }

    /// The highest sequence number applied.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The groups' books, without steps that have left the longest of windows.
    pub fn groups(&self, now: Timestamp) -> Vec<GroupImage> {
        let image = |(group, books): (&GroupId, &Group)| GroupImage {
            group: *group,
            steps: books
                .steps
                .iter()
                .filter(|((millis, step, _), _)| {
                    now.as_millis() - step_end(*step, *millis) < LONGEST_WINDOW_MILLIS
                })
                .map(|((millis, step, agent), (calls, virtual_calls))| {
                    let (step, agent) = (*step, *agent);
                    (*millis, StepTally { step, agent, calls: *calls, virtual_calls: *virtual_calls })
                })
                .collect(),
            seats: books
                .seats
                .iter()
                .map(|(agent, seat)| SeatImage { agent: *agent, last: seat.last, present: seat.present })
                .collect(),
            turns: books.turns.values().map(|(_, turn)| *turn).collect(),
        };
        self.groups.iter().map(image).collect()
    }

    /// The agents' health.
    pub fn health(&self) -> Vec<HealthRow> {
        self.health
            .iter()
            .map(|(agent, (_, health))| HealthRow { agent: *agent, health: health.clone() })
            .collect()
    }
}
