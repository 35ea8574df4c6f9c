//! What a call leaves behind: the attempts it made, the faults it met, and what the server's records must say.

use crate::simulate::cxml::Target;
use crate::simulate::outcome::Outcome;
use crate::simulate::violation::Violation;

/// What happened in a call, as the platform saw it.
#[derive(Clone, Debug, Default)]
pub(in crate::simulate) struct Ledger {
    /// Every dial that CXML named, in the order in which it was received.
    pub(in crate::simulate) attempts: Vec<Attempt>,
    /// What was wrong with the course of the call.
    pub(in crate::simulate) faults: Vec<Violation>,
    /// What was odd and allowed about the course of the call.
    pub(in crate::simulate) notes: Vec<String>,
    /// The disposition of the CDR.
    pub(in crate::simulate) disposition: &'static str,
    /// The status that the record must have once the CDR has been taken.
    pub(in crate::simulate) status: &'static str,
}

/// One dial.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Attempt {
    pub(in crate::simulate) targets: Vec<Target>,
    /// How it ended; `None` when the CXML came too late to be executed.
    pub(in crate::simulate) outcome: Option<Outcome>,
}

impl Ledger {
    /// Enters a received dial and gives its place; `None` for another verb.
    pub(super) fn decided(&mut self, targets: Option<&[Target]>) -> Option<usize> {
        let targets = targets?.to_vec();
        self.attempts.push(Attempt { targets, outcome: None });
        Some(self.attempts.len() - 1)
    }

    /// The first of `targets` that is an agent whom an earlier attempt has reached for.
    pub(super) fn repeated<'a>(&self, targets: &'a [Target]) -> Option<&'a Target> {
        let played = || self.attempts.iter().filter(|attempt| attempt.outcome.is_some());
        let tried = |target: &Target| played().any(|attempt| attempt.targets.contains(target));
        targets.iter().find(|target| target.is_agent() && tried(target))
    }

    /// How the last executed attempt ended.
    pub(super) fn last_outcome(&self) -> Option<Outcome> {
        self.attempts.iter().rev().find_map(|attempt| attempt.outcome)
    }

    /// Whether somebody was reached.
    pub(super) fn reached(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.outcome == Some(Outcome::Completed))
    }
}
