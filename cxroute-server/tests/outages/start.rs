//! Servers that are started while MySQL is away: they answer by what their spools keep, and once it is back everything goes
//! on by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use sqlx::Executor as _;
use tokio::time::sleep;

use crate::client::Request;
use crate::kept::Answers;
use crate::load::Excuse;
use crate::mysql::MySql;
use crate::process::{STORE_URL, apply, command};
use crate::records::Kept;
use crate::webhooks::{cdr, insist, token, voice};
use crate::world::{ALONE, Conclusion, PlaneOf, World};

const KNOWN: &str = "known.cloudonix.net";
const CALLS: u64 = 5;

const TENANT: &str = r#"
tenant: { name: Known, domain: known.cloudonix.net }
webhook_key: the-key
agents: [ { name: "+951", provider: vapi, service_value: "+951" } ]
inbound_rules: [ { pattern: "*", target: { agent: "+951" } } ]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_while_mysql_is_away_answer_by_their_spools_and_lose_nothing() {
    let mut world = World::start(PlaneOf::OneRedis, &[]).await;
    apply(world.path(), &[TENANT]);
    for (kind, address) in [1, 2].into_iter().zip(world.addresses()) {
        calls(address, kind).await;
    }
    let control = world.control().await;
    let load = world.load("started without mysql", 20);
    sleep(Duration::from_millis(1_500)).await;
    world.mysql.kill();
    for (server, address) in world.addresses().into_iter().enumerate() {
        // The spool has something of the other server's calls by now.
        world.kill(server).await;
        world.launch(server);
        let ready = Request::new("GET", "/readyz").send(address).await;
        assert_eq!(ready.status, 503);
        assert!(ready.text().contains(r#""store":"away""#), "{}", ready.text());
        calls(address, 3 + server as u8).await;
    }
    world.mysql.restart().await;
    let outage = load.end().await;
    let (excused, answers) = (&[Excuse::CopiesUnknown][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
    let kept = Kept::read(world.path(), KNOWN).await;
    assert_eq!(kept.calls.len() as u64, 4 * CALLS);
    assert_eq!(kept.counts().into_iter().collect::<Vec<_>>(), [("+951".to_owned(), 4 * CALLS)]);
}

/// Calls that are dialled, and end.
async fn calls(address: SocketAddr, kind: u8) {
    for number in 0..CALLS {
        let call = token(kind, number);
        let answer = insist(address, &voice(KNOWN, &call, "+1")).await;
        assert_eq!(answer.dialled().as_deref(), Some("+951"), "{answer:?}");
        insist(address, &cdr(KNOWN, &call, "ANSWER")).await;
    }
}

/// What a command complains of, which ends with an error.
fn complaint(folder: &Path, url: &str, line: &[&str]) -> String {
    std::fs::write(folder.join(STORE_URL), url).unwrap();
    let output = command(folder, line).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line:?}: {said}");
    assert!(!said.contains("hunter2"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::await_holding_lock,
    reason = "each trial has a runtime of its own, and the thread to itself"
)]
async fn what_waiting_does_not_mend_ends_a_start_and_other_commands_never_wait() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut mysql = MySql::start(&path.join("mysql"));
    mysql.prepare().await;
    let (url, serve) = (mysql.url(), ["serve", "--listen", "127.0.0.1:0"]);
    std::fs::write(path.join(STORE_URL), &url).unwrap();
    apply(path, &[TENANT]);
    for (wrong, expected) in [
        (url.replace("root@", "root:hunter2@"), "Access denied"),
        (format!("{url}_of_another"), "cxroute_of_another"),
        (format!("{url}?ssl-mode=VERIFY_IDENTITY"), "TLS"),
        (format!("{url}?ssl-ca=nowhere.pem"), "nowhere.pem"),
    ] {
        let said = complaint(path, &wrong, &serve);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (9999, 'newer', TRUE, '', 0)";
    mysql.connect().await.execute(newer).await.unwrap();
    let said = complaint(path, &url, &serve);
    assert!(said.contains("its schema is newer (migration 9999)"), "{said}");
    mysql.kill();
    for line in [&["migrate"][..], &["calls", KNOWN], &["config", "apply", "tenant.yaml"]] {
        let said = complaint(path, &url, line);
        assert!(said.contains("the store is away"), "{line:?}: {said}");
    }
}
