//! The rolling window of a group: how often each agent was chosen, step by step, real and virtual calls kept apart.
//!
//! A choice counts until its step leaves the window, which moves in [`WINDOW_STEPS`] steps. Expiry is exact, whatever
//! the pause between two choices. Steps are told apart by when they end, so that a change of the window's length
//! moves its far end and no count. A step has left for good once a later choice is confirmed, as the store knows then
//! how far the window has moved. Virtual calls are those that an agent was given when it joined, so that it is not
//! flooded; they leave the window with their steps and never show in the counts that people read.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::roster::WINDOW_STEPS;
use crate::id::AgentId;
use crate::time::Timestamp;

/// How often an agent was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Choices.
    pub(super) calls: u64,
    /// Calls given on joining.
    pub(super) virtual_calls: u64,
}

impl Tally {
    /// What load balancing compares.
    pub(super) const fn load(self) -> u64 {
        self.calls + self.virtual_calls
    }

    const fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.virtual_calls += other.virtual_calls;
    }

    const fn remove(&mut self, other: Self) {
        self.calls -= other.calls;
        self.virtual_calls -= other.virtual_calls;
    }
}

/// One agent's calls in one step, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTally {
    /// The step's number: time since the epoch / step length.
    pub step: i64,
    /// The agent.
    pub agent: AgentId,
    /// Choices in that step.
    pub calls: u32,
    /// Virtual calls in that step.
    pub virtual_calls: u32,
}

/// Counts per step and agent over the last 96 steps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    step_millis: i64,
    /// The latest moment seen, in milliseconds.
    latest: i64,
    /// When the oldest step began that counts, in milliseconds: what ended before is out.
    start: i64,
    /// Oldest first; steps without calls have no entry.
    steps: VecDeque<Step>,
    /// Over the steps that count.
    totals: FxHashMap<AgentId, Tally>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Step {
    /// Its last millisecond.
    end: i64,
    counts: Vec<(AgentId, Tally)>,
}

impl Step {
    fn of(&self, agent: AgentId) -> Tally {
        self.counts.iter().find(|(a, _)| *a == agent).map_or(Tally::default(), |(_, tally)| *tally)
    }

    fn tally(&mut self, agent: AgentId) -> &mut Tally {
        let index = match self.counts.iter().position(|(a, _)| *a == agent) {
            Some(index) => index,
            None => {
                self.counts.push((agent, Tally::default()));
                self.counts.len() - 1
            }
        };
        &mut self.counts[index].1
    }
}

/// The last millisecond of a step of this length.
pub(super) const fn step_end(step: i64, step_millis: i64) -> i64 {
    (step + 1).saturating_mul(step_millis) - 1
}

/// When the oldest step began that is in the window with `step`, of this length, as its newest.
pub(super) const fn window_start(step: i64, step_millis: i64) -> i64 {
    (step - WINDOW_STEPS + 1).saturating_mul(step_millis)
}

impl Window {
    /// Moves the window to `now`, with steps of length `step`: steps that left it stop counting.
    pub(super) fn advance(&mut self, now: Timestamp, step: Duration) {
        self.step_millis = (step.as_millis() as i64).max(1);
        self.latest = self.latest.max(now.as_millis());
        let start = window_start(self.current(), self.step_millis);
        let before = std::mem::replace(&mut self.start, start);
        let moved = before.min(self.start)..before.max(self.start);
        for step in self.steps.iter().filter(|step| moved.contains(&step.end)) {
            for (agent, tally) in &step.counts {
                let total = self.totals.entry(*agent).or_default();
                match before < self.start {
                    true => total.remove(*tally),
                    false => total.add(*tally),
                }
            }
        }
    }

    /// Forgets steps that ended before `start`: they never count again.
    pub(super) fn forget(&mut self, start: i64) {
        while let Some(oldest) = self.steps.pop_front_if(|step| step.end < start) {
            if oldest.end >= self.start {
                for (agent, tally) in &oldest.counts {
                    self.totals.entry(*agent).or_default().remove(*tally);
                }
            }
        }
    }

    /// The step that choices are counted in now.
    pub(super) const fn current(&self) -> i64 {
        self.latest.div_euclid(self.step_millis)
    }

    /// The length of a step in milliseconds.
    pub(super) const fn step_millis(&self) -> i64 {
        self.step_millis
    }

    /// An agent's calls over the whole window.
    pub(super) fn tally(&self, agent: AgentId) -> Tally {
        self.totals.get(&agent).copied().unwrap_or_default()
    }

