//! The binary with a certificate of its own: simulated calls over https, a renewed certificate, and what it refuses.

use std::net::SocketAddr;
use std::path::Path;

use rustls::version::TLS13;
use serde_json::{Value, json};

use crate::certificates::{Authority, Files};
use crate::client::{Connection, PATIENCE, Reply, Request};
use crate::places::KEY;
use crate::process::{Running, apply, assert_calm, command, run};
use crate::secured::{Secured, believing, secured};
use crate::tenants::LEVEL;
use crate::webhooks::{token, voice};

const DOMAIN: &str = "level.cloudonix.net";

fn serve(folder: &Path, files: &Files) -> Running {
    let options = ["--deadline-ms", "10000", "--tls-cert", &files.cert, "--tls-key", &files.key];
    Running::serve(folder, &options)
}

async fn ask(connection: &mut Connection, request: &Request) -> Reply {
    connection.write(&request.bytes()).await;
    connection.reply().await.expect("an answer")
}

/// A new connection to a server that this authority vouches for.
async fn connect(address: SocketAddr, files: &Files) -> Secured {
    secured(address, believing(&files.ca, &[&TLS13])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_calls_over_https_are_played_to_their_end() {
    let [folder, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let files = Authority::new().furnish(folder.path(), &["localhost", "127.0.0.1"]);
    let other = Authority::new().furnish(elsewhere.path(), &["localhost"]);
    apply(folder.path(), &[LEVEL]);
    let server = serve(folder.path(), &files);
    let address = server.address();
    let (url, named) = (format!("https://{address}"), format!("https://localhost:{}", address.port()));
    let line = ["simulate", DOMAIN, "--key", KEY, "--rate", "0", "--deadline-ms", "100000", "--json"];
    for url in [&url, &named] {
        let more = ["--url", url, "--ca", &files.ca, "--calls", "60", "--busy", "20%", "--duplicates", "10%"];
        let report: Value = serde_json::from_str(&run(folder.path(), &[&line[..], &more].concat())).unwrap();
        assert_eq!(report["violations"], json!([]), "{report:#}");
        assert_eq!(report["calls"]["finished"], 60, "{report:#}");
    }
    // Where the platform is told to call back.
    let mut connection = connect(address, &files).await.connection;
    let answer = ask(&mut connection, &voice(DOMAIN, &token(7, 1), "+1")).await;
    let dial = answer.document().descendants().find_map(|node| node.attribute("action").map(str::to_owned));
    assert!(
        dial.as_ref().is_some_and(|action| action.starts_with(&format!("{url}/api/voice/dial/"))),
        "{dial:?}"
    );
    for (ca, expected) in [
        (&[][..], "UnknownIssuer"),
        (&["--ca", &other.ca], "UnknownIssuer"),
        (&["--ca", &files.key], "found none"),
        (&["--ca", "absent.pem"], "absent.pem"),
    ] {
        let line = [&line[..], &["--url", &named], ca].concat();
        let output = command(folder.path(), &line).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(expected) && !said.contains("MIG"), "{said}");
    }
    assert_calm(&server.kill());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_used_on_sighup_and_no_connection_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let files = authority.furnish(folder.path(), &["localhost"]);
    apply(folder.path(), &[LEVEL]);
    let mut server = serve(folder.path(), &files);
    let address = server.address();
    let mut before = connect(address, &files).await;
    ask(&mut before.connection, &Request::new("GET", "/healthz")).await;
    let patience = std::time::Instant::now();
    // Not its key, written a moment earlier.
    std::fs::write(&files.key, "half of a key").unwrap();
    server.hang_up();
    server.says("the certificate cannot be read anew");
    assert_eq!(connect(address, &files).await.certificate, before.certificate, "the one before stays in use");
    authority.furnish(folder.path(), &["localhost"]);
    server.hang_up();
    let after = loop {
        let mut secured = connect(address, &files).await;
        ask(&mut secured.connection, &Request::new("GET", "/healthz")).await;
        if secured.certificate != before.certificate {
            break secured;
        }
        assert!(patience.elapsed() < PATIENCE, "the new certificate is not shown");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    for (n, mut secured) in [before, after].into_iter().enumerate() {
        let answer = ask(&mut secured.connection, &voice(DOMAIN, &token(8, n as u64), "+1")).await;
        assert!(answer.dialled().is_some(), "{answer:?}");
    }
    server.terminate();
    assert!(server.ended().await.success());
    assert_calm(&server.kill());
}

#[test]
fn certificates_that_cannot_be_used_are_refused_at_the_start_by_their_files() {
    let [folder, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let files = Authority::new().furnish(folder.path(), &["localhost"]);
    let other = Authority::new().furnish(elsewhere.path(), &["localhost"]);
    let (cert, key) = (files.cert.as_str(), files.key.as_str());
    for (cert, key, expected) in [
        ("absent.pem", key, "cannot read absent.pem"),
        (cert, "absent.pem", "cannot read absent.pem"),
        (key, cert, "key.pem: expected certificates in PEM"),
        (cert, cert, "cert.pem: expected a private key in PEM"),
        (cert, other.key.as_str(), "expected the key of the first certificate"),
    ] {
        let line = ["serve", "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key];
        let output = command(folder.path(), &line).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(expected) && !said.contains("MIG"), "{said}");
    }
    for (line, expected) in [
        (&["--tls-cert", cert][..], "--tls-key"),
        (&["--tls-key", key], "--tls-cert"),
        (&["--demo", "--tls-cert", cert, "--tls-key", key], "--demo"),
    ] {
        let output =
            command(folder.path(), &[&["serve", "--store", "memory:"], line].concat()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expected), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_any_address_is_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    let files = Authority::new().furnish(folder.path(), &["localhost"]);
    let options = ["--store", "memory:", "--tls-cert", &files.cert, "--tls-key", &files.key];
    let server = Running::launch(folder.path(), "0.0.0.0:0".parse().unwrap(), &options);
    let address = SocketAddr::from(([127, 0, 0, 1], server.address().port()));
    let mut connection = connect(address, &files).await.connection;
    assert_eq!(ask(&mut connection, &Request::new("GET", "/readyz")).await.status, 200);
    assert_calm(&server.kill());
}
