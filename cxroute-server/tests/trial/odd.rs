//! Any bytes, at the binary: an answer within a second or, where it is no HTTP, a clean end; never a 5xx, never a panic;
//! CXML for whatever is a voice request or dial result. And what came of it in the store does no harm later.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use tokio::task::JoinSet;

use crate::client::{Connection, Reply, Request};
use crate::dice::{self, Dice};
use crate::places::{CDR, DIAL, DOMAIN, KEY, UPDATE, VOICE};
use crate::process::{PUBLIC, Running, apply, assert_calm, run};
use crate::strange::{nearly_a_webhook, odd_bodies};
use crate::webhooks::{cdr, token, voice};

const PATHS: [&str; 4] = [VOICE, DIAL, UPDATE, CDR];
/// What is promised, of a release build; one with debug assertions takes ten times as long.
const PROMISED: Duration = Duration::from_secs(1);

/// Whether it is a release build that is tried.
fn is_release() -> bool {
    std::env::var_os("CXROUTE_SERVER_BIN").is_some()
}

const TENANT: &str = r#"
tenant: { name: T, domain: t.cloudonix.net }
webhook_key: the-key
agents:
  - { name: A, provider: retell, service_value: "+12025550001" }
  - { name: B, provider: vapi, service_value: "+12025550002", username: me, password: hunter2 }
groups:
  - { name: G, strategy: load_balanced, settings: { fallback: { say: "Nobody" } }, members: [ { agent: A }, { agent: B } ] }
inbound_rules: [ { pattern: "*", target: { group: G } } ]
"#;

/// What a client does when it has sent its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// It sends nothing more, and says so.
    Closes,
    /// It waits: the server cannot know that nothing more comes.
    Waits,
}

/// The answer to some bytes and how long it took; asked again, at most twice, where it came late, since it is the bytes
/// that are judged and not what else the machine does. A 5xx is never asked again.
async fn answer(address: SocketAddr, bytes: &[u8], then: Then) -> (Option<Reply>, Duration) {
    let mut tries = 0;
    loop {
        let mut connection = Connection::open(address).await;
        let begun = Instant::now();
        connection.write(bytes).await;
        if then == Then::Closes {
            connection.half_close().await;
        }
        let reply = connection.reply().await;
        tries += 1;
        let took = begun.elapsed();
        let is_fault = reply.as_ref().is_some_and(|reply| reply.status >= 500);
        if took <= PROMISED || is_fault || tries == 3 {
            return (reply, took);
        }
    }
}

/// The answer to some bytes, or what is wrong with it.
async fn fault(address: SocketAddr, bytes: &[u8], then: Then) -> Result<Option<Reply>, String> {
    let (reply, took) = answer(address, bytes, then).await;
    let status = reply.as_ref().map_or(0, |reply| reply.status);
    if status < 500 && (took <= PROMISED || !is_release()) {
        return Ok(reply);
    }
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]);
    Err(format!("{status} after {took:?} for {} bytes, {then:?}: {shown:?}", bytes.len()))
}

/// A request that HTTP and the tenant's key let through: CXML where a call is live, else an acknowledgement.
async fn taken(address: SocketAddr, path: &str, bytes: &[u8], then: Then) {
    let reply = fault(address, bytes, then).await.unwrap_or_else(|fault| panic!("{path}: {fault}"));
    let reply = reply.unwrap_or_else(|| panic!("{path}: no answer to {} bytes", bytes.len()));
    match [VOICE, DIAL].iter().any(|asking| path.starts_with(asking)) {
        true => drop(reply.document()),
        false => assert_eq!(reply.status, 200, "{path}: {reply:?}"),
    }
}

/// A server with a tenant, and what must hold of it after a trial.
struct Stage {
    folder: tempfile::TempDir,
    server: Running,
}

impl Stage {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        apply(folder.path(), &[TENANT]);
        let server = Running::serve(folder.path(), &["--public-url", PUBLIC]);
        Self { folder, server }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// It has not panicked, routes calls, and can be restarted and read with all that it was fed.
    async fn strike(self) {
        let address = self.address();
        assert_eq!(Request::new("GET", "/healthz").send(address).await.status, 200);
        let metrics = Request::new("GET", "/metrics").send(address).await;
        let panics = metrics.text().lines().find_map(|line| line.strip_prefix("cxroute_panics_total "));
        assert_eq!(panics, Some("0"));
        assert_calm(&self.server.kill());
        let again = Running::serve(self.folder.path(), &["--public-url", PUBLIC]);
        let session = token(3, 1);
        assert!(voice(DOMAIN, &session, "+1").send(again.address()).await.dialled().is_some());
        assert_eq!(cdr(DOMAIN, &session, "ANSWER").send(again.address()).await.status, 200);
        let said = run(self.folder.path(), &["calls", DOMAIN, "--json", "--limit", "100000"]);
        let calls: Vec<serde_json::Value> = serde_json::from_str(&said).unwrap();
        assert_eq!(calls[0]["status"], "completed", "{}", calls[0]);
        run(self.folder.path(), &["calls", DOMAIN, "--limit", "100000"]);
        assert_calm(&again.kill());
    }
}

