//! Signals of one call in two servers' spools drain in any order: every order ends in the same call.

use cxroute_core::authority::Operator;
use cxroute_core::call::{
    Action, Call, CallState, EndReason, Figures, Ingested, Outcome, RollupKind, Signal, SignalKind, Trace,
};
use cxroute_core::config::{Domain, RuleDirection};
use cxroute_core::id::{AgentId, CallId, GroupId};
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::{Page, Store as _};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{Counted, PlaneImage};

use crate::calls::{Line, cdr, dial_agent, result, spooled, voice};
use crate::desk::STEP;
use crate::world::{START, at, token};

const END: Action = Action::End(EndReason::AttemptsFailed);

/// Everything that is kept of a call, but for what follows from which of its signals was the first to be taken: the
/// record's id, when it was received, and how long it counts as live.
#[derive(Debug, PartialEq)]
struct Kept {
    call: Call,
    traces: Vec<Trace>,
    answers: Vec<Option<Sealed>>,
    books: PlaneImage,
    figures: Vec<(RollupKind, i64, Figures)>,
}

/// The signals as one server sends them, each with what its choice counts, its answer and a trace of its own.
fn sent(signals: Vec<Signal>) -> Vec<Signal> {
    let sealed = |nth: u64| Some(Sealed::from_bytes(vec![nth as u8; 3]));
    let mut sent: Vec<Signal> = signals.into_iter().map(spooled).collect();
    for (signal, nth) in sent.iter_mut().zip(1..) {
        let (SignalKind::Voice { decision, .. } | SignalKind::Dial { decision, .. }) = &mut signal.kind
        else {
            continue;
        };
        signal.answer = sealed(nth);
        let mut trace = Trace::clone(&decision.trace);
        trace.at = signal.received_at;
        decision.trace = trace.into();
        decision.delta.seq = nth;
        // Fail-over goes on by other rules than the call came in by.
        decision.direction = if nth == 1 { RuleDirection::Outbound } else { RuleDirection::Inbound };
        decision.delta.counted = match &decision.action {
            Action::Dial(_) => Some(Counted {
                group: GroupId::new(0),
                agent: AgentId::new(nth),
                step_millis: STEP,
                step: START / STEP,
            }),
            _ => None,
        };
    }
    sent
}

/// What a store keeps once it has taken these, one after the other.
async fn kept<'a>(signals: impl Iterator<Item = &'a Signal>) -> Kept {
    let store = MemoryStore::new();
    #[expect(clippy::disallowed_methods, reason = "tests are the operator")]
    let operator = Operator::assume();
    let domain = Domain::parse("one.example.net").unwrap();
    let tenant = store.create_tenant(&operator, "One", &domain, at(START)).await.unwrap();
    let scope = std::sync::Arc::new(operator.ingest(tenant));
    let mut keys = Vec::new();
    for signal in signals {
        keys.push(signal.key);
        let taken = store.ingest(vec![(scope.clone(), signal.clone())]).await.remove(0).unwrap();
        assert!(matches!(taken, Ingested::Committed(Some(_))), "{taken:?}");
    }
    keys.sort_unstable();
    let reading = operator.read(tenant);
    let mut read = store.read(&reading).await.unwrap();
    let detail = read.call_detail(&token(1)).await.unwrap().unwrap();
    let mut traces: Vec<Trace> = detail.traces.iter().map(|trace| Trace::clone(trace)).collect();
    traces.sort_by_key(|trace| trace.at);
    let mut answers = Vec::new();
    for key in keys {
        answers.push(read.answer(&token(1), key).await.unwrap());
    }
    assert_eq!(read.calls(&Default::default(), Page { after: None, limit: 10 }).await.unwrap().len(), 1);
    let mut figures = store.rollups(&reading).unwrap();
    figures.retain(|(.., figures)| *figures != Figures::default());
    let mut call = detail.call;
    (call.id, call.received_at, call.live_until) = (CallId::new(1), at(START), at(START));
    Kept { call, traces, answers, books: read.plane_image(at(START)).await.unwrap(), figures }
}

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    match count {
        0 => vec![vec![]],
        _ => orders(count - 1)
            .iter()
            .flat_map(|shorter| {
                (0..count).map(|at| {
                    let mut order = shorter.clone();
                    order.insert(at, count - 1);
                    order
                })
            })
            .collect(),
    }
}

