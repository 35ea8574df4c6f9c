//! Laws about copies: the first one counts, every other gets its answer, whenever and wherever it comes.

use std::sync::Arc;

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::call::{Ingested, Outcome, Signal, SignalKind};
use crate::conformance::fixture::{Script, answer, in_order, seconds};
use crate::time::Timestamp;

/// A copy of a signal as another server would make it: another answer, another time, another choice.
fn copy_of(signal: &Signal) -> Signal {
    let mut copy = signal.clone();
    copy.answer = copy.answer.map(|_| answer("another server's answer"));
    copy.received_at = seconds(1_000);
    if let SignalKind::Voice { decision, .. } | SignalKind::Dial { decision, .. } = &mut copy.kind {
        decision.delta.seq = 99;
    }
    copy
}

/// A signal whose decision was the plane's choice of this number.
fn chosen(mut signal: Signal, choice: u64) -> Signal {
    if let SignalKind::Voice { decision, .. } | SignalKind::Dial { decision, .. } = &mut signal.kind {
        decision.delta.seq = choice;
    }
    signal
}

/// Everything that a copy must not change.
async fn kept(desk: &Desk, script: &Script) -> Result<impl PartialEq + std::fmt::Debug + use<>, Broken> {
    let mut read = desk.read().await?;
    let image = read.plane_image(seconds(60)).await?;
    Ok((read.call_detail(script.token()).await?, image))
}

pub(super) async fn a_copy_gets_the_first_answer_and_changes_nothing_but_the_audit(
    bench: &StoreBench,
) -> Checked {
    let desk = bench.tenant("copies.example").await?;
    let script = Script::new("session", 1);
    let signals = [
        chosen(script.voice_through(20, 7), 41),
        script.update("ringing"),
        chosen(script.fail_over(1, Outcome::Busy, 20, 8), 42),
        script.cdr("ANSWER", 9),
    ];
    for (signal, audited) in signals.into_iter().zip([2_u64, 4, 6, 8]) {
        let (first, choice) = (signal.answer.clone(), signal.choice());
        let copy = copy_of(&signal);
        assert!(matches!(desk.take(signal).await?, Ingested::Committed(Some(_))));
        let before = kept(&desk, &script).await?;
        assert_eq!(desk.take(copy).await?, Ingested::Duplicate { answer: first, choice });
        assert_eq!(kept(&desk, &script).await?, before);
        let mut read = desk.read().await?;
        assert_eq!(read.audit_count().await?, audited);
        assert_eq!(read.audit(script.token()).await?.len() as u64, audited);
    }
    Ok(())
}

pub(super) async fn copies_within_one_batch_make_one_decision(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("batch-copies.example").await?;
    let script = Script::new("session", 1);
    let first = chosen(script.voice_through(20, 7), 5);
    let copies = vec![first.clone(), copy_of(&first), script.update("ringing"), copy_of(&first)];
    let results = desk.take_all(copies).await?;
    let duplicate = Ingested::Duplicate { answer: first.answer.clone(), choice: 5 };
    assert!(matches!(results[0], Ingested::Committed(Some(_))), "{:?}", results[0]);
    assert_eq!((&results[1], &results[3]), (&duplicate, &duplicate));
    let call = desk.call(script.token()).await?.ok_or_else(|| Broken::because("the call"))?;
    assert_eq!(call.attempts.len(), 1);
    assert_eq!(desk.read().await?.answer(script.token(), first.key).await?, first.answer);
    Ok(())
}

pub(super) async fn of_copies_that_arrive_at_once_one_is_taken(bench: &StoreBench) -> Checked {
    const COPIES: u64 = 16;
    let desk = bench.tenant("race.example").await?;
    let script = Script::new("session", 1);
    let mut arriving = tokio::task::JoinSet::new();
    for server in 1..=COPIES {
        let mut signal = chosen(script.voice_through(20, server), server);
        signal.answer = Some(answer(&format!("server {server}")));
        let (store, scope) = (Arc::clone(&desk.store), Arc::clone(&desk.scope));
        arriving.spawn(async move {
            let mut results = store.ingest(vec![(scope, signal)]).await;
            results.pop().map(|result| (server, result))
        });
    }
    let (mut winner, mut given) = (None, Vec::new());
    while let Some(result) = arriving.join_next().await {
        let (server, result) = result?.ok_or_else(|| Broken::because("one result"))?;
        match result? {
            Ingested::Committed(Some(call)) => {
                assert_eq!(
                    winner.replace((server, Arc::unwrap_or_clone(call))).map(|(server, _)| server),
                    None,
                    "one is taken"
                );
            }
            Ingested::Duplicate { answer, choice } => given.push((answer, choice)),
            other => return Err(Broken::because(format!("unexpected result: {other:?}"))),
        }
    }
    let (server, call) = winner.ok_or_else(|| Broken::because("one of them is taken"))?;
    let first = (Some(answer(&format!("server {server}"))), server);
    assert!(given.iter().all(|given| *given == first), "everybody gets the bytes of {server}: {given:?}");
    assert_eq!(given.len() as u64, COPIES - 1);
    assert_eq!(desk.call(script.token()).await?, Some(call));
    Ok(())
}