/// One of the requests that the platform sends, with bytes of it changed.
fn damaged(dice: &mut Dice) -> Vec<u8> {
    let session = token(4, dice.below(20) as u64);
    let mut bytes = match dice.below(3) {
        0 => voice(DOMAIN, &session, "+12025559999").bytes(),
        1 => Request::post(UPDATE, format!(r#"{{"token":"{session}","status":"ringing"}}"#)).key(KEY).bytes(),
        _ => cdr(DOMAIN, &session, "BUSY").bytes(),
    };
    for _ in 0..=dice.below(4) {
        let (at, length) = (dice.below(bytes.len()), dice.below(40));
        let end = (at + length).min(bytes.len());
        match dice.below(6) {
            0 => bytes[at] = dice.next() as u8,
            1 => bytes.insert(at, *dice.pick(&[0, b'\n', b'\r', b' ', b'"', b':', 0xff, 0xc0])),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.extend_from_within(at..end),
            4 => bytes[at..end].reverse(),
            _ => bytes.truncate(at + 1),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_with_damaged_bytes_do_no_harm() {
    let (stage, seed) = (Stage::set(), dice::seed());
    let mut dice = Dice::new(seed);
    for case in 0..1_000 {
        let bytes = damaged(&mut dice);
        let ended = fault(stage.address(), &bytes, Then::Closes).await;
        ended.unwrap_or_else(|fault| panic!("case {case} of seed {seed}: {fault}"));
    }
    stage.strike().await;
}

#[test]
fn any_bytes_get_an_answer_within_a_second_and_never_a_5xx() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (stage, seed) = (Stage::set(), dice::seed());
    let address = stage.address();
    let config =
        Config { cases: 500, failure_persistence: None, rng_seed: RngSeed::Fixed(seed), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let trial = |(is_live, bytes): (bool, Vec<u8>)| {
        let reply = runtime.block_on(fault(address, &bytes, Then::Closes)).map_err(TestCaseError::fail)?;
        if is_live {
            reply.ok_or_else(|| TestCaseError::fail("no answer"))?.document();
        }
        Ok(())
    };
    runner.run(&nearly_a_webhook(), trial).unwrap();
    let anything = prop::collection::vec(any::<u8>(), 0..2_000).prop_map(|bytes| (false, bytes));
    runner.run(&anything, trial).unwrap();
    let odd = || prop::collection::vec(prop_oneof![any::<u8>(), Just(b'%'), Just(b'/'), Just(b'?')], 0..80);
    let place = (prop::sample::select(PATHS.to_vec()), odd(), odd());
    let placed = place.prop_map(|(path, more, key)| {
        let line =
            [b"POST ", path.as_bytes(), &more, b" HTTP/1.1\r\nHost: x\r\nX-Cx-Apikey: ", &key].concat();
        (false, [&line[..], b"\r\nContent-Length: 2\r\n\r\n{}"].concat())
    });
    runner.run(&placed, trial).unwrap();
    runtime.block_on(stage.strike());
}

/// Bodies at and beyond what is read, made to be dear to parse.
fn large_bodies() -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mebibyte = if is_release() { 1 << 20 } else { 1 << 15 };
    for size in [mebibyte, 3 * mebibyte] {
        let filled = |piece: &[u8]| piece.iter().copied().cycle().take(size).collect::<Vec<u8>>();
        let started = |start: &str, piece: &[u8]| [start.as_bytes(), &filled(piece)].concat();
        let mut dice = Dice::new(size as u64);
        bodies.push((0..size).map(|_| dice.next() as u8).collect());
        for piece in
            [&b"["[..], b"{\"a\":", b"[[],", b"\0", b" ", b"\"", b"\\", b"&", b"a=%00&", b"=", b"9", b"<a>"]
        {
            bodies.push(filled(piece));
        }
        bodies.push(started(r#"{"Session":"s","To":""#, b"\\u0000"));
        bodies.push(started(r#"{"Session":"s","To":""#, b"<&]]>\xf0\x9f\x98\x80"));
        bodies.push(started(r#"{"Session":"s""#, br#","To":"1""#));
        bodies.push(started(r#"{"session":{"profile":{"application":["#, br#"{"source":"<Dial>"},"#));
        bodies.push(started(r#"{"Session":""#, b"\\ud83d\\ude00"));
        bodies.push(started(r#"{"token":"s","callEndTime":1e"#, b"9"));
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_are_dear_to_read_are_answered_within_a_second() {
    let stage = Stage::set();
    for (at, body) in large_bodies().into_iter().enumerate() {
        let path = PATHS[at % 4];
        for path in [path, VOICE] {
            for kind in ["application/json", "application/x-www-form-urlencoded"] {
                let request = Request::post(path, body.clone()).key(KEY).header("Content-Type", kind);
                taken(stage.address(), path, &request.bytes(), Then::Waits).await;
            }
        }
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_bodies_with_a_key_are_answered_with_cxml_or_acknowledged() {
    let stage = Stage::set();
    for body in odd_bodies() {
        for path in PATHS {
            let request = Request::post(path, body.clone()).key(KEY);
            taken(stage.address(), path, &request.bytes(), Then::Waits).await;
            let path = format!("{path}?attempt=1&agent=2&group=%ff&session=%00&{}", "a=b&".repeat(500));
            let request = Request::post(&path, body.clone()).key(KEY).header("X-Cx-Session", "s&<>\"'\u{e9}");
            taken(stage.address(), &path, &request.bytes(), Then::Waits).await;
        }
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_stop_in_the_middle_are_answered_within_a_second() {
    let stage = Stage::set();
    let chunked = |path| Request::new("POST", path).key(KEY).header("Transfer-Encoding", "chunked").bytes();
    let sized = |path| Request::new("POST", path).key(KEY).header("Content-Length", "5000").bytes();
    let mut stalled = JoinSet::new();
    for path in PATHS {
        let rests = ["", "5", "5\r\n{\"a", "5;x=\"\r\n{\"a\":\r\n", "0", "0\r\nX: y"];
        let cases = rests.map(|rest| [&chunked(path), rest.as_bytes()].concat());
        let more = ["", "{\"Session\":\"s\"}"].map(|rest| [&sized(path), rest.as_bytes()].concat());
        for bytes in cases.into_iter().chain(more) {
            let address = stage.address();
            stalled.spawn(async move { taken(address, path, &bytes, Then::Waits).await });
        }
    }
    stalled.join_all().await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_ends_cleanly() {
    let stage = Stage::set();
    let long = "x".repeat(1 << 20);
    let mut many = Request::post(VOICE, "{}").key(KEY);
    for number in 0..300 {
        many = many.header(&format!("X-{number}"), "y");
    }
    let chunked = |rest: &str| {
        format!(
            "POST {VOICE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n{rest}"
        )
    };
    let mut cases: Vec<Vec<u8>> = [
        "ffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n{}",
        "-1\r\n{}\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "2\n{}\n0\n\n",
        "zz\r\n",
        "\r\n\r\n",
        "2\r\n{}{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\r\nA: b\r\n\r\n",
    ]
    .iter()
    .map(|rest| chunked(rest).into_bytes())
    .collect();
    cases.extend([many.bytes(), chunked(&format!("2;{long}\r\n{{}}\r\n0\r\n\r\n")).into_bytes()]);
    for line in [
        "GET * HTTP/1.1",
        "CONNECT t:80 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "POST http://x/%00 HTTP/1.1",
        "POST  / HTTP/1.1",
        "POST /api/voice/application/%ff%00/../..//t HTTP/1.1",
        "PRI * HTTP/2.0",
        "GET / HTTP/1.0",
        "GET /",
        "TRACE / HTTP/1.1",
    ] {
        cases.push(format!("{line}\r\nHost: \x01\r\n\r\n").into_bytes());
        cases.push(format!("{line}\r\nHost: x\r\nX: {long}\r\n\r\n").into_bytes());
        cases.push(format!("{line}\r\nHost: x\r\nExpect: 100-continue\r\nUpgrade: h2c\r\n\r\n").into_bytes());
    }
    cases.extend([
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        vec![0; 1 << 20],
        vec![b'\n'; 1 << 20],
    ]);
    cases.push([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), vec![0; 100]].concat());
    for bytes in cases {
        let ended = fault(stage.address(), &bytes, Then::Closes).await;
        ended.unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(Request::new("GET", "/healthz").send(stage.address()).await.status, 200);
    }
    stage.strike().await;
}