/// A call with three attempts and no end yet.
fn failing_over(outcomes: [Outcome; 2]) -> Vec<Signal> {
    vec![
        voice(1, 0, dial_agent(1), 0),
        result(1, outcomes[0], 10, dial_agent(2), 1),
        result(2, outcomes[1], 20, dial_agent(3), 2),
    ]
}

/// The signal as a server commits it that has not answered yet.
fn live(mut signal: Signal) -> Signal {
    if let SignalKind::Voice { basis, .. } | SignalKind::Dial { basis, .. } = &mut signal.kind {
        basis.answered = false;
    }
    signal
}

fn without_times(mut signal: Signal) -> Signal {
    if let SignalKind::Cdr(report) = &mut signal.kind {
        (report.figures.start, report.figures.end) = (None, None);
    }
    signal
}

#[tokio::test]
async fn signals_of_a_call_that_drain_in_any_order_end_in_the_same_call() {
    let answered = || {
        [failing_over([Outcome::NoAnswer, Outcome::Busy]), vec![result(3, Outcome::Completed, 90, END, 3)]]
            .concat()
    };
    let failed = || {
        [failing_over([Outcome::Failed, Outcome::Busy]), vec![result(3, Outcome::NoAnswer, 90, END, 3)]]
            .concat()
    };
    let ended = |mut signals: Vec<Signal>, cdr: Signal| {
        signals.push(cdr);
        signals
    };
    let bare = || without_times(cdr(Some(Outcome::NoAnswer), "NOANSWER", 0, 100));
    for (name, signals, attempts) in [
        ("answered", ended(answered(), cdr(Some(Outcome::Completed), "ANSWER", 60, 100)), 3),
        ("nobody answered", ended(failed(), cdr(Some(Outcome::NoAnswer), "NOANSWER", 0, 100)), 3),
        ("a CDR without times", ended(failed(), bare()), 3),
        ("a CDR that contradicts", ended(answered(), cdr(Some(Outcome::Busy), "BUSY", 0, 100)), 3),
        ("the caller gave up", ended(failing_over([Outcome::Busy, Outcome::Busy]), bare()), 3),
        ("a result after the CDR", ended(answered(), cdr(Some(Outcome::Completed), "ANSWER", 60, 80)), 3),
        ("no CDR yet", answered(), 3),
        ("it rings", failing_over([Outcome::Busy, Outcome::NoAnswer]), 3),
    ] {
        let mut signals = sent(signals);
        signals.sort_by_key(|signal| signal.received_at);
        let expected = kept(signals.iter()).await;
        assert_eq!(expected.call.attempts.len(), attempts, "{name}");
        assert_eq!(expected.call.direction, RuleDirection::Outbound, "{name}");
        assert!(expected.call.early.is_empty() && !expected.figures.is_empty(), "{name}");
        for order in orders(signals.len()) {
            let drained = kept(order.iter().map(|index| &signals[*index])).await;
            assert_eq!(drained, expected, "{name}, in the order {order:?}");
            // The first of them comes live, by a server whose plane knows of the attempts that are still in spools.
            let first = live(signals[order[0]].clone());
            let rest = order[1..].iter().map(|index| &signals[*index]);
            let drained = kept(std::iter::once(&first).chain(rest)).await;
            assert_eq!(drained, expected, "{name}, the first one live, in the order {order:?}");
        }
    }
}

#[test]
fn a_result_is_kept_for_an_attempt_that_is_still_to_come_only() {
    // A server that knew nothing of the call counted its attempts from 1 again.
    let anew = spooled(result(1, Outcome::Busy, 10, dial_agent(1), 0));
    let line = Line::of([anew]);
    assert!(line.call().early.is_empty() && line.call().open_attempt().is_some());
    // Live, an attempt that the store does not know of was never made.
    let live = result(2, Outcome::Busy, 10, END, 1);
    assert!(Line::of([voice(1, 0, dial_agent(1), 0), live.clone()]).call().early.is_empty());
    let line = Line::of([voice(1, 0, dial_agent(1), 0), spooled(live)]);
    assert_eq!(line.call().early[0].number, 2);
    assert_eq!(line.call().state, CallState::Busy);
}

#[test]
fn every_order_is_tried_once() {
    let mut orders = orders(5);
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 120);
}
