//! The lifecycle: whatever signals come, late, twice, out of order or decided on a guess, states move along the edges of
//! the table, a terminal one is final but for the CDR's word, and every attempt closes once (domain rules §5).
//!
//! | line | signal |
//! |---|---|
//! | `voice 1` | a voice request of stage 1, decided on what is known |
//! | `guess 0 2 1` | a voice request decided `ACTIONS[0]` for attempt 2 in ignorance; answered before it is committed |
//! | `dial 1 2 1 0` | the result `OUTCOMES[2]` of attempt 1; another is dialled; 1 last: answered before |
//! | `update 2 1` | the session update `WORDS[2]`; with an end time |
//! | `cdr 1 1` | a CDR of `DISPOSITIONS[1]`; billed |

use std::sync::Arc;

use cxroute_core::call::{
    Acceptance, Action, AttemptTarget, Audit, Basis, Call, CallState, CdrFigures, CdrReport, Decision,
    DialReport, Effect, EndReason, EventKey, EventKind, NewAttempt, NewCall, Outcome, SessionToken, Signal,
    SignalKind, Step, Trace, UpdateReport, UpdateWord, step,
};
use cxroute_core::config::RuleDirection;
use cxroute_core::id::{AgentId, CallId};
use cxroute_core::strategy::{AttemptSeat, HealthSign, LedgerDelta};
use cxroute_core::time::Timestamp;

use crate::script::{Line, lines};

const MOST_SIGNALS: usize = 60;

const OUTCOMES: [Outcome; 4] = [Outcome::Completed, Outcome::Busy, Outcome::NoAnswer, Outcome::Failed];
const DISPOSITIONS: [Option<Outcome>; 5] =
    [Some(Outcome::Completed), Some(Outcome::Busy), Some(Outcome::NoAnswer), Some(Outcome::Failed), None];
const WORDS: [UpdateWord; 8] = [
    UpdateWord::Progress,
    UpdateWord::Ringing,
    UpdateWord::Connected,
    UpdateWord::Unknown,
    UpdateWord::End(Outcome::Completed),
    UpdateWord::End(Outcome::Busy),
    UpdateWord::End(Outcome::NoAnswer),
    UpdateWord::End(Outcome::Failed),
];
const ACTIONS: [fn(u16) -> Action; 8] = [
    dial,
    |attempt| Action::Repeat { attempt },
    |_| Action::End(EndReason::NoRoute),
    |_| Action::End(EndReason::NoAgent),
    |_| Action::End(EndReason::AttemptsFailed),
    |_| Action::End(EndReason::Announcement),
    |_| Action::End(EndReason::Rejected),
    |_| Action::End(EndReason::Hangup),
];

/// The input is a script of the signals above, one a second.
pub(crate) fn holds(bytes: &[u8]) {
    let mut store = Store::default();
    for (mut line, second) in lines(bytes, MOST_SIGNALS).zip(100..) {
        if let Some(signal) = store.signal(&mut line, second) {
            store.take(&signal);
        }
    }
}

/// What a store keeps of one call.
#[derive(Default)]
struct Store {
    call: Option<Call>,
    receipts: Vec<EventKey>,
}

impl Store {
    fn signal(&self, line: &mut Line<'_>, second: i64) -> Option<Signal> {
        let letter = line.letter;
        let mut choice = || line.choice();
        let attempts = self.call.as_ref().map_or(0, |call| call.attempts.len() as u16);
        let known = Basis { attempts, answered: false };
        let kind = match letter {
            'v' => {
                let stage = choice();
                let what =
                    SignalKind::Voice { call: new_call(), decision: decision(self.next()), basis: known };
                return Some(signal(EventKind::VoiceRequest, stage as u128, second, what));
            }
            'g' => {
                let (action, attempt, answered) = (choice(), choice() as u16, choice() % 2 == 1);
                let action = ACTIONS[action % ACTIONS.len()](attempt);
                let basis = Basis { attempts: attempt.saturating_sub(1), answered };
                SignalKind::Voice { call: new_call(), decision: decision(action), basis }
            }
            'd' => {
                let (attempt, outcome) = (choice() as u16, OUTCOMES[choice() % 4]);
                let action = self.after(attempt, outcome, choice() % 2 == 1);
                let (basis, word) = (Basis { answered: choice() % 2 == 1, ..known }, outcome.as_str().into());
                let report = DialReport { attempt, outcome, sign: HealthSign::Neutral, word };
                let what = SignalKind::Dial { call: new_call(), report, decision: decision(action), basis };
                return Some(signal(EventKind::DialResult, attempt.into(), second, what));
            }
            'u' => {
                let (word, ended) = (WORDS[choice() % WORDS.len()], choice() % 2 == 1);
                let raw = format!("{word:?}").into();
                SignalKind::Update(UpdateReport { word, raw, ended_at: ended.then(|| at(second - 1)) })
            }
            'c' => SignalKind::Cdr(cdr(DISPOSITIONS[choice() % 5], 30 * (choice() % 2) as u32, second)),
            _ => return None,
        };
        let event = match kind {
            SignalKind::Update(_) => EventKind::SessionUpdate,
            SignalKind::Cdr(_) => EventKind::Cdr,
            _ => EventKind::VoiceRequest,
        };
        // A key of its own: no other signal's copy.
        Some(signal(event, 1_000 + second as u128, second, kind))
    }

