//! Reading calls back from the file, and by time.

use cxroute_core::call::{EndReason, Outcome};
use cxroute_core::conformance::fixture::{Script, seconds, token};
use cxroute_core::id::CallId;
use cxroute_core::port::{CallFilter, Page};

use crate::support::Fixture;

#[tokio::test]
async fn a_call_is_read_whole_after_reopening() {
    let fixture = Fixture::new().await;
    let script = Script::new("call", 1);
    fixture.take(vec![script.voice_through(20, 7), script.fail_over(1, Outcome::Busy, 20, 8)]).await;
    fixture.take(vec![script.update("connected"), script.cdr("ANSWER", 42)]).await;
    let before = fixture.read().await.call_detail(&token("call")).await.unwrap().unwrap();
    assert_eq!(before.call.duration, Some(42));
    let fixture = fixture.reopened().await;
    let after = fixture.read().await.call_detail(&token("call")).await.unwrap();
    assert_eq!(after, Some(before));
}

#[tokio::test]
async fn calls_are_found_by_time_of_receipt_even_if_their_ids_say_another_time() {
    let fixture = Fixture::new().await;
    let early = Script::new("early", 10).with_id(CallId::new(5));
    let late = Script::new("late", 100).with_id(CallId::new(1));
    fixture.take(vec![early.voice(7), late.voice(7)]).await;
    let mut read = fixture.read().await;
    let page = Page { after: None, limit: 10 };
    let from = CallFilter { from: Some(seconds(50)), ..CallFilter::default() };
    let until = CallFilter { until: Some(seconds(50)), ..CallFilter::default() };
    for (filter, expected) in [(from, "late"), (until, "early")] {
        let found = read.calls(&filter, page).await.unwrap();
        assert_eq!(found.iter().map(|call| call.token.as_str()).collect::<Vec<_>>(), [expected]);
    }
}

#[tokio::test]
async fn rollups_follow_the_last_word_on_every_call() {
    let fixture = Fixture::new().await;
    let (one, two) = (Script::new("one", 1), Script::new("two", 2));
    fixture.take(vec![one.voice_through(20, 7), two.voice_through(20, 7)]).await;
    fixture.take(vec![one.cdr("BUSY", 0), two.fail_over(1, Outcome::Failed, 21, 8)]).await;
    fixture.take(vec![one.cdr("ANSWER", 30), two.cdr("ANSWER", 12)]).await;
    type Row = (String, i64, i64, i64, i64, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT kind, ref_id, sum(calls), sum(completed), sum(busy), sum(completed_seconds) FROM rollups
         GROUP BY kind, ref_id ORDER BY kind, ref_id",
    )
    .fetch_all(&mut fixture.sql().await)
    .await
    .unwrap();
    let row = |kind: &str, whose, seconds| (kind.to_owned(), whose, 1, 1, 0, seconds);
    let tenant = ("tenant".to_owned(), 0, 2, 2, 0, 42);
    let expected =
        [row("agent", 7, 30), row("agent", 8, 12), row("group", 20, 30), row("group", 21, 12), tenant];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn events_are_in_the_outbox_in_order_for_what_was_committed_only() {
    let fixture = Fixture::new().await;
    let script = Script::new("call", 1);
    fixture.take(vec![script.voice_through(20, 7), script.update("connected")]).await;
    let mut refused = script.voice_with(cxroute_core::call::Action::End(EndReason::Hangup), 0);
    refused.key.hash ^= 1;
    drop(fixture.ingest(vec![refused, script.voice_through(20, 7)]).await);
    let events: Vec<(i64, String)> = sqlx::query_as(
        "SELECT tenant_id, e.value ->> 'kind' FROM outbox o, json_each(o.events) e ORDER BY o.id, e.key",
    )
    .fetch_all(&mut fixture.sql().await)
    .await
    .unwrap();
    let kinds: Vec<&str> = events.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(kinds, ["call_queued", "call_started", "call_routed", "call_connected"]);
}
