//! What was acknowledged survives a kill: a child process commits and spools until it is shot.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use cxroute_core::call::Ingested;
use cxroute_core::conformance::fixture::{Script, token};
use cxroute_core::id::TenantId;
use cxroute_core::port::{Spool, Store};
use cxroute_store_sqlite::{SpoolOptions, SqliteSpool};

use crate::support::{Fixture, open, operator, sql};

/// Names the folder in which the child works; without it, the test is the parent.
const FOLDER: &str = "CXROUTE_TEST_CRASH_FOLDER";

/// So many acknowledgements are waited for before the child is killed.
const ENOUGH: usize = 40;

/// Commits and spools batches for ever, and says so after each.
async fn work(folder: &Path) {
    let store = open(folder).await;
    let tenant = TenantId::new(1);
    let spool = SqliteSpool::open(&folder.join("spool"), SpoolOptions::default()).await.unwrap();
    let scope = Arc::new(operator().ingest(tenant));
    for n in 0_u32.. {
        let scripts: Vec<Script> =
            (0..8).map(|m| Script::new(&format!("call {n} {m}"), n * 8 + m + 1)).collect();
        let batch = scripts.iter().map(|script| (scope.clone(), script.voice_through(20, 7))).collect();
        for done in store.ingest(batch).await {
            assert!(matches!(done, Ok(Ingested::Committed(Some(_)))), "{done:?}");
        }
        say(&format!("stored {n}"));
        let batch: Vec<_> = scripts.iter().map(|script| (scope.clone(), script.cdr("ANSWER", 9))).collect();
        spool.append(&batch).await.unwrap();
        say(&format!("spooled {n}"));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Runs the child, kills it without warning, and gives what it had acknowledged.
fn acknowledged_until_killed(folder: &Path) -> Vec<String> {
    let test = "crash::what_was_acknowledged_survives_a_kill";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("stored ") || line.starts_with("spooled ") {
            said.push(line);
        }
        if said.len() == ENOUGH {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(said.len() >= ENOUGH, "the child ended by itself: {said:?}");
    said
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(folder) = std::env::var_os(FOLDER) {
        return runtime.block_on(work(Path::new(&folder)));
    }
    let fixture = runtime.block_on(Fixture::new());
    let said = acknowledged_until_killed(fixture.folder.path());
    runtime.block_on(async {
        let folder = fixture.folder.path().join("spool");
        let spool = SqliteSpool::open(&folder, SpoolOptions::default()).await.unwrap();
        let spooled = spool.oldest(usize::MAX).await.unwrap();
        let mut read = fixture.read().await;
        for line in &said {
            let (kind, n) = line.split_once(' ').unwrap();
            for m in 0..8 {
                let token = token(&format!("call {n} {m}"));
                match kind {
                    "stored" => assert!(read.call(&token).await.unwrap().is_some(), "{token} is lost"),
                    _ => {
                        let kept =
                            spooled.iter().any(|spooled| spooled.signal.token.as_ref() == Some(&token));
                        assert!(kept, "{token} is lost from the spool");
                    }
                }
            }
        }
        batches_are_whole(&fixture).await;
    });
}

/// A batch is there with everything that belongs to it, or not at all.
async fn batches_are_whole(fixture: &Fixture) {
    let mut sql = sql(fixture.store.file()).await;
    let counts: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM call_records), (SELECT count(*) FROM call_sessions),
            (SELECT count(*) FROM receipts), (SELECT count(*) FROM webhook_audit WHERE step = 0),
            (SELECT sum(size) FROM outbox) / 3,
            (SELECT sum(calls) FROM rollups WHERE kind = 'tenant')",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    let calls = counts.0;
    assert_eq!(calls % 8, 0);
    assert_eq!(counts, (calls, calls, calls, calls, calls, calls));
    let checked: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut sql).await.unwrap();
    assert_eq!(checked, "ok");
}