    /// What an engine that knows the call decides for another stage of it.
    fn next(&self) -> Action {
        let Some(call) = &self.call else { return dial(1) };
        match call.open_attempt() {
            _ if call.is_over() => Action::End(EndReason::Hangup),
            Some(open) => Action::Repeat { attempt: open.number },
            None => dial(call.attempts.len() as u16 + 1),
        }
    }

    /// What it decides after an attempt's result.
    fn after(&self, attempt: u16, outcome: Outcome, retry: bool) -> Action {
        let Some(call) = &self.call else { return Action::End(EndReason::AttemptsFailed) };
        match call.open_attempt() {
            _ if call.is_over() => Action::End(EndReason::Hangup),
            Some(open) if open.number != attempt => Action::Repeat { attempt: open.number },
            _ if retry && outcome != Outcome::Completed => dial(call.attempts.len() as u16 + 1),
            _ => Action::End(EndReason::AttemptsFailed),
        }
    }

    /// Takes a signal once, and checks what it does.
    fn take(&mut self, signal: &Signal) {
        if self.receipts.contains(&signal.key) {
            return;
        }
        let done = step(self.call.clone(), signal);
        let spooled = serde_json::from_str(&serde_json::to_string(signal).unwrap()).unwrap();
        assert_eq!(step(self.call.clone(), &spooled), done, "from the spool it comes to the same");
        match done.acceptance {
            Acceptance::Conflict => {
                assert!(done.history.is_empty() && done.events.is_empty(), "{signal:#?}");
                assert!(!is_answered(signal), "an answer that was given is never refused: {signal:#?}");
                return;
            }
            Acceptance::UnknownCall => {
                assert!(self.call.is_none() && done.call.is_none() && done.history.is_empty())
            }
            Acceptance::Taken | Acceptance::Outrun => check(self.call.as_ref(), &done, signal),
        }
        self.receipts.push(signal.key);
        self.call = done.call;
    }
}

fn is_answered(signal: &Signal) -> bool {
    match &signal.kind {
        SignalKind::Voice { basis, .. } | SignalKind::Dial { basis, .. } => basis.answered,
        _ => false,
    }
}

/// The laws of one step.
fn check(before: Option<&Call>, step: &Step, signal: &Signal) {
    let after = step.call.as_ref().unwrap();
    assert!(!step.history.is_empty(), "a signal left no trace: {signal:#?}");
    let mut state = before.map(|call| call.state);
    for entry in &step.history {
        assert_eq!((entry.at, entry.source), (signal.received_at, signal.key.kind));
        match (entry.effect, state) {
            (effect, None) => assert_eq!((effect, entry.state), (Effect::Entered, CallState::Received)),
            (Effect::Entered, Some(from)) => assert!(from.may_become(entry.state), "{from:?} to {entry:?}"),
            (Effect::Corrected, Some(from)) => {
                assert!(from.is_terminal() && entry.state.is_terminal() && from != entry.state, "{entry:?}");
                let announced = after.reason == Some(EndReason::Announcement) && after.cdr.is_some();
                assert!(signal.key.kind == EventKind::Cdr || announced, "{entry:?}");
            }
            (Effect::Refused, Some(from)) => assert!(from.is_terminal() && entry.state == from, "{entry:?}"),
            (Effect::Recorded | Effect::Stale, Some(from)) => assert_eq!(entry.state, from),
        }
        state = Some(entry.state);
    }
    assert_eq!(state, Some(after.state), "the history ends where the call is");
    assert_eq!(after.state.is_terminal(), after.end_time.is_some());
    attempts_close_once(before, after);
    if let SignalKind::Cdr(report) = &signal.kind {
        the_cdr_has_the_last_word(before, after, report);
    }
    if let Some(before) = before.filter(|call| call.state.is_terminal()) {
        let corrected = step.history.iter().any(|entry| entry.effect == Effect::Corrected);
        if signal.key.kind != EventKind::Cdr && !corrected {
            assert_eq!((before.state, before.reason), (after.state, after.reason));
            assert_eq!((before.end_time, before.duration), (after.end_time, after.duration));
        }
    }
    if let Some(before) = before {
        assert_eq!((before.id, before.received_at), (after.id, after.received_at));
        assert!(before.session_ended.is_none() || before.session_ended == after.session_ended);
    }
}

