//! Laws about taking signals: what is kept of a call is what [`step`] makes of it.

use std::sync::Arc;

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::call::{
    Acceptance, Action, AttemptTarget, Call, EndReason, EventKind, HistoryEntry, Ingested, NewAttempt,
    Outcome, Signal, SignalKind, step,
};
use crate::conformance::fixture::{Script, answer, audited, seconds};
use crate::id::CallId;

/// What a store should have of one call: everything that [`step`] made of its signals.
#[derive(Default)]
struct Followed {
    call: Option<Call>,
    history: Vec<HistoryEntry>,
}

impl Followed {
    /// Commits `signal`, and compares call, history and result with the step's.
    async fn take(&mut self, desk: &Desk, signal: crate::call::Signal) -> Checked {
        let token = signal.token.clone().ok_or_else(|| Broken::because("a signal with a token"))?;
        let after = step(self.call.take(), &signal);
        assert_eq!(after.acceptance, Acceptance::Taken, "a law's own mistake");
        self.call = after.call;
        self.history.extend(after.history);
        let committed = desk.take(signal).await?;
        assert_eq!(committed, Ingested::Committed(self.call.clone().map(Arc::new)));
        assert_eq!(desk.call(&token).await?, self.call);
        let detail = desk.detail(&token).await?;
        assert_eq!(detail.as_ref().map(|detail| &detail.call), self.call.as_ref());
        assert_eq!(detail.map(|detail| detail.history), Some(self.history.clone()), "in order");
        Ok(())
    }
}

pub(super) async fn a_call_is_what_the_step_makes_of_its_signals(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("steps.example").await?;
    let script = Script::new("session-1", 1);
    let mut followed = Followed::default();
    followed.take(&desk, script.voice_through(20, 7)).await?;
    followed.take(&desk, script.update("ringing")).await?;
    followed.take(&desk, script.fail_over(1, Outcome::Busy, 20, 8)).await?;
    followed.take(&desk, script.update("connected")).await?;
    followed.take(&desk, script.update("processing")).await?;
    followed.take(&desk, script.update("brand-new-word")).await?;
    followed.take(&desk, script.result(2, Outcome::Completed)).await?;
    followed.take(&desk, script.update_ending("completed", Some(40))).await?;
    followed.take(&desk, script.cdr("ANSWER", 36)).await?;
    followed.take(&desk, script.cdr("BUSY", 0)).await?;
    Ok(())
}

pub(super) async fn every_field_of_an_odd_call_is_kept(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("odd.example").await?;
    let odd = Script::new("Ødd töken/with \"everything\" & 100% 'quoted' — 日本", 2);
    let mut signal = odd.voice_to_number(Some(20), "sip:+49(30)\"1\"@example.com");
    if let SignalKind::Voice { call, .. } = &mut signal.kind {
        (call.from, call.to) = ("".into(), "\u{0}\u{1f600} ' \\ %".into());
    }
    let mut followed = Followed::default();
    followed.take(&desk, signal).await?;
    let mut cdr = odd.cdr("A WORD NOBODY KNOWS", 0);
    if let SignalKind::Cdr(report) = &mut cdr.kind {
        let figures = &mut report.figures;
        (figures.call_id, figures.duration, figures.billsec) = (None, None, Some(u32::MAX));
        (figures.start, figures.answer, figures.recording_url) = (None, None, None);
    }
    followed.take(&desk, cdr).await?;
    let probing = Script::new("probing", 3);
    let seat = match probing.voice_through(20, 7).kind {
        SignalKind::Voice { decision, .. } => match decision.action {
            Action::Dial(new) => new.target,
            _ => return Err(Broken::because("a dial")),
        },
        _ => return Err(Broken::because("a voice request")),
    };
    let new = NewAttempt { number: 1, target: seat, probe: Some(4) };
    Followed::default().take(&desk, probing.voice_with(Action::Dial(new), 0)).await
}

pub(super) async fn a_call_without_a_route_ends_at_once(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("unrouted.example").await?;
    let script = Script::new("session", 1);
    let mut followed = Followed::default();
    followed.take(&desk, script.voice_unrouted()).await?;
    assert_eq!(followed.call.and_then(|call| call.reason), Some(EndReason::NoRoute));
    Ok(())
}

