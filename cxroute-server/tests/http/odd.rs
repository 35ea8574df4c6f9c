//! What nobody should ever send: an answer all the same, never a 5xx, and for a live call CXML.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::client::{Connection, Request};
use crate::desk::{CDR, DIAL, Desk, KEY, TENANT, UPDATE, VOICE, voice};
use crate::strange::{nearly_a_webhook, odd_bodies};

#[tokio::test(flavor = "multi_thread")]
async fn odd_bodies_of_live_calls_are_answered_with_cxml_and_others_with_an_acknowledgement() {
    let desk = Desk::open(TENANT).await;
    for body in odd_bodies() {
        for kind in [
            "application/json",
            "application/x-www-form-urlencoded",
            "",
            "\u{7f}/x;;=",
            "text/xml; charset=x",
        ] {
            for path in [VOICE, DIAL, UPDATE, CDR] {
                let request = Request::post(path, body.clone()).key(KEY);
                let request =
                    request.raw_header(format!("Content-Type: {}", kind.replace('\u{7f}', "x")).as_bytes());
                let reply = desk.send(&request).await;
                if [VOICE, DIAL].contains(&path) {
                    reply.document();
                } else {
                    assert_eq!(reply.status, 200, "{request:?}");
                }
            }
        }
    }
    assert_eq!(desk.metric("cxroute_panics_total").await, 0);
    assert!(desk.voice(&desk.session()).await.dialled().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_headers_and_queries_of_live_calls_are_answered_with_cxml() {
    let desk = Desk::open(TENANT).await;
    let post = |query: &str| Request::post(&format!("{VOICE}{query}"), "{}").key(KEY);
    let mut many = post("");
    for number in 0..80 {
        many = many.header(&format!("X-Cx-Odd-{number}"), "x");
    }
    let long = "a=%zz&".repeat(10_000);
    let mut forms = String::new();
    for number in 0..5_000 {
        let _infallible = write!(forms, "&f{number}={number}");
    }
    for request in [
        many,
        post(&format!("?{long}")),
        post(&format!("?{forms}")),
        post("?"),
        post("??&&=&%00%ff"),
        post("?attempt=99999999999999999999&agent=-1&group=x&session="),
        post("").raw_header(b"X-Cx-Session: \xff\xfe\x80"),
        post("").raw_header(b"X-Cx-Stageid: \xc3\x28"),
        post("").raw_header(b"X-Cx-Session:"),
        post("").header("X-Cx-Session", "one").header("X-Cx-Session", "two"),
        post("").header("X-Cx-Session", &"s".repeat(60_000)),
        post("").header("X-Cx-Domain", ""),
        post("").header("Content-Encoding", "gzip").header("Accept", "nothing/atall;q=-1"),
        post("").header("Cookie", "\"").header("Range", "bytes=5-1").header("If-None-Match", "*"),
        post("").header("Upgrade", "websocket").header("Connection", "upgrade, x, ,"),
    ] {
        desk.send(&request).await.document();
        desk.send(&Request::post(DIAL, "{}").key(KEY)).await.document();
    }
    assert_eq!(desk.metric("cxroute_panics_total").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_refused_without_harm() {
    let desk = Desk::open(TENANT).await;
    let both = format!(
        "POST {VOICE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 4\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    for (bytes, statuses) in [
        ("\r\n\r\n\r\n\r\nGARBAGE\r\n\r\n".to_owned(), &[400][..]),
        (
            format!("POST {VOICE} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"),
            &[400],
        ),
        (format!("POST {VOICE} HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\nabcd"), &[400]),
        (format!("POST {VOICE} HTTP/1.1\r\nHost : x\r\n\r\n"), &[400]),
        (format!("POST {VOICE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"), &[400]),
        (format!("POST {VOICE} HTTP/9.9\r\nHost: x\r\n\r\n"), &[400]),
        (format!("POST {} HTTP/1.1\r\nHost: x\r\n\r\n", "/x".repeat(40_000)), &[414]),
        (format!("POST /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(1 << 20)), &[400, 414, 431]),
        ("CONNECT t.cloudonix.net:80 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), &[404]),
        (both, &[200, 400]),
    ] {
        let mut connection = Connection::open(desk.address).await;
        connection.write(bytes.as_bytes()).await;
        let reply = connection.reply().await.expect("an answer");
        assert!(statuses.contains(&reply.status), "{} to {:?}", reply.status, &bytes[..bytes.len().min(120)]);
    }
    assert!(desk.voice(&desk.session()).await.dialled().is_some());
}

#[test]
fn any_bytes_get_an_answer_that_is_no_5xx_and_the_server_lives() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let desk = runtime.block_on(Desk::open(TENANT));
    let mut runner = TestRunner::new(Config { cases: 1_000, failure_persistence: None, ..Config::default() });
    let trial = |(is_live, bytes): (bool, Vec<u8>)| {
        let reply = runtime.block_on(async {
            let mut connection = Connection::open(desk.address).await;
            connection.write(&bytes).await;
            connection.half_close().await;
            connection.reply().await
        });
        let status = reply.as_ref().map_or(0, |reply| reply.status);
        prop_assert!(status < 500, "{status}");
        if is_live {
            prop_assert_eq!(status, 200);
            reply.unwrap().document();
        }
        Ok(())
    };
    runner.run(&nearly_a_webhook(), trial).unwrap();
    let anything = prop::collection::vec(any::<u8>(), 0..500).prop_map(|bytes| (false, bytes));
    runner.run(&anything, trial).unwrap();
    assert_eq!(runtime.block_on(desk.metric("cxroute_panics_total")), 0);
    assert!(runtime.block_on(desk.send(&voice("00000000000000000000000000000001"))).dialled().is_some());
}
