//! The life of a server: where it listens, how it is watched, how it ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cxroute_core::authority::Operator;
use cxroute_core::memory::{MemoryEvents, MemoryLive, MemoryStore};
use cxroute_core::port::{Heard, Store as _};
use cxroute_core::seal::{Keyring, MasterKey};
use cxroute_core::secret::NoVault;
use cxroute_core::time::Timestamp;
use cxroute_server::server::{Backing, Committing, Ended, Exposure, Server, ServerError, ServerOptions};
use tokio::net::TcpStream;

use crate::client::{Connection, PATIENCE, Request};
use crate::desk::{Desk, TENANT, voice};
use crate::faulty::Fault;

/// Adapters in memory, without a tenant.
pub(crate) fn backing() -> Backing {
    Backing {
        store: Arc::new(MemoryStore::new()),
        live: Arc::new(MemoryLive::new()),
        events: Arc::new(MemoryEvents::starting(Timestamp::EPOCH)),
        durability: Committing::Direct,
        vault: Arc::new(NoVault),
        authenticator: Arc::new(Keyring::new(MasterKey::new([7; 32]), []).webhook_keys()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics_are_there() {
    let desk = Desk::open(TENANT).await;
    for (path, expected) in [
        ("/healthz", r#"{"status":"ok"}"#),
        ("/readyz", r#""status":"ready""#),
        ("/metrics", "# TYPE cxroute_requests_total counter"),
    ] {
        let reply = desk.send(&Request::new("GET", path)).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.text().contains(expected), "{path}: {}", reply.text());
    }
    for path in ["/healthz/", "/healthz/x", "/metricsx"] {
        let status = desk.send(&Request::new("GET", path)).await.status;
        assert_eq!(status, if path == "/healthz/" { 200 } else { 404 }, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_and_name_no_tenant_and_no_secret() {
    let desk = Desk::open(TENANT).await;
    let session = desk.session();
    desk.voice(&session).await;
    let page = desk.send(&Request::new("GET", "/metrics")).await;
    for line in [
        r#"cxroute_requests_total{endpoint="voice",status="2xx"} 1"#,
        r#"cxroute_decisions_total{durability="stored"} 1"#,
        r#"cxroute_request_seconds_count{endpoint="voice"} 1"#,
    ] {
        assert!(page.text().contains(line), "{line} is not in\n{}", page.text());
    }
    for secret in ["cloudonix", "the-key", "hunter2", session.as_str(), "+1202"] {
        assert!(!page.text().contains(secret), "{secret} is in\n{}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_is_routed_by_without_a_restart() {
    let desk = Desk::open(TENANT).await;
    desk.voice(&desk.session()).await;
    desk.apply(&TENANT.replace("pattern: \"+1202*\"", "pattern: \"+1303*\"")).await;
    while desk.voice(&desk.session()).await.dialled().is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = desk.voice(&desk.session()).await;
    assert!(answer.text().contains("<Hangup/>"), "no rule is left for the number: {answer:?}");
    assert_eq!(desk.metric("cxroute_snapshots_refreshed_total").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_can_reach_needs_tls_or_a_proxy_in_front() {
    for (listen, is_private) in [
        ("127.0.0.1:0", true),
        ("127.9.9.9:0", true),
        ("[::1]:0", true),
        ("[::ffff:127.0.0.1]:0", true),
        ("0.0.0.0:0", false),
        ("[::]:0", false),
        ("[::ffff:0.0.0.0]:0", false),
        ("192.0.2.1:0", false),
        ("10.0.0.1:0", false),
    ] {
        let options = ServerOptions { listen: listen.parse().unwrap(), ..ServerOptions::default() };
        assert_eq!(options.check().is_ok(), is_private, "{listen}");
        let options = ServerOptions { exposure: Exposure::BehindProxy, ..options };
        assert!(options.check().is_ok(), "{listen} behind a proxy");
    }
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let options = ServerOptions { listen, ..ServerOptions::default() };
    let refused = Server::start(options.clone(), backing()).await.err().unwrap();
    assert!(matches!(refused, ServerError::Exposed(_)));
    for word in ["--tls-cert", "--behind-proxy", "127.0.0.1"] {
        assert!(refused.to_string().contains(word), "{refused}");
    }
    let options = ServerOptions { exposure: Exposure::BehindProxy, ..options };
    let server = Server::start(options, backing()).await.unwrap();
    assert_eq!(server.drain(PATIENCE).await, Ended::Drained);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_named() {
    let desk = Desk::open(TENANT).await;
    let options = ServerOptions { listen: desk.address, ..ServerOptions::default() };
    let refused = Server::start(options, backing()).await.err().unwrap().to_string();
    assert!(refused.contains(&desk.address.to_string()), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_answers_what_is_under_way_and_takes_nothing_new() {
    let mut desk = Desk::open(TENANT).await;
    desk.voice(&desk.session()).await;
    desk.store.set(Fault::Slow);
    let session = desk.session();
    let (mut idle, mut busy) = (Connection::open(desk.address).await, Connection::open(desk.address).await);
    idle.write(&Request::new("GET", "/healthz").bytes()).await;
    assert_eq!(idle.reply().await.unwrap().status, 200);
    let readiness = Request::new("GET", "/readyz").bytes();
    busy.write(&voice(&session).bytes()).await;
    busy.write(&readiness).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let draining = tokio::spawn(desk.take_server().drain(PATIENCE));
    assert!(idle.is_at_end().await);
    while TcpStream::connect(desk.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!draining.is_finished());
    desk.store.release();
    assert!(busy.reply().await.unwrap().dialled().is_some());
    assert_eq!(draining.await.unwrap(), Ended::Drained);
    assert_eq!(desk.call(&session).await.unwrap().attempts.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_does_not_wait_for_ever() {
    let mut desk = Desk::open(TENANT).await;
    desk.voice(&desk.session()).await;
    desk.store.set(Fault::Slow);
    let mut busy = Connection::open(desk.address).await;
    busy.write(&voice(&desk.session()).bytes()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(desk.take_server().drain(Duration::from_millis(50)).await, Ended::AtOnce);
    desk.store.release();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_call_is_told_to_those_who_listen_and_forgotten_by_the_store() {
    let desk = Desk::open(TENANT).await;
    let (mut listener, session) = (desk.listen().await, desk.session());
    desk.voice(&session).await;
    for expected in ["call_queued", "call_started", "call_routed"] {
        let heard = tokio::time::timeout(PATIENCE, listener.next()).await.unwrap();
        let Heard::Event(event) = heard else { panic!("a gap before {expected}") };
        assert_eq!(
            (event.event_type.as_str(), event.data["session_token"].as_str()),
            (expected, Some(&*session))
        );
    }
    let patience = std::time::Instant::now();
    while desk.metric("cxroute_events_published_total").await < 3 {
        assert!(patience.elapsed() < PATIENCE, "its figure does not follow");
    }
    assert_eq!(desk.store.inner.outbox(&Operator::assume(), 100).await.unwrap(), []);
}
