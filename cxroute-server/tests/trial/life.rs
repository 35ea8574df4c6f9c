//! The binary's life: the demo's first call, an orderly end on SIGTERM, and what it refuses to start with.

use std::time::Duration;

use sqlx::Connection as _;

use crate::client::{Connection, PATIENCE, Request};
use crate::process::{Running, apply, assert_calm, command};
use crate::records::STORE;
use crate::tenants::TURNS;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_answers_the_first_call_and_ends_in_order_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    for options in [&["--demo", "--store", "memory:"][..], &["--demo", "--store", "sqlite:cxroute.db"]] {
        let mut server = Running::serve(folder.path(), options);
        let address = server.address();
        let body = r#"{"Session":"0123456789abcdef0123456789abcdef","Domain":"demo.cloudonix.net",
            "From":"+12125550199","To":"+12125550100","Direction":"inbound","CallStatus":"in-progress"}"#;
        let call = Request::post("/api/voice/application/demo.cloudonix.net", body).key("demo-key");
        let answer = call.send(address).await;
        assert!(answer.document().descendants().any(|node| node.has_tag_name("Dial")), "{answer:?}");
        assert!(answer.text().contains(&format!("http://{address}/api/voice/dial/")), "{answer:?}");
        let mut idle = Connection::open(address).await;
        idle.write(&Request::new("GET", "/readyz").bytes()).await;
        assert_eq!(idle.reply().await.unwrap().status, 200);
        server.terminate();
        let ended = server.ended().await;
        assert!(ended.success(), "{options:?}: {ended}");
        assert_calm(&server.kill());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_deletes_receipts_that_no_promise_needs() {
    let folder = tempfile::tempdir().unwrap();
    apply(folder.path(), &[TURNS]);
    let file = folder.path().join(STORE);
    let mut database = sqlx::SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    let old = "INSERT INTO receipts (tenant_id, session_token, kind, hash, choice, received_at)
               SELECT id, 'gone', 'cdr', zeroblob(16), 0, 1767225600000 FROM tenants";
    assert_eq!(sqlx::query(old).execute(&mut database).await.unwrap().rows_affected(), 1);
    let server = Running::serve(folder.path(), &[]);
    let gone = async {
        while sqlx::query_scalar::<_, i64>("SELECT count(*) FROM receipts")
            .fetch_one(&mut database)
            .await
            .unwrap()
            > 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("an old receipt goes");
    assert_calm(&server.kill());
}

#[test]
fn a_public_address_without_tls_or_a_proxy_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let output = command(folder.path(), &["serve", "--listen", listen]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{listen}");
        let said = String::from_utf8(output.stderr).unwrap();
        for word in [listen, "--tls-cert", "--tls-key", "--behind-proxy", "CXROUTE_BEHIND_PROXY"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing has been opened");
    }
}