pub(super) async fn a_cdr_of_an_unknown_call_creates_its_record(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("cdr-first.example").await?;
    let script = Script::new("session", 1);
    let mut followed = Followed::default();
    followed.take(&desk, script.cdr("ANSWER", 12)).await?;
    assert_eq!(followed.call.as_ref().map(|call| call.id), Some(script.id()));
    followed.take(&desk, script.update("connected")).await
}

pub(super) async fn an_update_of_an_unknown_call_creates_nothing_but_is_kept(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("stray.example").await?;
    let script = Script::new("stray", 1);
    assert_eq!(desk.take(script.update("ringing")).await?, Ingested::Committed(None));
    assert_eq!(desk.call(script.token()).await?, None);
    assert_eq!(desk.detail(script.token()).await?, None);
    let mut read = desk.read().await?;
    assert_eq!(read.audit(script.token()).await?.len(), 1);
    assert_eq!(read.audit_count().await?, 1);
    drop(read);
    let copy = desk.take(script.update("ringing")).await?;
    assert_eq!(copy, Ingested::Duplicate { answer: None, choice: 0 }, "its receipt was kept");
    let mut followed = Followed::default();
    followed.take(&desk, script.voice(7)).await?;
    Ok(())
}

pub(super) async fn a_signal_that_names_no_call_is_only_audited(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("nameless.example").await?;
    let nameless = || crate::call::Signal { token: None, ..Script::new("unused", 1).voice(7) };
    for count in 1..=2 {
        assert_eq!(desk.take(nameless()).await?, Ingested::Committed(None));
        assert_eq!(desk.read().await?.audit_count().await?, count);
    }
    assert_eq!(desk.call(Script::new("unused", 1).token()).await?, None);
    Ok(())
}

pub(super) async fn a_signal_that_says_nothing_of_its_call_leaves_it_alone(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("silent.example").await?;
    let script = Script::new("session", 1);
    desk.take(script.voice(7)).await?;
    let before = desk.detail(script.token()).await?;
    for kind in [EventKind::VoiceRequest, EventKind::DialResult, EventKind::SessionUpdate, EventKind::Cdr] {
        desk.take(script.audit_only(kind)).await?;
    }
    assert_eq!(desk.detail(script.token()).await?, before);
    assert_eq!(desk.read().await?.audit(script.token()).await?.len(), 5);
    Ok(())
}

pub(super) async fn a_copy_that_comes_before_its_first_does_not_take_its_place(
    bench: &StoreBench,
) -> Checked {
    let desk = bench.tenant("overtaken.example").await?;
    let script = Script::new("session", 1);
    let signals = [script.voice(7), script.dial_with(1, Outcome::Busy, Action::Dial(attempt(2, 8)), 1)];
    for (signal, copies) in signals.into_iter().zip([1_usize, 2]) {
        // A server that has the answer from the plane; the one that gave it has the signal in its spool.
        let copy = Signal { kind: SignalKind::AuditOnly, answer: None, ..signal.clone() };
        assert!(matches!(desk.take(copy.clone()).await?, Ingested::Committed(_)));
        assert_eq!(desk.read().await?.answer(script.token(), signal.key).await?, None);
        let (answer, choice) = (signal.answer.clone(), signal.choice());
        match desk.take(signal).await? {
            Ingested::Committed(Some(call)) => assert_eq!(call.attempts.len(), copies),
            other => return Err(Broken::because(format!("expected the call, got {other:?}"))),
        }
        assert_eq!(desk.take(copy).await?, Ingested::Duplicate { answer, choice });
        assert_eq!(desk.read().await?.audit(script.token()).await?.len(), 3 * copies);
    }
    Ok(())
}

