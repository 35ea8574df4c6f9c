//! When what stands behind the server fails: a live call is answered, nothing is acknowledged that is not kept.

use std::sync::Arc;
use std::time::Duration;

use crate::client::Request;
use crate::desk::{CDR, DOMAIN, Desk, KEY, TENANT, UPDATE, VOICE, voice};
use crate::faulty::Fault;

const SOON: Duration = Duration::from_millis(50);

fn update(session: &str) -> Request {
    Request::post(UPDATE, format!(r#"{{"token":"{session}","status":"ringing"}}"#)).key(KEY)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_store_away_calls_are_answered_and_updates_are_to_be_sent_again() {
    let desk = Desk::open(TENANT).await;
    desk.voice(&desk.session()).await;
    desk.store.set(Fault::Away);
    let session = desk.session();
    let answer = desk.voice(&session).await;
    assert!(answer.dialled().is_some());
    assert_eq!(desk.metric(r#"cxroute_decisions_total{durability="not_durable"}"#).await, 1);
    for request in [update(&session), Request::post(CDR, "{}").key(KEY)] {
        let reply = desk.send(&request).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    }
    while desk.send(&Request::new("GET", "/readyz")).await.status == 200 {
        tokio::task::yield_now().await;
    }
    let report = desk.send(&Request::new("GET", "/readyz")).await;
    assert_eq!(report.status, 503);
    assert!(report.text().contains(r#""store":"away""#), "{}", report.text());
    desk.store.set(Fault::None);
    assert_eq!(desk.send(&update(&session)).await.status, 200);
    while desk.send(&Request::new("GET", "/readyz")).await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_never_seen_is_503_while_the_store_is_away_and_only_then() {
    let desk = Desk::open(TENANT).await;
    desk.store.set(Fault::Away);
    assert_eq!(desk.voice(&desk.session()).await.status, 503);
    let unknown = Request::post(&VOICE.replace(DOMAIN, "u.cloudonix.net"), "{}").key(KEY);
    assert_eq!(desk.send(&unknown).await.status, 503);
    desk.store.set(Fault::None);
    assert_eq!(desk.voice(&desk.session()).await.status, 200);
    assert_eq!(desk.send(&unknown).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_call_is_sent_round_and_finds_what_was_decided() {
    let desk = Desk::open_with(TENANT, SOON).await;
    desk.voice(&desk.session()).await;
    desk.store.set(Fault::Slow);
    let session = desk.session();
    let late = desk.voice(&session).await;
    let document = late.document();
    let redirect = document.descendants().find(|node| node.has_tag_name("Redirect")).unwrap();
    let again = redirect.text().unwrap().strip_prefix("https://cx.example.com").unwrap().to_owned();
    assert_eq!(again, format!("{VOICE}?cxroute_round=1"));
    assert_eq!(desk.metric("cxroute_late_answers_total").await, 1);
    desk.store.release();
    while desk.call(&session).await.is_none() {
        tokio::task::yield_now().await;
    }
    let body = format!(r#"{{"Session":"{session}","To":"+12025559999"}}"#);
    let found = desk.send(&Request::post(&again, body).key(KEY).header("X-Cx-Stageid", "next")).await;
    let call = desk.call(&session).await.unwrap();
    assert_eq!(call.attempts.len(), 1);
    assert!(found.dialled().is_some());
    assert_eq!(desk.voice(&session).await.dialled(), found.dialled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_while_the_store_is_slow_loses_nothing() {
    let desk = Desk::open(TENANT).await;
    desk.voice(&desk.session()).await;
    desk.store.set(Fault::Slow);
    let session = desk.session();
    let mut connection = crate::client::Connection::open(desk.address).await;
    connection.write(&voice(&session).bytes()).await;
    // The decision is under way when another call, sent later, is.
    let other = desk.session();
    let desk = Arc::new(desk);
    let waiting = tokio::spawn({
        let (desk, other) = (Arc::clone(&desk), other.clone());
        async move { desk.voice(&other).await }
    });
    tokio::time::sleep(SOON).await;
    drop(connection);
    desk.store.release();
    assert!(waiting.await.unwrap().dialled().is_some());
    while desk.call(&session).await.is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_becomes_a_hang_up_and_no_acknowledgement() {
    let desk = Desk::open(TENANT).await;
    desk.voice(&desk.session()).await;
    desk.store.set(Fault::Panics);
    let session = desk.session();
    assert!(desk.voice(&session).await.text().contains("<Hangup/>"));
    assert_eq!(desk.send(&update(&session)).await.status, 503);
    assert_eq!(desk.metric("cxroute_panics_total").await, 2);
    desk.store.set(Fault::None);
    assert_eq!(desk.send(&update(&session)).await.status, 200);
}
