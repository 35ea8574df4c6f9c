//! Signals as a platform sends them, and the small engine that decides for them: what the lifecycle laws are tried with.

use std::sync::Arc;

use bytes::Bytes;
use cxroute_core::call::{
    Acceptance, Action, AttemptTarget, Audit, Basis, Call, CdrFigures, CdrReport, Decision, DialReport,
    EndReason, EventKey, EventKind, HistoryEntry, NewAttempt, NewCall, Outcome, Signal, SignalKind, Step,
    Trace, UpdateReport, UpdateWord, step,
};
use cxroute_core::config::RuleDirection;
use cxroute_core::id::{AgentId, CallId, GroupId, MembershipId};
use cxroute_core::strategy::{AttemptSeat, HealthSign, LedgerDelta};

use crate::world::{START, at, token};

/// A new call's record, received at second `second`.
fn new_call() -> NewCall {
    NewCall {
        id: CallId::new(7),
        from: "+12125550100".into(),
        to: "3000".into(),
        live_until: at(START + 14_400_000),
    }
}

pub(crate) fn agent(number: u64) -> AttemptTarget {
    AttemptTarget::Agent(AttemptSeat {
        agent: AgentId::new(number),
        group: Some(GroupId::new(number % 2)),
        membership: Some(MembershipId::new(number)),
        pool: None,
    })
}

pub(crate) fn dial_agent(number: u16) -> Action {
    Action::Dial(NewAttempt { number, target: agent(number.into()), probe: None })
}

pub(crate) fn decision(action: Action) -> Decision {
    let trace = Trace {
        at: at(START),
        revision: 1,
        direction: RuleDirection::Outbound,
        dialled: "3000".into(),
        normalised: "3000".into(),
        caller: "+12125550100".into(),
        rule: None,
        next_best: Default::default(),
        stages: Default::default(),
        fallback: None,
        degraded: false,
    };
    Decision {
        action,
        revision: 1,
        direction: RuleDirection::Outbound,
        trace: Arc::new(trace),
        delta: LedgerDelta::default(),
    }
}

fn signal(kind: EventKind, hash: u128, second: i64, what: SignalKind) -> Signal {
    Signal {
        token: Some(token(1)),
        key: EventKey { kind, hash },
        received_at: at(START + second * 1_000),
        kind: what,
        answer: None,
        audit: Audit::of(Bytes::new()),
    }
}

/// A voice request that was decided `action`, knowing of so many attempts.
pub(crate) fn voice(hash: u128, second: i64, action: Action, attempts: u16) -> Signal {
    let (decision, basis) = (decision(action), Basis { attempts, answered: false });
    signal(EventKind::VoiceRequest, hash, second, SignalKind::Voice { call: new_call(), decision, basis })
}

/// A dial result, after which `action` was decided.
pub(crate) fn result(attempt: u16, outcome: Outcome, second: i64, action: Action, attempts: u16) -> Signal {
    let report = DialReport { attempt, outcome, sign: HealthSign::Neutral, word: outcome.as_str().into() };
    let (decision, basis) = (decision(action), Basis { attempts, answered: false });
    let what = SignalKind::Dial { call: new_call(), report, decision, basis };
    signal(EventKind::DialResult, attempt.into(), second, what)
}

/// The same signal, whose answer went out before it was committed: from the spool.
pub(crate) fn spooled(mut signal: Signal) -> Signal {
    if let SignalKind::Voice { basis, .. } | SignalKind::Dial { basis, .. } = &mut signal.kind {
        basis.answered = true;
    }
    signal
}

/// A session update; `ended` is the second of its end time.
pub(crate) fn update(word: UpdateWord, raw: &str, second: i64, ended: Option<i64>) -> Signal {
    let ended_at = ended.map(|second| at(START + second * 1_000));
    let report = UpdateReport { word, raw: raw.into(), ended_at };
    signal(
        EventKind::SessionUpdate,
        second as u128 * 64 + raw.len() as u128,
        second,
        SignalKind::Update(report),
    )
}

/// A CDR with the figures of a call of 100 s that was billed for `billsec`.
pub(crate) fn cdr(outcome: Option<Outcome>, word: &str, billsec: u32, second: i64) -> Signal {
    let figures = CdrFigures {
        disposition: word.into(),
        call_id: None,
        duration: Some(100),
        billsec: Some(billsec),
        start: Some(at(START + 500)),
        answer: None,
        end: Some(at(START + 100_500)),
        recording_url: None,
    };
    let report =
        CdrReport { outcome, figures, id: CallId::new(8), from: "+12125550100".into(), to: "3000".into() };
    signal(EventKind::Cdr, u128::from(billsec), second, SignalKind::Cdr(report))
}

/// A store of one call: receipts, the call, its history, and the steps that led to it.
#[derive(Clone, Default)]
pub(crate) struct Line {
    pub(crate) call: Option<Call>,
    pub(crate) history: Vec<HistoryEntry>,
    pub(crate) steps: Vec<Step>,
    receipts: Vec<EventKey>,
}

impl Line {
    /// What comes of these signals, in this order.
    pub(crate) fn of(signals: impl IntoIterator<Item = Signal>) -> Self {
        let mut line = Self::default();
        for signal in signals {
            line.take(&signal);
        }
        line
    }

    /// Takes a signal once; `None` for a copy.
    pub(crate) fn take(&mut self, signal: &Signal) -> Option<Acceptance> {
        if self.receipts.contains(&signal.key) {
            return None;
        }
        let step = step(self.call.clone(), signal);
        if step.acceptance != Acceptance::Conflict {
            self.receipts.push(signal.key);
            self.call = step.call.clone();
            self.history.extend(step.history.iter().cloned());
        }
        let acceptance = step.acceptance;
        self.steps.push(step);
        Some(acceptance)
    }

    pub(crate) fn call(&self) -> &Call {
        self.call.as_ref().unwrap()
    }

    /// Decides as an engine does that knows what the store knows.
    pub(crate) fn next_action(&self, retry: bool) -> (Action, u16) {
        let Some(call) = &self.call else { return (dial_agent(1), 0) };
        let attempts = call.attempts.len() as u16;
        let action = match call.open_attempt() {
            _ if call.is_over() => Action::End(EndReason::Hangup),
            Some(open) => Action::Repeat { attempt: open.number },
            None if retry => dial_agent(attempts + 1),
            None => Action::End(EndReason::AttemptsFailed),
        };
        (action, attempts)
    }
}