pub(super) async fn a_decision_made_in_ignorance_is_refused_and_nothing_is_kept(
    bench: &StoreBench,
) -> Checked {
    let desk = bench.tenant("ignorant.example").await?;
    let script = Script::new("session", 1);
    desk.take(script.voice_through(20, 7)).await?;
    let before = (desk.detail(script.token()).await?, desk.read().await?.audit_count().await?);
    let ignorant = script.dial_with(1, Outcome::Busy, Action::Dial(attempt(1, 9)), 0);
    let expected = before.0.as_ref().map(|detail| Arc::new(detail.call.clone()));
    match desk.take(ignorant.clone()).await? {
        Ingested::Conflict(call) => assert_eq!(Some(call), expected, "the call that it did not know of"),
        other => return Err(Broken::because(format!("expected a conflict, got {other:?}"))),
    }
    let after = (desk.detail(script.token()).await?, desk.read().await?.audit_count().await?);
    assert_eq!(after, before);
    assert_eq!(desk.read().await?.answer(script.token(), ignorant.key).await?, None);
    let again = script.fail_over(1, Outcome::Busy, 20, 8);
    assert_eq!(again.key, ignorant.key, "the same signal, decided again");
    assert!(matches!(desk.take(again).await?, Ingested::Committed(Some(_))));
    Ok(())
}

pub(super) async fn an_answer_that_was_given_is_kept_even_if_it_was_ignorant(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("outrun.example").await?;
    let script = Script::new("session", 1);
    desk.take(script.voice_through(20, 7)).await?;
    let before = desk.call(script.token()).await?;
    let mut spooled = script.voice_with(Action::Dial(attempt(1, 9)), 1);
    if let SignalKind::Voice { basis, .. } = &mut spooled.kind {
        basis.answered = true;
    }
    let expected = step(before, &spooled);
    assert_eq!(expected.acceptance, Acceptance::Outrun, "a law's own mistake");
    let key = spooled.key;
    let given = spooled.answer.clone();
    assert_eq!(desk.take(spooled).await?, Ingested::Committed(expected.call.map(Arc::new)));
    assert_eq!(desk.read().await?.answer(script.token(), key).await?, given);
    Ok(())
}

pub(super) async fn signals_of_one_batch_see_each_other_in_order(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("batch.example").await?;
    let (one, two) = (Script::new("one", 1), Script::new("two", 2));
    let batch = vec![
        one.voice_through(20, 7),
        two.voice(9),
        one.fail_over(1, Outcome::NoAnswer, 20, 8),
        two.update("connected"),
        one.update("connected"),
        two.cdr("ANSWER", 5),
        one.cdr("ANSWER", 6),
    ];
    let (mut first, mut second) = (None, None);
    let mut expected = Vec::new();
    for signal in &batch {
        let known = if signal.token.as_ref() == Some(one.token()) { &mut first } else { &mut second };
        *known = step(known.take(), signal).call;
        expected.push(Ingested::Committed(known.clone().map(Arc::new)));
    }
    assert_eq!(desk.take_all(batch).await?, expected, "results in order");
    assert_eq!(desk.call(one.token()).await?, first);
    assert_eq!(desk.call(two.token()).await?, second);
    Ok(())
}

pub(super) async fn a_signal_that_is_refused_does_not_fail_its_neighbours(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("neighbours.example").await?;
    let operator = super::super::operator();
    let nobody = std::sync::Arc::new(operator.ingest(crate::id::TenantId::new(desk.id.get() + 1_000)));
    let (one, two, three) = (Script::new("one", 1), Script::new("two", 2), Script::new("three", 3));
    let batch = vec![
        (desk.scope.clone(), one.voice(7)),
        (nobody, two.voice(7)),
        (desk.scope.clone(), two.voice_with(Action::Dial(attempt(2, 9)), 1)),
        (desk.scope.clone(), three.voice(7)),
    ];
    let results = desk.store.ingest(batch).await;
    assert!(matches!(results[0], Ok(Ingested::Committed(Some(_)))), "{:?}", results[0]);
    assert!(results[1].is_err(), "{:?}", results[1]);
    assert!(matches!(results[2], Ok(Ingested::Conflict(_))), "{:?}", results[2]);
    assert!(matches!(results[3], Ok(Ingested::Committed(Some(_)))), "{:?}", results[3]);
    assert!(desk.call(one.token()).await?.is_some() && desk.call(three.token()).await?.is_some());
    assert_eq!(desk.call(two.token()).await?, None);
    Ok(())
}

pub(super) async fn an_empty_batch_has_no_results(bench: &StoreBench) -> Checked {
    assert_eq!(bench.store.ingest(Vec::new()).await.len(), 0);
    Ok(())
}

