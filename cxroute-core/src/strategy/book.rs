//! A group's books: its window, who was there, who was chosen last, whose turn it was.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::latest::Latest;
use super::ledger::{Counted, GroupImage, Turn};
use super::roster::{Roster, Seat};
use super::window::{StepTally, Tally, Window, step_end, window_start};
use crate::config::Strategy;
use crate::id::{AgentId, GroupId, MembershipId};

/// A place in membership order: priority (none last), then membership id.
type Position = (u32, MembershipId);

/// One group's books.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct GroupBook {
    pub(super) window: Window,
    /// What is known of each member that ever was there.
    pub(super) members: FxHashMap<AgentId, MemberBook>,
    /// The last turn of each level that takes turns of its own; of the whole group without a level.
    turns: Vec<(Option<u32>, Latest<Position>)>,
    /// Whether the group has ever chosen: its first members do not join, they are there.
    pub(super) begun: bool,
    /// The fingerprint of the roster that the last choice was made from.
    pub(super) roster: u64,
}

/// One member's state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct MemberBook {
    /// When it was last chosen, by sequence number.
    last: Latest<()>,
    /// Whether it was there at the group's last choice.
    pub(super) present: bool,
}

impl GroupBook {
    pub(super) fn restore(image: GroupImage) -> Self {
        let mut book = Self { begun: true, ..Self::default() };
        book.turns.extend(image.turns.into_iter().map(|turn| (turn.level, Latest::kept(0, turn.position))));
        for seat in image.seats {
            let member = MemberBook { last: Latest::kept(seat.last, ()), present: seat.present };
            book.members.insert(seat.agent, member);
        }
        let counted = image.steps.iter().filter(|(_, stored)| stored.calls > 0);
        let start = counted.map(|(step_millis, stored)| window_start(stored.step, *step_millis)).max();
        for (step_millis, stored) in image.steps {
            book.window.restore(step_millis, stored);
        }
        if let Some(start) = start {
            book.window.forget(start);
        }
        book
    }

    pub(super) fn tally(&self, agent: AgentId) -> Tally {
        self.window.tally(agent)
    }

    /// The sequence number of an agent's last choice; 0 = never.
    pub(super) fn last(&self, agent: AgentId) -> u64 {
        self.members.get(&agent).and_then(|member| member.last.get()).map_or(0, |(seq, ())| seq)
    }

    /// The last turn of this level; of the whole group without one.
    pub(super) fn turn(&self, level: Option<u32>) -> Option<Position> {
        let (_, turn) = self.turns.iter().find(|(of, _)| *of == level)?;
        turn.get().map(|(_, position)| position)
    }

    /// Counts the choice `seq` of `seat`, and takes the turn where the strategy has turns.
    pub(super) fn count(
        &mut self,
        group: GroupId,
        roster: &Roster,
        seat: &Seat,
        seq: u64,
    ) -> (Counted, Option<Turn>) {
        self.window.count(seat.agent);
        self.members.entry(seat.agent).or_default().last.set(seq, ());
        let (step_millis, step) = (self.window.step_millis(), self.window.current());
        let counted = Counted { group, agent: seat.agent, step_millis, step };
        let level = match roster.strategy {
            Strategy::LoadBalanced => return (counted, None),
            Strategy::RoundRobin => None,
            Strategy::Priority => Some(seat.order().0),
        };
        let index = self.turns.iter().position(|(of, _)| *of == level).unwrap_or_else(|| {
            self.turns.push((level, Latest::default()));
            self.turns.len() - 1
        });
        self.turns[index].1.set(seq, seat.order());
        (counted, Some(Turn { level, position: seat.order() }))
    }

    /// Counts a choice that was made elsewhere, in the step that it was made in: it is the last one of its agent. Turns
    /// are taken by the plane's own choices alone.
    pub(super) fn adopt(&mut self, counted: &Counted, seq: u64) {
        let Counted { agent, step_millis, step, .. } = *counted;
        self.window.restore(step_millis, StepTally { step, agent, calls: 1, virtual_calls: 0 });
        let member = self.members.entry(agent).or_default();
        member.last.set(seq, ());
        member.last.keep(seq);
        self.begun = true;
    }

    /// The choice `seq` is there to stay, and what had left the window by then is gone.
    pub(super) fn keep(&mut self, counted: &Counted, turn: Option<Turn>, seq: u64) {
        self.window.forget(window_start(counted.step, counted.step_millis));
        self.each_latest(counted, turn, |last| last.keep(seq), |turn| turn.keep(seq));
    }

    /// Takes the choice `seq` back as if it never was: its count, its place in the order of choices, its turn.
    pub(super) fn take_back(&mut self, counted: &Counted, turn: Option<Turn>, seq: u64) {
        self.window.uncount(step_end(counted.step, counted.step_millis), counted.agent);
        self.each_latest(counted, turn, |last| last.take_back(seq), |turn| turn.take_back(seq));
    }

    fn each_latest(
        &mut self,
        counted: &Counted,
        turn: Option<Turn>,
        of_member: impl FnOnce(&mut Latest<()>),
        of_turn: impl FnOnce(&mut Latest<Position>),
    ) {
        if let Some(member) = self.members.get_mut(&counted.agent) {
            of_member(&mut member.last);
        }
        if let Some(turn) = turn
            && let Some((_, latest)) = self.turns.iter_mut().find(|(of, _)| *of == turn.level)
        {
            of_turn(latest);
        }
    }
}