fn attempts_close_once(before: Option<&Call>, after: &Call) {
    let before = before.map_or(&[][..], |call| &call.attempts);
    assert!(after.attempts.len() >= before.len());
    // What is answered before it is committed may be ahead of attempts that another server's spool has.
    assert!(after.attempts.is_sorted_by(|one, next| one.number < next.number));
    assert!(after.early.is_sorted_by(|one, next| one.number < next.number));
    for attempt in &after.attempts {
        assert_eq!(attempt.ended_at.is_some(), attempt.outcome.is_some());
        assert!(after.early.iter().all(|early| early.number != attempt.number), "{:?}", after.early);
    }
    for known in before {
        let attempt = after.attempts.iter().find(|attempt| attempt.number == known.number);
        let attempt = attempt.unwrap_or_else(|| panic!("{known:?} is gone"));
        assert_eq!((&known.target, known.started_at), (&attempt.target, attempt.started_at));
        assert!(known.ended_at.is_none() || known == attempt, "{known:?} closed twice: {attempt:?}");
    }
}

fn the_cdr_has_the_last_word(before: Option<&Call>, after: &Call, report: &CdrReport) {
    let ended = before.map(|call| call.state).filter(|state| state.is_terminal());
    let announced = before.is_some_and(|call| call.reason == Some(EndReason::Announcement));
    let expected = match report.outcome {
        Some(Outcome::Completed) if announced => CallState::Failed,
        Some(outcome) => outcome.into(),
        None => match (ended, report.figures.billsec) {
            (Some(state), _) => state,
            (None, Some(1..)) => CallState::Completed,
            (None, _) => CallState::Failed,
        },
    };
    assert_eq!(after.state, expected);
    assert_eq!((after.duration, after.end_time), (report.figures.billsec, report.figures.end));
    assert!(after.is_over() && after.open_attempt().is_none());
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + second * 1_000)
}

fn new_call() -> NewCall {
    let (from, to) = ("+12125550100".into(), "3000".into());
    NewCall { id: CallId::new(7), from, to, live_until: at(14_400) }
}

fn dial(number: u16) -> Action {
    let seat = AttemptSeat { agent: AgentId::new(number.into()), group: None, membership: None, pool: None };
    Action::Dial(NewAttempt { number, target: AttemptTarget::Agent(seat), probe: None })
}

fn decision(action: Action) -> Decision {
    let direction = RuleDirection::Inbound;
    let trace = Trace {
        at: at(0),
        revision: 1,
        direction,
        dialled: "3000".into(),
        normalised: "3000".into(),
        caller: "+12125550100".into(),
        rule: None,
        next_best: Default::default(),
        stages: Default::default(),
        fallback: None,
        degraded: false,
    };
    Decision { action, revision: 1, direction, trace: Arc::new(trace), delta: LedgerDelta::default() }
}

fn cdr(outcome: Option<Outcome>, billsec: u32, second: i64) -> CdrReport {
    let figures = CdrFigures {
        disposition: format!("{outcome:?}").into(),
        call_id: None,
        duration: Some(100),
        billsec: Some(billsec),
        start: Some(at(0)),
        answer: None,
        end: Some(at(second)),
        recording_url: None,
    };
    CdrReport { outcome, figures, id: CallId::new(8), from: "+12125550100".into(), to: "3000".into() }
}

fn signal(kind: EventKind, hash: u128, second: i64, what: SignalKind) -> Signal {
    Signal {
        token: SessionToken::new("session"),
        key: EventKey { kind, hash },
        received_at: at(second),
        kind: what,
        answer: None,
        audit: Audit::of(Default::default()),
    }
}
