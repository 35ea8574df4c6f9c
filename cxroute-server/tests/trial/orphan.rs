//! The spool of a server that is gone: `spool drain` takes it over, once, whole and in order; never that of a server
//! that lives, nor into another store.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::process::{Running, apply, assert_calm, command, run};
use crate::records::{STORE, listed};
use crate::webhooks::{cdr, insist, token, voice};

const DOMAIN: &str = "orphan.cloudonix.net";
const SPOOL: &str = "cxroute.db.spool";
const CALLS: u64 = 5;

const TENANT: &str = r#"
tenant: { name: Orphan, domain: orphan.cloudonix.net }
webhook_key: the-key
agents: [ { name: "+701", provider: vapi, service_value: "+701" } ]
inbound_rules: [ { pattern: "*", target: { agent: "+701" } } ]
"#;

const ELSEWHERE: &str = r#"
tenant: { name: Elsewhere, domain: elsewhere.cloudonix.net }
webhook_key: the-key
"#;

/// What `spool drain` or `spool show` printed, by its words; whether it ended well; what it complained of.
struct Outcome {
    counts: BTreeMap<String, u64>,
    is_success: bool,
    complaint: String,
}

impl Outcome {
    fn of(folder: &Path, line: &[&str]) -> Self {
        let output = command(folder, line).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let count = |line: &str| {
            let (what, rest) = line.trim().split_once("  ")?;
            Some((what.to_owned(), rest.split_whitespace().next()?.parse().ok()?))
        };
        Self {
            counts: said.lines().filter_map(count).collect(),
            is_success: output.status.success(),
            complaint: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn is(&self, expected: &[(&str, u64)]) {
        let expected: BTreeMap<String, u64> =
            expected.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect();
        assert_eq!(self.counts, expected, "{}", self.complaint);
    }
}

fn drain(folder: &Path, spool: &str, store: &str) -> Outcome {
    Outcome::of(folder, &["spool", "drain", spool, "--store", store])
}

async fn database(file: &Path) -> SqliteConnection {
    SqliteConnection::connect(file.to_str().unwrap()).await.unwrap()
}

/// A server takes calls while its store is away, and dies: its spool is all that is left of them.
async fn orphan(folder: &Path) -> SqliteConnection {
    apply(folder, &[TENANT]);
    let server = Running::serve(folder, &[]);
    let address = server.address();
    insist(address, &voice(DOMAIN, &token(7, 0), "+1")).await;
    let mut store = database(&folder.join(STORE)).await;
    store.execute("BEGIN IMMEDIATE").await.unwrap();
    for number in 1..=CALLS {
        insist(address, &voice(DOMAIN, &token(7, number), "+1")).await;
        insist(address, &cdr(DOMAIN, &token(7, number), "ANSWER")).await;
    }
    let alive = drain(folder, SPOOL, "sqlite:cxroute.db");
    assert!(!alive.is_success && alive.complaint.contains("its server lives"), "{}", alive.complaint);
    Outcome::of(folder, &["spool", "show", SPOOL]).is(&[("waiting", 2 * CALLS), ("set aside", 0)]);
    assert_calm(&server.kill());
    store
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_server_left_goes_into_the_store_once_and_a_copy_of_it_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut store = orphan(path).await;
    store.execute("ROLLBACK").await.unwrap();
    copy(&path.join(SPOOL), &path.join("copy"));
    assert_eq!(listed(path, DOMAIN).len(), 1);

    let drained = drain(path, SPOOL, "sqlite:cxroute.db");
    let all = 2 * CALLS;
    drained.is(&[
        ("drained", all),
        ("new", all),
        ("duplicates", 0),
        ("conflicts", 0),
        ("set aside", 0),
        ("waiting", 0),
    ]);
    assert!(drained.is_success, "{}", drained.complaint);
    let calls = listed(path, DOMAIN);
    assert_eq!(calls.len() as u64, 1 + CALLS);
    for number in 1..=CALLS {
        assert_eq!(calls[&token(7, number)].status, "completed");
    }
    let whole = run(path, &["calls", DOMAIN, "--json"]);

    // One signal of the copy cannot be read: it stays, and the command says so.
    let mut file = database(&path.join("copy/spool.db")).await;
    file.execute("UPDATE signals SET signal = '{}' WHERE id = (SELECT max(id) FROM signals)").await.unwrap();
    file.close().await.unwrap();
    let again = drain(path, "copy", "sqlite:cxroute.db");
    let rest = all - 1;
    again.is(&[
        ("drained", rest),
        ("new", 0),
        ("duplicates", rest),
        ("conflicts", 0),
        ("set aside", 1),
        ("waiting", 0),
    ]);
    assert!(!again.is_success && again.complaint.contains("1 signals were set aside"), "{}", again.complaint);
    Outcome::of(path, &["spool", "show", "copy"]).is(&[("waiting", 0), ("set aside", 1)]);
    assert_eq!(run(path, &["calls", DOMAIN, "--json"]), whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_is_not_drained_into_another_store_nor_made_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut store = orphan(path).await;
    store.execute("ROLLBACK").await.unwrap();
    let elsewhere = path.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    apply(&elsewhere, &[ELSEWHERE]);
    for (spool, store, reason) in [
        (SPOOL, "sqlite:elsewhere/cxroute.db", "this one knows none of its tenants"),
        (SPOOL, "sqlite:nowhere.db", "there is no database nowhere.db"),
        (SPOOL, "memory:", "everything in it"),
        ("nowhere", "sqlite:cxroute.db", "there is none in nowhere"),
    ] {
        let refused = drain(path, spool, store);
        assert!(!refused.is_success && refused.complaint.contains(reason), "{store}: {}", refused.complaint);
        refused.is(&[]);
    }
    assert!(!path.join("nowhere").exists() && !path.join("nowhere.db").exists());
    // The same domain, but as another tenant: the calls of one would become those of the other.
    apply(&elsewhere, &[TENANT]);
    let refused = drain(path, SPOOL, "sqlite:elsewhere/cxroute.db");
    assert!(
        refused.complaint.contains("it is another store's: orphan.cloudonix.net"),
        "{}",
        refused.complaint
    );
    Outcome::of(path, &["spool", "show", SPOOL]).is(&[("waiting", 2 * CALLS), ("set aside", 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_leaves_everything_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut store = orphan(path).await;
    let away = drain(path, SPOOL, "sqlite:cxroute.db");
    assert!(!away.is_success && !away.complaint.is_empty());
    Outcome::of(path, &["spool", "show", SPOOL]).is(&[("waiting", 2 * CALLS), ("set aside", 0)]);
    store.execute("ROLLBACK").await.unwrap();
    assert!(drain(path, SPOOL, "sqlite:cxroute.db").is_success);
    assert_eq!(listed(path, DOMAIN).len() as u64, 1 + CALLS);
}