pub(super) async fn signals_of_one_call_that_arrive_at_once_are_all_taken(bench: &StoreBench) -> Checked {
    const UPDATES: usize = 16;
    const CALLS: u32 = 16;
    let desk = bench.tenant("together.example").await?;
    let script = Script::new("session", 1);
    desk.take(script.voice(7)).await?;
    let before = desk.detail(script.token()).await?.map_or(0, |detail| detail.history.len());
    let mut arriving = tokio::task::JoinSet::new();
    for n in 0..UPDATES {
        let signal = script.update(&format!("word {n}"));
        let (store, scope) = (Arc::clone(&desk.store), Arc::clone(&desk.scope));
        arriving.spawn(async move { store.ingest(vec![(scope, signal)]).await });
    }
    while let Some(results) = arriving.join_next().await {
        for result in results? {
            assert!(matches!(result?, Ingested::Committed(Some(_))));
        }
    }
    let after = desk.detail(script.token()).await?.map_or(0, |detail| detail.history.len());
    assert_eq!(after, before + UPDATES, "none was lost under another");
    for nth in 2..2 + CALLS {
        changes_that_meet_are_both_kept(&desk, &Script::new(&format!("session {nth}"), nth)).await?;
    }
    Ok(())
}

/// The session's end and the CDR of a call arrive at once, and each sets what the other does not.
async fn changes_that_meet_are_both_kept(desk: &Desk, script: &Script) -> Checked {
    desk.take(script.voice(7)).await?;
    let mut arriving = tokio::task::JoinSet::new();
    for signal in [script.update_ending("completed", Some(40)), script.cdr("ANSWER", 30)] {
        let (store, scope) = (Arc::clone(&desk.store), Arc::clone(&desk.scope));
        arriving.spawn(async move { store.ingest(vec![(scope, signal)]).await });
    }
    while let Some(results) = arriving.join_next().await {
        for result in results? {
            assert!(matches!(result?, Ingested::Committed(Some(_))));
        }
    }
    let call = desk.call(script.token()).await?.ok_or_else(|| Broken::because("no call"))?;
    assert_eq!((call.session_ended.is_some(), call.cdr.is_some()), (true, true), "of {}", script.token());
    Ok(())
}

pub(super) async fn upkeep_takes_nothing_that_is_promised(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("upkeep.example").await?;
    let (ended, live) = (Script::new("ended", 1), Script::new("live", 2));
    let mut long = chosen(live.voice_through(20, 7), 41);
    if let SignalKind::Voice { call, .. } = &mut long.kind {
        call.live_until = seconds(30 * 86_400);
    }
    let first = long.answer.clone();
    desk.take_all(vec![ended.voice(7), ended.cdr("ANSWER", 1), long.clone()]).await?;
    let two_days = seconds(48 * 3_600 - 1);
    let before = desk.read().await?.plane_image(two_days).await?;
    upkeep(bench, two_days).await?;
    assert_eq!(in_order(desk.read().await?.plane_image(two_days).await?), in_order(before));
    for signal in [ended.voice(7), ended.cdr("ANSWER", 1)] {
        assert!(matches!(desk.take(copy_of(&signal)).await?, Ingested::Duplicate { .. }), "{:?}", signal.key);
    }
    upkeep(bench, seconds(20 * 86_400)).await?;
    let copy = desk.take(copy_of(&long)).await?;
    assert_eq!(copy, Ingested::Duplicate { answer: first, choice: 41 }, "of a call that is live");
    assert!(desk.detail(ended.token()).await?.is_some(), "records stay");
    Ok(())
}

/// Upkeep until nothing is to be done.
pub(super) async fn upkeep(bench: &StoreBench, now: Timestamp) -> Checked {
    for _ in 0..100 {
        if bench.store.upkeep(&bench.operator, now).await?.is_done() {
            return Ok(());
        }
    }
    Err(Broken::because("upkeep has no end: a hundred times in a row it said that something was done"))
}
