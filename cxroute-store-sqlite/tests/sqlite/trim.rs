//! Trimming: what goes, and what stays.

use std::time::Duration;

use cxroute_core::config::Strategy;
use cxroute_core::conformance::fixture::{Exchange, START, Script, roster, seat, seconds};
use cxroute_core::port::{Store as _, Upkeep};

use crate::support::{Fixture, operator};

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
