//! A call's attempts, whatever the order in which their signals arrive. Two servers' spools drain as they can: an attempt
//! may be decided before the one ahead of it is known, end before it is known itself, and be known after the CDR. In the
//! end each has what it has when all come in order: the target and start of its decision, and the end of its own result,
//! or of the CDR if that arrived first.

use super::aggregate::{Attempt, Call, EarlyResult, Outcome};
use super::decision::NewAttempt;
use super::signal::DialReport;
use super::state::CallState;
use crate::time::Timestamp;

/// What became of a dial result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It closed its attempt.
    Closed,
    /// Its attempt is not known yet: it is kept for it.
    Early,
    /// The attempt has ended, or there is none.
    Stale,
}

impl Call {
    /// The number of the last attempt that is known; 0 if there is none.
    pub(super) fn last_number(&self) -> u16 {
        self.attempts.last().map_or(0, |attempt| attempt.number)
    }

    /// Whether an attempt of this number is known.
    pub(super) fn has_attempt(&self, number: u16) -> bool {
        self.attempts.iter().any(|attempt| attempt.number == number)
    }

    /// Adds an attempt at its number, with the end that it has had meanwhile.
    pub(super) fn add_attempt(&mut self, new: &NewAttempt, at: Timestamp) {
        let early = self.early.iter().position(|early| early.number == new.number);
        let early = early.map(|index| self.early.remove(index));
        let mut attempt = Attempt {
            number: new.number,
            target: new.target.clone(),
            probe: new.probe,
            started_at: at,
            ended_at: early.as_ref().map(|early| early.at),
            outcome: early.as_ref().map(|early| early.outcome),
            word: early.map(|early| early.word),
        };
        if let (Some(cdr), Some(cdr_at)) = (&self.cdr, self.cdr_at) {
            attempt.end_with_call(self.state, &cdr.disposition, cdr_at);
        }
        let index = self.attempts.partition_point(|known| known.number < new.number);
        self.attempts.insert(index, attempt);
    }

    /// Takes a dial result that arrived at `at`. It can be ahead of its attempt if that was answered before it was committed:
    /// then whoever decided knew of it. One that nobody knows of was never made.
    pub(super) fn hear(&mut self, report: &DialReport, at: Timestamp, may_be_early: bool) -> Heard {
        let in_time = self.cdr_at.filter(|cdr_at| at <= *cdr_at);
        let word = report.word.clone();
        match self.attempts.iter_mut().find(|attempt| attempt.number == report.attempt) {
            // Closed by the CDR for want of this.
            Some(attempt) if attempt.ended_at.is_none() || attempt.ended_at == in_time => {
                (attempt.ended_at, attempt.outcome) = (Some(at), Some(report.outcome));
                attempt.word = Some(word);
                Heard::Closed
            }
            None if may_be_early && report.attempt > 0 => {
                let index = self.early.partition_point(|early| early.number < report.attempt);
                if self.early.get(index).is_some_and(|early| early.number == report.attempt) {
                    return Heard::Stale;
                }
                let (number, outcome) = (report.attempt, report.outcome);
                self.early.insert(index, EarlyResult { number, at, outcome, word });
                Heard::Early
            }
            _ => Heard::Stale,
        }
    }

    /// Attempts that are open when the CDR arrives close with the call's end.
    pub(super) fn end_attempts(&mut self, goal: CallState, word: &str, at: Timestamp) {
        for attempt in &mut self.attempts {
            attempt.end_with_call(goal, word, at);
        }
        self.cdr_at = Some(self.cdr_at.map_or(at, |first| first.min(at)));
    }
}

impl Attempt {
    fn end_with_call(&mut self, goal: CallState, word: &str, at: Timestamp) {
        if self.ended_at.is_some_and(|ended| ended <= at) {
            return;
        }
        self.ended_at = Some(at.max(self.started_at));
        self.outcome = Some(match goal {
            CallState::Completed => Outcome::Completed,
            CallState::Busy => Outcome::Busy,
            CallState::NoAnswer => Outcome::NoAnswer,
            _ => Outcome::Failed,
        });
        self.word = Some(word.into());
    }
}
