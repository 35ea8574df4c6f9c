//! The listener's TLS: what it agrees to, what goes wrong with others' handshakes, and how it ends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cxroute_server::server::{Ended, Server, ServerOptions, TlsFiles};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::certificates::{Authority, Files};
use crate::client::{Connection, PATIENCE, Request};
use crate::life::backing;
use crate::secured::{believing, secured};

/// A server that shows a certificate for `localhost`.
struct Guarded {
    server: Server,
    files: Files,
    _folder: tempfile::TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Authority::new().furnish(folder.path(), &["localhost"]);
        let options = ServerOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: Some(TlsFiles { certificate: (&files.cert).into(), key: (&files.key).into() }),
            ..ServerOptions::default()
        };
        let server = Server::start(options, backing()).await.unwrap();
        Self { server, files, _folder: folder }
    }

    async fn connection(&self) -> Connection {
        let client = believing(&self.files.ca, &[&TLS13]);
        secured(self.server.address(), client).await.unwrap().connection
    }

    /// How many handshakes it says have failed.
    async fn failures(&self) -> u64 {
        let mut connection = self.connection().await;
        connection.write(&Request::new("GET", "/metrics").bytes()).await;
        let page = connection.reply().await.unwrap();
        let count =
            page.text().lines().find_map(|line| line.strip_prefix("cxroute_tls_handshake_failures_total "));
        count.unwrap().parse().unwrap()
    }
}

async fn assert_answers(connection: &mut Connection) {
    for _ in 0..2 {
        connection.write(&Request::new("GET", "/healthz").bytes()).await;
        assert_eq!(connection.reply().await.unwrap().text(), r#"{"status":"ok"}"#);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_http_1_1_over_tls_1_2_and_1_3_and_agrees_to_nothing_else() {
    let guarded = Guarded::start().await;
    let address = guarded.server.address();
    for version in [&TLS12, &TLS13] {
        for (offered, agreed) in [
            (&[][..], None),
            (&["h2", "http/1.1"], Some(b"http/1.1".to_vec())),
            (&["http/1.1"], Some(b"http/1.1".to_vec())),
        ] {
            let mut client = believing(&guarded.files.ca, &[version]);
            client.alpn_protocols = offered.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
            let mut secured = secured(address, client).await.unwrap();
            assert_eq!(secured.protocol, agreed, "{offered:?}");
            assert_answers(&mut secured.connection).await;
        }
    }
    let mut client = believing(&guarded.files.ca, &[&TLS13]);
    client.alpn_protocols = vec![b"h2".to_vec()];
    assert!(secured(address, client).await.is_err(), "h2 alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_stall_or_fail_cost_nobody_else_anything() {
    let guarded = Guarded::start().await;
    let address = guarded.server.address();
    let mut early = guarded.connection().await;
    let mut stalled = Vec::new();
    for n in 0..200 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The beginning of a record of 512 bytes.
        stream.write_all(&[22, 3, 1, 2, 0, 1, 0][..n % 7]).await.unwrap();
        stalled.push(stream);
    }
    let mut plain = Connection::open(address).await;
    plain.write(&Request::new("GET", "/healthz").bytes()).await;
    assert!(plain.reply().await.is_none(), "no HTTP without TLS");
    let stranger = tempfile::tempdir().unwrap();
    let other = Authority::new().furnish(stranger.path(), &["localhost"]);
    let unbelieving = secured(address, believing(&other.ca, &[&TLS13])).await.err().unwrap().to_string();
    assert!(unbelieving.contains("UnknownIssuer"), "{unbelieving}");
    let began = Instant::now();
    assert_answers(&mut guarded.connection().await).await;
    assert_answers(&mut early).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    while guarded.failures().await < 2 {
        assert!(began.elapsed() < PATIENCE, "a plain request and a client that does not believe are counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Those that stall are given up.
    for mut stream in stalled {
        let end = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 64])).await.expect("an end in time");
        assert!(end.map_or(true, |read| read == 0), "closed without a word");
    }
    assert!(began.elapsed() > Duration::from_secs(5), "a slow client has some time: {:?}", began.elapsed());
    assert!(guarded.failures().await >= 202);
    assert_answers(&mut early).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_waits_for_no_handshake() {
    let guarded = Guarded::start().await;
    let _stalled = TcpStream::connect(guarded.server.address()).await.unwrap();
    let mut idle = guarded.connection().await;
    assert_answers(&mut idle).await;
    let began = Instant::now();
    assert_eq!(guarded.server.drain(PATIENCE).await, Ended::Drained);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(idle.is_at_end().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_arrives_although_the_server_closes_before_it_has_read_everything() {
    let guarded = Guarded::start().await;
    let mut connection = guarded.connection().await;
    let head =
        Request::new("POST", "/api/voice/session/cdr/t.cloudonix.net").header("Transfer-Encoding", "chunked");
    connection.write(&head.bytes()).await;
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    // The server stops reading somewhere behind 64 MiB.
    for _ in 0..70 {
        connection.write(chunk.as_bytes()).await;
    }
    assert_eq!(connection.reply().await.unwrap().status, 401);
}
