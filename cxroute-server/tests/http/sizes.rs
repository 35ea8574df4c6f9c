//! Bodies that are too large, too slow, or never end.

use crate::client::{Connection, Request};
use crate::desk::{CDR, Desk, KEY, TENANT, UPDATE, VOICE};

/// A body of `size` bytes whose fields stand at its beginning.
fn padded(session: &str, size: usize) -> String {
    let start = format!(r#"{{"Session":"{session}","To":"+12025559999","token":"{session}","x":""#);
    let padding = size - start.len() - 2;
    format!(r#"{start}{}"}}"#, "x".repeat(padding))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_large_body_the_first_mebibyte_is_used_and_the_connection_goes_on() {
    let desk = Desk::open(TENANT).await;
    let mut connection = Connection::open(desk.address).await;
    for size in [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20] {
        let session = desk.session();
        let request = Request::post(VOICE, padded(&session, size)).key(KEY);
        connection.write(&request.bytes()).await;
        let reply = connection.reply().await.unwrap();
        assert!(reply.dialled().is_some(), "{size}");
        assert_eq!(desk.call(&session).await.unwrap().to.as_str(), "+12025559999");
        for path in [UPDATE, CDR] {
            connection.write(&Request::post(path, padded(&session, size)).key(KEY).bytes()).await;
            assert_eq!(connection.reply().await.unwrap().status, 200, "{size} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_of_a_stranger_is_answered_401() {
    let desk = Desk::open(TENANT).await;
    let request = Request::post(VOICE, padded("s", 5 << 20)).key("wrong");
    assert_eq!(desk.send(&request).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_gets_its_cxml() {
    let desk = Desk::open(TENANT).await;
    let mut connection = Connection::open(desk.address).await;
    let head = Request::new("POST", VOICE).key(KEY).header("Transfer-Encoding", "chunked").bytes();
    connection.write(&head).await;
    let start = padded(&desk.session(), 200);
    connection.write(format!("{:x}\r\n{start}\r\n", start.len()).as_bytes()).await;
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    // The server stops reading somewhere behind 64 MiB.
    for _ in 0..70 {
        connection.write(chunk.as_bytes()).await;
    }
    let reply = connection.reply().await.unwrap();
    assert!(reply.dialled().is_some());
    assert_eq!(reply.header("connection"), Some("close"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_body_that_stalls_that_is_used_which_came() {
    let desk = Desk::open(TENANT).await;
    let session = desk.session();
    for (path, sent) in [(VOICE, padded(&session, 200)), (VOICE, String::new()), (UPDATE, "{".to_owned())] {
        let mut connection = Connection::open(desk.address).await;
        let announced = Request::new("POST", path).key(KEY).header("Content-Length", "1000");
        let request = announced.header("X-Cx-Session", &session).header("X-Cx-To", "+12025559999");
        connection.write(&[request.bytes(), sent.into_bytes()].concat()).await;
        let reply = connection.reply().await.unwrap();
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
        if path == VOICE {
            assert!(reply.dialled().is_some());
        }
        assert!(connection.is_at_end().await);
    }
    assert_eq!(desk.metric(r#"cxroute_incomplete_bodies_total{end="stalled"}"#).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_leaves_no_trace_for_its_retry_to_find() {
    let desk = Desk::open(TENANT).await;
    let session = desk.session();
    for (path, status) in [(VOICE, 200), (CDR, 400)] {
        let mut connection = Connection::open(desk.address).await;
        let request = Request::new("POST", path).key(KEY).header("Content-Length", "1000");
        connection.write(&[request.bytes(), padded(&session, 200).into_bytes()].concat()).await;
        connection.half_close().await;
        let reply = connection.reply().await.unwrap();
        assert_eq!(reply.status, status);
        assert!(status == 400 || reply.text().contains("<Hangup/>"));
    }
    assert!(desk.calls().await.is_empty());
    assert!(desk.voice(&session).await.dialled().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_to_be_asked_for_the_body_is_asked() {
    let desk = Desk::open(TENANT).await;
    let body = padded(&desk.session(), 200);
    let request = Request::post(VOICE, "").key(KEY).header("Expect", "100-continue");
    let head =
        String::from_utf8(request.bytes()).unwrap().replace("Content-Length: 0", "Content-Length: 200");
    let mut connection = Connection::open(desk.address).await;
    connection.write(head.as_bytes()).await;
    connection.write(body.as_bytes()).await;
    assert!(connection.reply().await.unwrap().dialled().is_some());
}
