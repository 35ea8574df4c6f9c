//! Laws about the outbox: the events of what was committed wait in order until they are forgotten.

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::call::{Action, CallEventKind, EndReason, Ingested, Outcome};
use crate::conformance::fixture::Script;
use crate::port::{News, OutboxId, Outgoing};

/// What waits.
async fn waiting(bench: &StoreBench, limit: u32) -> Result<Vec<Outgoing>, Broken> {
    Ok(bench.store.outbox(&bench.operator, limit).await?)
}

fn ids(waiting: &[Outgoing]) -> Vec<OutboxId> {
    waiting.iter().map(|outgoing| outgoing.id).collect()
}

/// What happened, in words: which tenant, which call, which event.
fn said(waiting: &[Outgoing], desk: &Desk) -> Vec<String> {
    let own = waiting.iter().filter(|outgoing| outgoing.tenant == desk.id);
    let words = own.map(|outgoing| match &outgoing.news {
        News::Call(event) => format!("{} {}", event.session_token.as_str(), event.kind.as_str()),
        News::Gap => "gap".to_owned(),
    });
    words.collect()
}

pub(super) async fn events_of_committed_steps_wait_in_order(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("outbox.example").await?;
    assert_eq!(waiting(bench, 10).await?, []);
    let (a, b) = (Script::new("a", 1), Script::new("b", 2));
    desk.take_all(vec![a.voice_through(20, 7), b.voice_through(20, 8)]).await?;
    desk.take(a.update("connected")).await?;
    desk.take(a.cdr("ANSWER", 42)).await?;
    let events = waiting(bench, 100).await?;
    let expected = [
        "a call_queued",
        "a call_started",
        "a call_routed",
        "b call_queued",
        "b call_started",
        "b call_routed",
        "a call_connected",
        "a call_completed",
    ];
    assert_eq!(said(&events, &desk), expected);
    let News::Call(last) = &events[7].news else { return Err(Broken::because("a gap")) };
    let call = desk.call(a.token()).await?.ok_or_else(|| Broken::because("no call"))?;
    assert_eq!((last.kind, last.call_id, last.duration), (CallEventKind::CallCompleted, call.id, Some(42)));
    assert_eq!(
        (last.agent_id, last.group_id, last.status),
        (call.agent(), call.group(), call.state.status())
    );
    Ok(())
}

pub(super) async fn events_are_given_again_until_they_are_forgotten(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("outbox.example").await?;
    let script = Script::new("a", 1);
    desk.take_all(vec![script.voice_through(20, 7), script.update("connected")]).await?;
    let all = waiting(bench, 100).await?;
    assert_eq!(all.len(), 4);
    assert_eq!(waiting(bench, 3).await?, all[..3], "the oldest");
    assert_eq!(waiting(bench, 100).await?, all, "again");
    bench.store.forget_events(&bench.operator, &ids(&all[..2])).await?;
    assert_eq!(waiting(bench, 100).await?, all[2..]);
    bench
        .store
        .forget_events(&bench.operator, &[ids(&all), vec![OutboxId::new(u64::MAX >> 12)]].concat())
        .await?;
    assert_eq!(waiting(bench, 100).await?, [], "unknown ids are passed over");
    bench.store.forget_events(&bench.operator, &[]).await?;
    desk.take(script.cdr("ANSWER", 42)).await?;
    let later = waiting(bench, 100).await?;
    assert_eq!(said(&later, &desk), ["a call_completed"]);
    assert!(!ids(&all).contains(&later[0].id), "no id is given twice");
    Ok(())
}

pub(super) async fn events_may_be_forgotten_in_any_order(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("outbox.example").await?;
    let calls = [Script::new("a", 1), Script::new("b", 2), Script::new("c", 3)];
    desk.take_all(calls.iter().map(|script| script.voice_through(20, 7)).collect()).await?;
    let all = waiting(bench, 100).await?;
    bench.store.forget_events(&bench.operator, &ids(&all[3..6])).await?;
    let left = waiting(bench, 100).await?;
    assert_eq!(left, [&all[..3], &all[6..]].concat());
    Ok(())
}

pub(super) async fn what_was_not_committed_leaves_no_event(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("outbox.example").await?;
    let script = Script::new("a", 1);
    desk.take(script.voice_through(20, 7)).await?;
    let before = waiting(bench, 100).await?;
    let copy = desk.take(script.voice_through(20, 7)).await?;
    assert!(matches!(copy, Ingested::Duplicate { .. }), "{copy:?}");
    let ignorant = script.dial_with(1, Outcome::Busy, Action::End(EndReason::Hangup), 0);
    let refused = desk.take(ignorant).await?;
    assert!(matches!(refused, Ingested::Conflict(_)), "{refused:?}");
    desk.take(Script::new("stranger", 2).update("ringing")).await?;
    assert_eq!(waiting(bench, 100).await?, before);
    Ok(())
}

pub(super) async fn events_name_their_tenant(bench: &StoreBench) -> Checked {
    let (mine, theirs) = (bench.tenant("mine.example").await?, bench.tenant("theirs.example").await?);
    let script = Script::new("a", 1);
    mine.take(script.voice_through(20, 7)).await?;
    theirs.take_all(vec![script.voice_through(20, 7), script.update("connected")]).await?;
    let events = waiting(bench, 100).await?;
    assert_eq!(events.len(), 7);
    assert_eq!(said(&events, &mine), ["a call_queued", "a call_started", "a call_routed"]);
    assert_eq!(said(&events, &theirs).len(), 4);
    let rising = ids(&events);
    assert!(rising.is_sorted(), "{rising:?}");
    Ok(())
}