    /// Every agent's choices over the whole window, without virtual calls.
    pub(super) fn calls(&self) -> Vec<(AgentId, u64)> {
        let chosen = self.totals.iter().filter(|(_, tally)| tally.calls > 0);
        chosen.map(|(agent, tally)| (*agent, tally.calls)).collect()
    }

    /// When each step of the window began in which agents were chosen, oldest first, and how often.
    pub(super) fn chosen(&self) -> impl Iterator<Item = (Timestamp, AgentId, u64)> {
        let counting = self.steps.iter().filter(|step| step.end >= self.start);
        counting.flat_map(|step| {
            let from = Timestamp::from_millis(step.end + 1 - self.step_millis);
            let chosen = step.counts.iter().filter(|(_, tally)| tally.calls > 0);
            chosen.map(move |(agent, tally)| (from, *agent, tally.calls))
        })
    }

    /// Counts one choice of `agent` now.
    pub(super) fn count(&mut self, agent: AgentId) {
        self.put(step_end(self.current(), self.step_millis), agent, Tally { calls: 1, virtual_calls: 0 });
    }

    /// Takes one choice back that was counted in the step that ends at `end`, if the window still knows it.
    pub(super) fn uncount(&mut self, end: i64, agent: AgentId) {
        let Some(step) = self.steps.iter_mut().find(|step| step.end == end) else { return };
        step.tally(agent).calls -= 1;
        if end >= self.start {
            self.totals.entry(agent).or_default().calls -= 1;
        }
    }

    /// Adds stored counts; those that have left the window stop counting with the next [`Window::advance`].
    pub(super) fn restore(&mut self, step_millis: i64, stored: StepTally) {
        let tally = Tally { calls: stored.calls.into(), virtual_calls: stored.virtual_calls.into() };
        self.put(step_end(stored.step, step_millis), stored.agent, tally);
        if stored.calls > 0 {
            self.latest = self.latest.max(stored.step.saturating_mul(step_millis));
        }
    }

    /// Gives `joiner` the calls, real and virtual, of `reference`, scaled by capacity, never less than its own real
    /// ones: its virtual calls are replaced. From the newest step to the oldest, the floor is taken of the sum so far,
    /// so that whatever steps leave first, what is left is level to less than one call.
    pub(super) fn join(&mut self, joiner: (AgentId, u32), reference: (AgentId, u32)) {
        let (mut theirs, mut given) = (0_u64, 0_u64);
        self.forget_virtual(joiner.0);
        for step in self.steps.iter_mut().rev().take_while(|step| step.end >= self.start) {
            theirs += step.of(reference.0).load();
            let own = step.of(joiner.0).calls;
            let level = theirs * u64::from(joiner.1) / u64::from(reference.1);
            let missing = level.saturating_sub(given + own);
            given += own + missing;
            if missing > 0 {
                step.tally(joiner.0).virtual_calls = missing;
                self.totals.entry(joiner.0).or_default().virtual_calls += missing;
            }
        }
    }

    /// An agent's virtual calls by step, oldest first, and the length of these steps: one millisecond where they were
    /// not all counted in steps of today's length.
    pub(super) fn virtual_steps(&self, agent: AgentId) -> (i64, Vec<(i64, u32)>) {
        let of = |step: &Step| (step.end, step.of(agent).virtual_calls);
        let steps = || self.steps.iter().map(of).filter(|(_, calls)| *calls > 0);
        let even = steps().all(|(end, _)| (end + 1).rem_euclid(self.step_millis) == 0);
        let length = if even { self.step_millis } else { 1 };
        let stored =
            |(end, calls): (i64, u64)| (end.div_euclid(length), u32::try_from(calls).unwrap_or(u32::MAX));
        (length, steps().map(stored).collect())
    }

    fn forget_virtual(&mut self, agent: AgentId) {
        for step in &mut self.steps {
            if let Some((_, tally)) = step.counts.iter_mut().find(|(a, _)| *a == agent) {
                tally.virtual_calls = 0;
            }
        }
        if let Some(total) = self.totals.get_mut(&agent) {
            total.virtual_calls = 0;
        }
    }

    fn put(&mut self, end: i64, agent: AgentId, more: Tally) {
        let index = match self.steps.back() {
            Some(newest) if newest.end == end => self.steps.len() - 1,
            _ => match self.steps.binary_search_by_key(&end, |step| step.end) {
                Ok(index) => index,
                Err(index) => {
                    self.steps.insert(index, Step { end, counts: Vec::new() });
                    index
                }
            },
        };
        self.steps[index].tally(agent).add(more);
        if end >= self.start {
            self.totals.entry(agent).or_default().add(more);
        }
    }
}
