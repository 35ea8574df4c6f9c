//! The shapes of FACTS: JSON, form and query, and a call from its arrival to its CDR.

use cxroute_core::call::CallState;

use crate::client::Request;
use crate::desk::{CDR, DIAL, Desk, KEY, TENANT, UPDATE, VOICE};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_followed_from_its_arrival_to_its_cdr() {
    let desk = Desk::open(TENANT).await;
    let session = desk.session();
    let first = desk.voice(&session).await;
    assert!(first.dialled().is_some());
    let second = desk.result(&first, &session, "busy").await;
    assert!(second.dialled().is_some() && second.dialled() != first.dialled());
    for status in ["ringing", "connected"] {
        let body = format!(r#"[{{"id":1,"token":"{session}","eventId":"{status}","status":"{status}"}}]"#);
        let update = Request::post(UPDATE, body).key(KEY);
        let reply = desk.send(&update).await;
        assert_eq!((reply.status, reply.text()), (200, r#"{"status":"ok"}"#));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(desk.send(&update).await.text(), r#"{"status":"duplicate"}"#);
    }
    let last = desk.result(&second, &session, "completed").await;
    assert!(last.text().contains("<Hangup/>"));
    let body = format!(
        r#"{{"call_id":"sip@x","disposition":"ANSWER","billsec":30,"duration":33,"session":{{"token":"{session}"}}}}"#
    );
    let cdr = Request::post(CDR, body).key(KEY);
    assert_eq!(desk.send(&cdr).await.text(), r#"{"status":"ok"}"#);
    assert_eq!(desk.send(&cdr).await.text(), r#"{"status":"duplicate"}"#);
    let call = desk.call(&session).await.unwrap();
    assert_eq!((call.state, call.attempts.len()), (CallState::Completed, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_request_may_be_json_form_or_query() {
    let desk = Desk::open(TENANT).await;
    let form =
        |session: &str| format!("Session={session}&From=%2B13055550100&To=%2B12025559999&Direction=inbound");
    let (json, posted, asked) = (desk.session(), desk.session(), desk.session());
    let posted =
        Request::post(VOICE, form(&posted)).header("Content-Type", "application/x-www-form-urlencoded");
    let asked = Request::new("GET", &format!("{VOICE}?{}", form(&asked)));
    assert!(desk.voice(&json).await.dialled().is_some());
    for request in [posted, asked] {
        assert!(desk.send(&request.key(KEY)).await.dialled().is_some());
    }
    assert_eq!(desk.calls().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_a_call_may_stand_in_the_headers() {
    let desk = Desk::open(TENANT).await;
    let session = desk.session();
    let request = Request::post(VOICE, "").key(KEY).header("x-cx-session", &session);
    let request = request.header("X-CX-FROM", "+13055550100").header("x-Cx-To", "+12025559999");
    assert!(desk.send(&request).await.dialled().is_some());
    assert!(desk.call(&session).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_gets_the_same_bytes_and_another_stage_of_the_call_the_same_agent() {
    let desk = Desk::open(TENANT).await;
    let session = desk.session();
    let first = desk.voice(&session).await;
    assert_eq!(desk.voice(&session).await.body, first.body);
    let stage = crate::desk::voice(&session).raw_header(b"X-Cx-Stageid: other");
    assert_eq!(desk.send(&stage).await.dialled(), first.dialled());
    assert_eq!(desk.call(&session).await.unwrap().attempts.len(), 1);
    assert_eq!(desk.metric(r#"cxroute_decisions_total{durability="duplicate"}"#).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_may_end_in_a_slash_and_the_domain_be_written_in_any_way() {
    let desk = Desk::open(TENANT).await;
    for path in [
        "/api/voice/application/t.cloudonix.net/",
        "/api/voice/application/T.CLOUDONIX.net",
        "/api/voice/application/t%2Ecloudonix%2enet",
        "/api/voice/application/%54.cloudonix.net//",
    ] {
        let body = format!(r#"{{"Session":"{}","To":"+12025559999"}}"#, desk.session());
        assert!(desk.send(&Request::post(path, body).key(KEY)).await.dialled().is_some(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let desk = Desk::open(TENANT).await;
    for path in
        ["/", "/api", "/api/voice/application", "/api/voice/application/", "/api/voice/x/t.cloudonix.net"]
    {
        for method in ["GET", "POST", "BREW"] {
            assert_eq!(desk.send(&Request::new(method, path).key(KEY)).await.status, 404, "{method} {path}");
        }
    }
    for (path, method, allow) in [
        (VOICE, "PUT", "GET, POST"),
        (VOICE, "OPTIONS", "GET, POST"),
        (DIAL, "DELETE", "GET, POST"),
        (UPDATE, "GET", "POST"),
        (CDR, "BREW", "POST"),
        ("/healthz", "POST", "GET, HEAD"),
        ("/metrics", "DELETE", "GET, HEAD"),
    ] {
        let reply = desk.send(&Request::new(method, path).key(KEY)).await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{method} {path}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_and_chunks_are_understood() {
    let desk = Desk::open(TENANT).await;
    let body = |session: &str| format!(r#"{{"Session":"{session}","To":"+12025559999"}}"#);
    let (old, chunked) = (body(&desk.session()), body(&desk.session()));
    let old = format!(
        "POST {VOICE} HTTP/1.0\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {}\r\n\r\n{old}",
        old.len()
    );
    let (begin, end) = chunked.split_at(10);
    let chunked = format!(
        "POST {VOICE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Encoding: gzip\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{begin}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
        begin.len(),
        end.len()
    );
    for request in [old, chunked] {
        let mut connection = crate::client::Connection::open(desk.address).await;
        connection.write(request.as_bytes()).await;
        assert!(connection.reply().await.unwrap().dialled().is_some());
    }
}
