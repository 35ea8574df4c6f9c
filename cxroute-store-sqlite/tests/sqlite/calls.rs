//! Calls: what signals leave behind is read back whole.

use cxroute_core::call::{
    Action, AttemptTarget, CallState, Effect, EndReason, EventKind, Ingested, NewAttempt, Outcome, UpdateWord,
};
use cxroute_core::id::{AgentId, CallId, GroupId};
use cxroute_core::port::{CallFilter, Page};
use cxroute_core::strategy::LedgerDelta;

use crate::support::{
    Fixture, at, cdr, decision, dial, key, nameless, result, result_with, sealed, seat, token, update, voice,
    voice_with,
};

fn committed(ingested: Ingested) -> cxroute_core::call::Call {
    match ingested {
        Ingested::Committed(Some(call)) => *call,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_with_fail_over_and_cdr_is_read_back_as_it_was_committed() {
    let fixture = Fixture::new().await;
    fixture.take(voice("a", 1)).await;
    let number = AttemptTarget::Number { group: Some(GroupId::new(2)), number: "+44 20".into() };
    let next = Action::Dial(NewAttempt { number: 2, target: number, probe: Some(3) });
    let failed_over = decision(next, LedgerDelta::default());
    fixture.take(result_with("a", 2, 1, Outcome::Busy, failed_over)).await;
    fixture.take(update("a", 3, UpdateWord::Connected, "connected")).await;
    fixture.take(result("a", 4, 2, Outcome::Completed)).await;
    let call = committed(fixture.take(cdr("a", 5, Some(Outcome::Completed), 42)).await);
    assert_eq!((call.state, call.duration), (CallState::Completed, Some(42)));

    let fixture = fixture.reopened().await;
    let mut read = fixture.read().await;
    assert_eq!(read.call(&token("a")).await.unwrap(), Some(call.clone()));
    let detail = read.call_detail(&token("a")).await.unwrap().unwrap();
    assert_eq!(detail.call, call);
    assert_eq!(detail.traces.len(), 3);
    assert_eq!(*detail.traces[0], *decision(Action::End(EndReason::Hangup), LedgerDelta::default()).trace);
    let entered: Vec<CallState> =
        detail.history.iter().filter(|line| line.effect == Effect::Entered).map(|line| line.state).collect();
    use CallState::{Completed, Connected, Connecting, Queued, Received, Routing};
    assert_eq!(entered, [Received, Queued, Routing, Connecting, Routing, Connecting, Connected, Completed]);
    let answer = read.answer(&token("a"), key(EventKind::DialResult, 1)).await.unwrap();
    assert_eq!(answer, Some(sealed("<Response>a 1</Response>")));
    assert_eq!(read.answer(&token("a"), key(EventKind::Cdr, 5)).await.unwrap(), None);
    assert_eq!(read.answer(&token("a"), key(EventKind::DialResult, 9)).await.unwrap(), None);
}

#[tokio::test]
async fn every_webhook_is_audited_in_order_also_those_of_no_call() {
    let fixture = Fixture::new().await;
    let batch =
        vec![voice("a", 1), nameless(2), update("b", 3, UpdateWord::Ringing, "ringing"), voice("a", 1)];
    fixture.ingest(batch).await;
    let mut read = fixture.read().await;
    let kinds: Vec<(String, i64)> = read
        .audit(&token("a"))
        .await
        .unwrap()
        .into_iter()
        .map(|entry| (entry.event_type, entry.received_at.as_millis() - at(0).as_millis()))
        .collect();
    assert_eq!(kinds, [("voice_request".to_owned(), 1), ("voice_request".to_owned(), 1)]);
    assert_eq!(read.audit(&token("a")).await.unwrap()[0].payload, r#"{"Session":"a"}"#);
    assert_eq!(read.audit(&token("b")).await.unwrap().len(), 1);
    assert_eq!(read.audit_count().await.unwrap(), 4);
    assert_eq!(read.call(&token("b")).await.unwrap(), None);
}

#[tokio::test]
async fn calls_are_listed_newest_first_by_pages_and_filters() {
    let fixture = Fixture::new().await;
    for n in 0..30_i64 {
        let chosen = seat(1 + n.unsigned_abs() % 2, (n % 3 == 0).then_some(2));
        let signal =
            voice_with(&format!("c{n}"), n * 1_000, decision(dial(1, chosen), LedgerDelta::default()), 0);
        fixture.take(signal).await;
    }
    let mut read = fixture.read().await;
    let list = async |read: &mut Box<dyn cxroute_core::port::TenantRead>, filter: &CallFilter| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = read.calls(filter, Page { after, limit: 4 }).await.unwrap();
            after = page.last().map(|call| call.id);
            all.extend(page.iter().map(|call| call.token.as_str()[1..].parse::<i64>().unwrap()));
            if page.len() < 4 {
                return all;
            }
        }
    };
    let all: Vec<i64> = (0..30).rev().collect();
    let wanted = |keep: &dyn Fn(i64) -> bool| all.iter().copied().filter(|n| keep(*n)).collect::<Vec<_>>();
    let none = CallFilter::default();
    assert_eq!(list(&mut read, &none).await, all);
    let agent = CallFilter { agent: Some(AgentId::new(1)), ..none.clone() };
    assert_eq!(list(&mut read, &agent).await, wanted(&|n| n % 2 == 0));
    let group = CallFilter { group: Some(GroupId::new(2)), ..none.clone() };
    assert_eq!(list(&mut read, &group).await, wanted(&|n| n % 3 == 0));
    let both = CallFilter { agent: Some(AgentId::new(2)), ..group };
    assert_eq!(list(&mut read, &both).await, wanted(&|n| n % 6 == 3));
    let time = CallFilter { from: Some(at(5_000)), until: Some(at(20_000)), ..none.clone() };
    assert_eq!(list(&mut read, &time).await, wanted(&|n| (5..20).contains(&n)));
    let time = CallFilter { from: Some(at(5_001)), ..agent };
    assert_eq!(list(&mut read, &time).await, wanted(&|n| n > 5 && n % 2 == 0));
}

#[tokio::test]
async fn calls_are_found_by_time_of_receipt_even_if_their_ids_say_another_time() {
    let fixture = Fixture::new().await;
    for (name, millis, id) in [("early", 0, 5), ("late", 60_000, 1)] {
        let mut signal = voice(name, millis);
        if let cxroute_core::call::SignalKind::Voice { call, .. } = &mut signal.kind {
            call.id = CallId::new(id);
        }
        fixture.take(signal).await;
    }
    let mut read = fixture.read().await;
    let late = CallFilter { from: Some(at(30_000)), ..CallFilter::default() };
    let found = read.calls(&late, Page { after: None, limit: 10 }).await.unwrap();
    assert_eq!(found.iter().map(|call| call.token.as_str()).collect::<Vec<_>>(), ["late"]);
    let early = CallFilter { until: Some(at(30_000)), ..CallFilter::default() };
    let found = read.calls(&early, Page { after: None, limit: 10 }).await.unwrap();
    assert_eq!(found.iter().map(|call| call.token.as_str()).collect::<Vec<_>>(), ["early"]);
}

#[tokio::test]
async fn two_calls_that_drew_the_same_id_both_keep_their_records() {
    let fixture = Fixture::new().await;
    let mut signals = vec![voice("a", 7), voice("b", 7), cdr("c", 7, None, 1)];
    fixture.ingest(signals.split_off(1)).await.into_iter().for_each(|done| drop(done.unwrap()));
    fixture.ingest(signals).await.remove(0).unwrap();
    let mut read = fixture.read().await;
    let all = read.calls(&CallFilter::default(), Page { after: None, limit: 10 }).await.unwrap();
    let mut tokens: Vec<&str> = all.iter().map(|call| call.token.as_str()).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, ["a", "b", "c"]);
    let ids: std::collections::BTreeSet<CallId> = all.iter().map(|call| call.id).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids.first(), Some(&CallId::mint(at(7), 7)));
}

#[tokio::test]
async fn texts_of_any_kind_survive() {
    let fixture = Fixture::new().await;
    let name = "tok\u{0}en \"quoted\" \\ \u{7f} ✓ \u{10FFFF}";
    let call = committed(fixture.take(voice(name, 1)).await);
    let read = fixture.read().await.call(&token(name)).await.unwrap();
    assert_eq!(read, Some(call));
}
