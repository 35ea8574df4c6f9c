//! A tenant's webhooks, played by hand: what is sent, and that it is sent until it is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::client::{PATIENCE, Reply, Request};
use crate::places::KEY;
use crate::process::PUBLIC;

/// A session's token, made of what names it within a trial.
pub(crate) fn token(kind: u8, number: u64) -> String {
    format!("{kind:02x}{number:030x}")
}

/// A voice request as Cloudonix sends it.
pub(crate) fn voice(domain: &str, session: &str, to: &str) -> Request {
    let body = format!(
        r#"{{"CallSid":"{session}","Domain":"{domain}","From":"+13055550100","To":"{to}","Direction":"inbound",
        "CallStatus":"in-progress","Session":"{session}","SessionData":{{"id":1,"token":"{session}","status":"NEW"}}}}"#
    );
    asking(&format!("/api/voice/application/{domain}"), body, session, 1)
}

/// A result of the dial that `answer` asked for, who called whom repeated as the platform does; `stage` numbers the
/// call's requests.
pub(crate) fn result(answer: &Reply, session: &str, word: &str, stage: usize) -> Request {
    let document = answer.document();
    let dial = document.descendants().find(|node| node.has_tag_name("Dial")).expect("a dial");
    let path = dial.attribute("action").unwrap().strip_prefix(PUBLIC).expect("the public base URL");
    let body =
        format!(r#"{{"Session":"{session}","From":"+13055550100","To":"+1","DialCallStatus":"{word}"}}"#);
    asking(path, body, session, stage)
}

/// A CDR.
pub(crate) fn cdr(domain: &str, session: &str, disposition: &str) -> Request {
    let body = format!(
        r#"{{"call_id":"{session}@sip","disposition":"{disposition}","duration":9,"billsec":7,"timestamp":1767225600,
        "from":"+13055550100","to":"+1","session":{{"id":1,"token":"{session}","callEndTime":1767225609000}}}}"#
    );
    Request::post(&format!("/api/voice/session/cdr/{domain}"), body).key(KEY)
}

fn asking(path: &str, body: String, session: &str, stage: usize) -> Request {
    let request = Request::post(path, body).key(KEY).header("Content-Type", "application/json");
    request.header("X-Cx-Session", session).header("X-Cx-Stageid", &format!("{stage:016x}"))
}

/// Whether the store did not answer in time in this server's life, so that signals went to the spool. What is counted is
/// told once a second.
pub(crate) async fn store_was_away(address: SocketAddr) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let metrics = insist(address, &Request::new("GET", "/metrics")).await;
        let mut lines = metrics.text().lines();
        let spooled = lines.find_map(|line| line.strip_prefix(r#"cxroute_signals_total{fate="spooled"} "#));
        if spooled.expect("the metric") != "0" {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

/// Sends the same bytes until they are answered, as a platform does whose server dies now and then. The answer is 200.
pub(crate) async fn insist(address: SocketAddr, request: &Request) -> Reply {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(reply) = request.try_send(address).await {
            assert_eq!(reply.status, 200, "{}: {reply:?}", request.shown());
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no answer within {PATIENCE:?} to {}", request.shown())
}
