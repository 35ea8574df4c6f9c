//! Trimming: what goes, and what stays.

use std::sync::Arc;
use std::time::Duration;

use cxroute_core::config::Strategy;
use cxroute_core::conformance::fixture::{Exchange, START, Script, roster, seat, seconds};
use cxroute_core::port::{News, Outgoing, Store as _, Upkeep};
use cxroute_store_sqlite::{SqliteStore, StoreOptions};

use crate::support::{Fixture, create, operator};

#[tokio::test]
async fn receipts_of_ended_calls_go_after_two_days_and_copies_before_that_stay_copies() {
    let fixture = Fixture::new().await;
    let (ended, live) = (Script::new("ended", 1), Script::new("live", 2));
    let mut long = live.voice(7);
    if let cxroute_core::call::SignalKind::Voice { call, .. } = &mut long.kind {
        call.live_until = seconds(30 * 86_400);
    }
    fixture
        .take(vec![ended.voice(7), ended.cdr("ANSWER", 1), long, Script::new("stray", 3).update("ringing")])
        .await;
    let days = |days: u64| START.after(Duration::from_secs(days * 86_400));
    assert_eq!(fixture.store.upkeep(&operator(), days(1)).await.unwrap(), Upkeep::default());
    let gone = fixture.store.upkeep(&operator(), days(3)).await.unwrap();
    assert_eq!(gone.receipts, 3, "two of the call that ended, one of no call");
    let key = live.voice(7).key;
    assert!(fixture.read().await.answer(live.token(), key).await.unwrap().is_some());
    let gone = fixture.store.upkeep(&operator(), days(40)).await.unwrap();
    assert_eq!(gone.receipts, 1, "a call that lives no longer");
}

#[tokio::test]
async fn steps_go_once_they_are_older_than_the_longest_window() {
    let fixture = Fixture::new().await;
    let mut exchange = Exchange::new(vec![roster(20, Strategy::LoadBalanced, vec![seat(1), seat(2)])]);
    fixture.take(vec![exchange.voice("a"), exchange.voice("b")]).await;
    let week = START.after(Duration::from_secs(167 * 3_600));
    assert_eq!(fixture.store.upkeep(&operator(), week).await.unwrap().window_steps, 0);
    let later = START.after(Duration::from_secs(169 * 3_600));
    assert_eq!(fixture.store.upkeep(&operator(), later).await.unwrap().window_steps, 2);
}

#[tokio::test]
async fn a_trim_takes_a_bounded_number_of_rows() {
    let fixture = Fixture::new().await;
    for chunk in 0..21 {
        let calls = (0..100).map(|n| Script::new(&format!("stray {chunk} {n}"), n + 1).update("ringing"));
        fixture.take(calls.collect()).await;
    }
    let later = START.after(Duration::from_secs(10 * 86_400));
    let mut gone = Vec::new();
    loop {
        match fixture.store.upkeep(&operator(), later).await.unwrap().receipts {
            0 => break,
            some => gone.push(some),
        }
    }
    assert_eq!(gone, [2_000, 100]);
}

#[tokio::test]
async fn of_events_that_nobody_takes_the_last_are_kept_behind_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let location = format!("sqlite:{}", folder.path().join("cxroute.db").display());
    let options = StoreOptions { most_events: 10, ..StoreOptions::default() };
    let store = SqliteStore::open(&location, &options).await.unwrap();
    let (one, two) = (create(&store, "one.example.net").await, create(&store, "two.example.net").await);
    let take = async |tenant, calls: std::ops::Range<u32>| {
        let scope = Arc::new(operator().ingest(tenant));
        let call = |n| (Arc::clone(&scope), Script::new(&format!("call {n}"), n).voice(7));
        // A batch a call, whose three events are a row.
        for call in calls.map(call) {
            store.ingest(vec![call]).await.remove(0).unwrap();
        }
    };
    // Who waits: the tenant, and the event's call, or none for a gap.
    let waiting = async || -> Vec<(u64, Option<String>)> {
        let waiting = store.outbox(&operator(), 100).await.unwrap();
        let said = |outgoing: Outgoing| {
            let News::Call(event) = outgoing.news else { return (outgoing.tenant.get(), None) };
            (outgoing.tenant.get(), Some(event.session_token.as_str().to_owned()))
        };
        waiting.into_iter().map(said).collect()
    };
    let left = |calls: std::ops::RangeInclusive<u32>| -> Vec<(u64, Option<String>)> {
        let events = calls.flat_map(|n| vec![(one.get(), Some(format!("call {n}"))); 3]);
        [(two.get(), None), (one.get(), None)].into_iter().chain(events).collect()
    };
    take(two, 1..2).await;
    take(one, 2..11).await;
    assert_eq!(store.upkeep(&operator(), START).await.unwrap().events, 18, "of 30, in rows of three");
    assert_eq!(store.upkeep(&operator(), START).await.unwrap(), Upkeep::default());
    assert_eq!(waiting().await, left(7..=10));
    take(one, 11..13).await;
    assert_eq!(store.upkeep(&operator(), START).await.unwrap().events, 6);
    assert_eq!(waiting().await, left(9..=12), "two gaps of a tenant are one");
}

#[tokio::test]
async fn calls_that_are_too_old_go_a_bounded_number_at_a_time_and_their_figures_stay() {
    let fixture = Fixture::new().await;
    for chunk in 0..9 {
        let calls = (0..50).flat_map(|n| {
            let script = Script::new(&format!("call {chunk} {n}"), n + 1);
            [script.voice_through(20, 7), script.update("ringing"), script.cdr("ANSWER", 1)]
        });
        fixture.take(calls.collect()).await;
    }
    fixture.take(vec![Script::new("stray", 3).update("ringing")]).await;
    let mut sql = fixture.sql().await;
    let figures = "SELECT kind, ref_id, quarter, calls, completed FROM rollups ORDER BY kind";
    let figures = async |sql: &mut sqlx::SqliteConnection| -> Vec<(String, i64, i64, i64, i64)> {
        sqlx::query_as(figures).fetch_all(sql).await.unwrap()
    };
    let before = figures(&mut sql).await;
    assert_eq!(before.iter().map(|row| row.3).max(), Some(450));
    let day = |days: u64| START.after(Duration::from_secs(days * 86_400));
    assert_eq!(fixture.store.upkeep(&operator(), day(400)).await.unwrap().calls, 0);
    let (mut gone, mut stray) = (Vec::new(), 0);
    loop {
        let done = fixture.store.upkeep(&operator(), day(401)).await.unwrap();
        stray += done.webhooks;
        match done {
            done if done.is_done() => break,
            Upkeep { calls: 0, .. } => {}
            Upkeep { calls, .. } => gone.push(calls),
        }
    }
    assert_eq!((gone, stray), (vec![200, 200, 50], 1));
    for table in ["call_records", "call_sessions", "webhook_audit"] {
        let left = format!("SELECT count(*) FROM {table}");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(left)).fetch_one(&mut sql).await.unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(figures(&mut sql).await, before);
}