pub(super) async fn calls_that_were_given_the_same_id_are_kept_apart(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("same-id.example").await?;
    let taken = Script::new("first", 1).id();
    let scripts = ["first", "second", "third"].map(|token| Script::new(token, 1).with_id(taken));
    desk.take_all(scripts.iter().map(|script| script.voice(7)).collect()).await?;
    let cdr = Script::new("fourth", 1).with_id(taken);
    desk.take(cdr.cdr("ANSWER", 3)).await?;
    for (script, more) in scripts.iter().chain([&cdr]).zip(0..) {
        let call = desk.call(script.token()).await?.ok_or_else(|| Broken::because("the call"))?;
        assert_eq!(call.id, CallId::new(taken.get() + more), "the next free id");
    }
    desk.take(scripts[1].update("connected")).await?;
    let states = (desk.call(scripts[0].token()).await?, desk.call(scripts[1].token()).await?);
    assert_ne!(states.0.map(|call| call.state), states.1.map(|call| call.state));
    Ok(())
}

pub(super) async fn traces_are_kept_in_order_one_per_decision(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("traces.example").await?;
    let script = Script::new("session", 1);
    let signals = vec![
        script.voice_through(20, 7),
        script.update("ringing"),
        script.fail_over(1, Outcome::Busy, 20, 8),
        script.result(2, Outcome::Failed),
        script.cdr("FAILED", 0),
    ];
    let traces: Vec<_> =
        signals.iter().filter_map(|signal| signal.decision().map(|d| d.trace.clone())).collect();
    for signal in signals {
        desk.take(signal).await?;
    }
    assert_eq!(desk.detail(script.token()).await?.map(|detail| detail.traces), Some(traces));
    Ok(())
}

pub(super) async fn webhooks_are_kept_in_order_without_their_secrets(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("audit.example").await?;
    let script = Script::new("session", 1);
    let mut secret = script.update("ringing");
    let body = r#"{"status":"ringing","token":"session","password":"hunter2","note":"kept"}"#;
    secret.audit = crate::call::Audit::of(bytes::Bytes::from_static(body.as_bytes()));
    secret.received_at = seconds(3);
    let signals = [script.voice(7), secret, script.cdr("ANSWER", 5)];
    let expected: Vec<_> = signals
        .iter()
        .map(|signal| crate::port::AuditEntry {
            event_type: signal.key.kind.as_str().to_owned(),
            session_token: "session".to_owned(),
            payload: signal.audit.payload(),
            received_at: signal.received_at,
        })
        .collect();
    assert!(!expected[1].payload.contains("hunter2"), "redaction is core's own: {}", expected[1].payload);
    desk.take_all(signals.to_vec()).await?;
    let mut read = desk.read().await?;
    assert_eq!(audited(&read.audit(script.token()).await?), audited(&expected));
    assert_eq!(read.audit_count().await?, 3);
    Ok(())
}

pub(super) async fn an_answer_is_found_by_call_and_key(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("answers.example").await?;
    let (one, two) = (Script::new("one", 1), Script::new("two", 2));
    let (voice, other, update) = (one.voice(7), two.voice(7), one.update("ringing"));
    assert_eq!(voice.key, other.key, "keys name a signal within its call");
    desk.take_all(vec![voice.clone(), other.clone(), update.clone()]).await?;
    let mut read = desk.read().await?;
    assert_eq!(read.answer(one.token(), voice.key).await?, Some(answer("one voice_request stage 0")));
    assert_eq!(read.answer(two.token(), other.key).await?, Some(answer("two voice_request stage 0")));
    assert_eq!(read.answer(one.token(), update.key).await?, None, "an update has none");
    assert_eq!(read.answer(Script::new("three", 3).token(), voice.key).await?, None);
    let unknown = crate::call::EventKey { hash: voice.key.hash ^ 1, ..voice.key };
    assert_eq!(read.answer(one.token(), unknown).await?, None);
    let other_kind = crate::call::EventKey { kind: EventKind::DialResult, ..voice.key };
    assert_eq!(read.answer(one.token(), other_kind).await?, None);
    Ok(())
}

fn attempt(number: u16, agent: u64) -> NewAttempt {
    let seat = crate::strategy::AttemptSeat {
        agent: crate::id::AgentId::new(agent),
        group: None,
        membership: None,
        pool: None,
    };
    NewAttempt { number, target: AttemptTarget::Agent(seat), probe: None }
}
