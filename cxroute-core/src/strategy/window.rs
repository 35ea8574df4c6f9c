//! The rolling window of a group: how often each agent was chosen, step by step, real and virtual calls kept apart.
//!
//! A choice counts until its step leaves the window, which moves in [`WINDOW_STEPS`] steps. Expiry is exact, whatever
//! the pause between two choices. Virtual calls are those that an agent was given when it joined, so that it is not
//! flooded; they leave the window with their steps and never show in the counts that people read.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::roster::WINDOW_STEPS;
use crate::id::AgentId;
use crate::time::Timestamp;

/// How often an agent was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Choices.
    pub calls: u64,
    /// Calls given on joining.
    pub virtual_calls: u64,
}

impl Tally {
    /// What load balancing compares.
    pub const fn load(self) -> u64 {
        self.calls + self.virtual_calls
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
#[derive(Clone, Debug, Default)]
pub struct Window {
    step_millis: i64,
    current: i64,
    /// Oldest first; steps without calls have no entry.
    steps: VecDeque<Step>,
    totals: FxHashMap<AgentId, Tally>,
}

#[derive(Clone, Debug)]
struct Step {
    number: i64,
    counts: Vec<(AgentId, Tally)>,
}

impl Step {
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

impl Window {
    /// An empty window with steps of this length.
    pub fn new(step: Duration) -> Self {
        Self { step_millis: (step.as_millis() as i64).max(1), ..Self::default() }
    }

    /// Moves the window to `now`, with steps of length `step`: steps that left it stop counting. When the length
    /// changes, each old step counts as the new step that it began in.
    pub fn advance(&mut self, now: Timestamp, step: Duration) {
        let step_millis = (step.as_millis() as i64).max(1);
        if step_millis != self.step_millis {
            self.restep(step_millis);
        }
        self.current = self.current.max(now.as_millis().div_euclid(self.step_millis));
        while let Some(oldest) = self.steps.front()
            && oldest.number <= self.current - WINDOW_STEPS
        {
            for (agent, tally) in &oldest.counts {
                if let Some(total) = self.totals.get_mut(agent) {
                    total.calls -= tally.calls;
                    total.virtual_calls -= tally.virtual_calls;
                }
            }
            self.steps.pop_front();
        }
        if self.steps.is_empty() && !self.totals.is_empty() {
            self.totals.clear();
        }
    }

    fn restep(&mut self, step_millis: i64) {
        let old = std::mem::take(self);
        self.step_millis = step_millis;
        self.current = (old.current * old.step_millis).div_euclid(step_millis);
        for step in old.steps {
            let number = (step.number * old.step_millis).div_euclid(step_millis);
            for (agent, tally) in step.counts {
                self.put(number, agent, tally);
            }
        }
    }

    /// The step that choices are counted in now.
    pub const fn current(&self) -> i64 {
        self.current
    }

    /// The length of a step in milliseconds.
    pub const fn step_millis(&self) -> i64 {
        self.step_millis
    }

    /// An agent's calls over the whole window.
    pub fn tally(&self, agent: AgentId) -> Tally {
        self.totals.get(&agent).copied().unwrap_or_default()
    }

    /// Counts one choice of `agent` now.
    pub fn count(&mut self, agent: AgentId) {
        self.put(self.current, agent, Tally { calls: 1, virtual_calls: 0 });
    }

    /// Takes one choice back, if its step is still in the window.
    pub fn uncount(&mut self, step: i64, agent: AgentId) {
        let Some(step) = self.steps.iter_mut().find(|s| s.number == step) else { return };
        let tally = step.tally(agent);
        if tally.calls > 0 {
            tally.calls -= 1;
            self.totals.entry(agent).or_default().calls -= 1;
        }
    }

    /// Adds stored counts; those of steps that have left the window are dropped by the next [`Window::advance`].
    pub fn restore(&mut self, stored: StepTally) {
        let tally = Tally { calls: stored.calls.into(), virtual_calls: stored.virtual_calls.into() };
        self.put(stored.step, stored.agent, tally);
        self.current = self.current.max(stored.step);
    }

    /// Every count in the window, oldest step first.
    pub fn steps(&self) -> impl Iterator<Item = StepTally> + '_ {
        self.steps.iter().flat_map(|step| {
            step.counts.iter().map(|(agent, tally)| StepTally {
                step: step.number,
                agent: *agent,
                calls: u32::try_from(tally.calls).unwrap_or(u32::MAX),
                virtual_calls: u32::try_from(tally.virtual_calls).unwrap_or(u32::MAX),
            })
        })
    }

    /// Gives `joiner`, step by step, the calls of `reference` scaled by capacity (cumulative floor, never below its
    /// own): its virtual calls are replaced. Returns the virtual calls by step.
    pub fn join(&mut self, joiner: (AgentId, u32), reference: (AgentId, u32)) -> Vec<(i64, u32)> {
        let (mut theirs, mut given_before, mut given) = (0_u64, 0_u64, Vec::new());
        let mut virtual_total = 0;
        for step in &mut self.steps {
            let find =
                |agent| step.counts.iter().find(|(a, _)| *a == agent).map_or(Tally::default(), |(_, t)| *t);
            let own = find(joiner.0);
            theirs += find(reference.0).load();
            let level = theirs * u64::from(joiner.1) / u64::from(reference.1.max(1));
            let upto = level.max(given_before + own.calls);
            let virtual_calls = upto - given_before - own.calls;
            given_before = upto;
            if virtual_calls > 0 || own.virtual_calls > 0 {
                step.tally(joiner.0).virtual_calls = virtual_calls;
                given.push((step.number, u32::try_from(virtual_calls).unwrap_or(u32::MAX)));
            }
            virtual_total += virtual_calls;
        }
        self.totals.entry(joiner.0).or_default().virtual_calls = virtual_total;
        given
    }

    fn put(&mut self, number: i64, agent: AgentId, more: Tally) {
        let index = match self.steps.back() {
            Some(newest) if newest.number == number => self.steps.len() - 1,
            _ => match self.steps.binary_search_by_key(&number, |step| step.number) {
                Ok(index) => index,
                Err(index) => {
                    self.steps.insert(index, Step { number, counts: Vec::new() });
                    index
                }
            },
        };
        let tally = self.steps[index].tally(agent);
        tally.calls += more.calls;
        tally.virtual_calls += more.virtual_calls;
        let total = self.totals.entry(agent).or_default();
        total.calls += more.calls;
        total.virtual_calls += more.virtual_calls;
    }
}
