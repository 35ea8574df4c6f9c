//! A dial as the platform plays it: ringing, the outcome, the updates about it, and the dial result.

use super::{After, Call};
use crate::simulate::cxml::{Callback, Target};
use crate::simulate::outcome::Outcome;
use crate::simulate::payload::{DialField, DialReport, Stage};
use crate::simulate::violation::ViolationKind;
use crate::simulate::webhook::{Kind, Origin};

impl Call {
    pub(super) fn dial(
        &mut self,
        attempt: Option<usize>,
        targets: &[Target],
        action: Option<Callback>,
        timeout: u64,
    ) {
        if let Some(target) = self.ledger.repeated(targets) {
            let provider = target.provider.as_deref().unwrap_or(target.noun);
            let detail = format!("{provider} {} was tried before", target.value);
            self.fault(ViolationKind::AgentRepeated, detail);
        }
        let drawn = self.script.clone().outcome(&mut self.fate);
        let outcome = if targets.is_empty() { Outcome::Failed } else { drawn };
        if let Some(attempt) = attempt.and_then(|at| self.ledger.attempts.get_mut(at)) {
            attempt.outcome = Some(outcome);
        }
        let talked = self.play_dial(outcome, timeout);
        match action {
            Some(action) => self.report(outcome, talked, &action),
            None if outcome == Outcome::Canceled => self.end(),
            None => self.ledger.notes.push("a dial without action: nobody is told its result".to_owned()),
        }
    }

    /// Rings and talks; the seconds talked.
    fn play_dial(&mut self, outcome: Outcome, timeout: u64) -> i64 {
        let script = self.script.clone();
        self.update("processing", Some("dial"));
        if outcome != Outcome::Failed && !(outcome == Outcome::Busy && self.shape.one_in(2)) {
            self.update("ringing", None);
        }
        match outcome {
            Outcome::Completed => {
                let ring = script.ring(&mut self.fate);
                self.pass(ring.min(seconds(timeout)));
                self.times.answered.get_or_insert(self.times.now);
                self.update("connected", None);
                self.update("answer", None);
                let talk = script.talk(&mut self.fate);
                self.pass(talk);
                talk.div_euclid(1000)
            }
            missed => {
                let wait = match missed {
                    Outcome::NoAnswer => seconds(timeout),
                    Outcome::Canceled => script.ring(&mut self.fate),
                    _ => 300,
                };
                self.pass(wait);
                let status = missed.update_status(&mut self.shape);
                self.update(status, None);
                0
            }
        }
    }

    /// Posts the dial result, for some answered calls after the CDR.
    fn report(&mut self, outcome: Outcome, duration: i64, action: &Callback) {
        let cdr_first = outcome == Outcome::Completed && self.fate.chance(self.script.cdr_first);
        if cdr_first {
            self.push_cdr();
        }
        let after = match outcome {
            _ if cdr_first => After::SessionOver,
            Outcome::Completed => After::ExecuteAnswered,
            Outcome::Canceled => After::CallerGone,
            Outcome::Busy | Outcome::NoAnswer | Outcome::Failed => After::Execute,
        };
        let field = match self.shape.below(8) {
            0 => DialField::CallStatus,
            1..4 => DialField::Plain,
            _ => DialField::Full,
        };
        let report = DialReport { status: outcome.dial_status(&mut self.shape), duration, field };
        self.ask(Kind::Dial, Origin::Named, action, Stage::Dial(report), after);
    }
}

fn seconds(timeout: u64) -> i64 {
    i64::try_from(timeout).unwrap_or(0).min(86_400) * 1000
}
