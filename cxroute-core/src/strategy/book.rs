//! A group's books: its window, who was there, who was chosen last, whose turn it was.

use rustc_hash::FxHashMap;

use super::ledger::{Counted, GroupImage, Turn};
use super::plane::Pick;
use super::roster::{Roster, Seat};
use super::window::{Tally, Window};
use crate::config::Strategy;
use crate::id::AgentId;
use crate::time::Timestamp;

/// One group's books.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupBook {
    pub(super) window: Window,
    /// What is known of each member that ever was there.
    pub(super) members: FxHashMap<AgentId, MemberBook>,
    turns: Vec<Turn>,
    /// Whether the group has ever chosen: its first members do not join, they are there.
    pub(super) begun: bool,
    /// The fingerprint of the roster that the last choice was made from.
    pub(super) roster: u64,
}

/// One member's state.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MemberBook {
    /// Sequence number of its last choice; 0 = never.
    pub(super) last: u64,
    /// Whether it was there at the group's last choice.
    pub(super) present: bool,
}

impl GroupBook {
    pub(super) fn restore(image: GroupImage) -> Self {
        let mut book = Self { turns: image.turns, begun: true, ..Self::default() };
        for seat in image.seats {
            book.members.insert(seat.agent, MemberBook { last: seat.last, present: seat.present });
        }
        // Steps of other lengths than the newest's are of a window that has since been changed.
        for (step_millis, stored) in image.steps {
            let step = std::time::Duration::from_millis(step_millis.unsigned_abs().max(1));
            if book.window.step_millis() != step_millis {
                let at = Timestamp::from_millis(stored.step.saturating_mul(step_millis));
                book.window.advance(at, step);
            }
            book.window.restore(stored);
        }
        book
    }

    pub(super) fn tally(&self, agent: AgentId) -> Tally {
        self.window.tally(agent)
    }

    pub(super) fn last(&self, agent: AgentId) -> u64 {
        self.members.get(&agent).map_or(0, |member| member.last)
    }

    /// The last turn of this level; of the whole group without one.
    pub(super) fn turn(&self, level: Option<u32>) -> Option<Turn> {
        self.turns.iter().find(|turn| turn.level == level).copied()
    }

    /// Books the turn; returns the one it replaces.
    pub(super) fn take_turn(&mut self, turn: Turn) -> Option<Turn> {
        match self.turns.iter_mut().find(|t| t.level == turn.level) {
            Some(before) => Some(std::mem::replace(before, turn)),
            None => {
                self.turns.push(turn);
                None
            }
        }
    }

    /// Counts a choice of `seat`, and says whose turn it was where the strategy has turns.
    pub(super) fn count(&mut self, roster: &Roster, seat: &Seat, seq: u64) -> (Counted, Option<Turn>) {
        self.window.count(seat.agent);
        self.members.entry(seat.agent).or_default().last = seq;
        let counted = Counted {
            group: roster.group.unwrap_or(crate::id::GroupId::new(0)),
            agent: seat.agent,
            step_millis: self.window.step_millis(),
            step: self.window.current(),
        };
        let level = match roster.strategy {
            Strategy::LoadBalanced => return (counted, None),
            Strategy::RoundRobin => None,
            Strategy::Priority => Some(seat.order().0),
        };
        (counted, Some(Turn { level, position: seat.order() }))
    }

    /// Takes a choice back: its count, and its turn if nobody has taken one since.
    pub(super) fn uncount(&mut self, counted: Counted, pick: &Pick) {
        if self.window.step_millis() == counted.step_millis {
            self.window.uncount(counted.step, counted.agent);
        }
        if let (Some((_, turn)), Some(before)) = (pick.delta.turn, pick.turn_before)
            && let Some(index) = self.turns.iter().position(|t| *t == turn)
            && self.members.values().all(|member| member.last <= pick.seq)
        {
            match before {
                Some(before) => self.turns[index] = before,
                None => {
                    self.turns.remove(index);
                }
            }
        }
    }
}
