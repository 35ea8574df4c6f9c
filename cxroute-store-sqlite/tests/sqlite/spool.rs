//! The spool: one owner, durable, in order, bounded.

use std::sync::Arc;

use cxroute_core::authority::IngestScope;
use cxroute_core::call::{EventKey, Signal};
use cxroute_core::conformance::fixture::Script;
use cxroute_core::id::TenantId;
use cxroute_core::port::{Spool, SpoolError, SpoolLevel};
use cxroute_store_sqlite::{SpoolOptions, SqliteSpool};

use crate::support::{operator, sql};

fn scope() -> Arc<IngestScope> {
    Arc::new(operator().ingest(TenantId::new(7)))
}

fn signal(nth: u32) -> Signal {
    Script::new(&format!("call {}", nth % 3), nth).update(&format!("word {nth}"))
}

/// What tells signals apart: a webhook's body that has not been redacted yet equals none that has.
fn keys(signals: &[Signal]) -> Vec<EventKey> {
    signals.iter().map(|signal| signal.key).collect()
}

async fn open(folder: &std::path::Path) -> SqliteSpool {
    SqliteSpool::open(folder, SpoolOptions::default()).await.unwrap()
}

#[tokio::test]
async fn a_second_server_is_told_whose_folder_it_is_until_the_first_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).await;
    let refused = SqliteSpool::open(folder.path(), SpoolOptions::default()).await.unwrap_err();
    assert_eq!(refused, SpoolError::Locked { folder: folder.path().display().to_string() });
    assert!(refused.to_string().contains("in use by another server"), "{refused}");
    drop(first);
    open(folder.path()).await;
}

#[tokio::test]
async fn signals_sessions_and_the_level_are_known_again_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path()).await;
    let signals: Vec<Signal> = (0..10).map(signal).collect();
    for batch in signals.chunks(4) {
        let batch: Vec<_> = batch.iter().map(|signal| (scope(), signal.clone())).collect();
        spool.append(&batch).await.unwrap();
    }
    let first = spool.oldest(1).await.unwrap()[0].id;
    spool.set_aside(first, "a reason").await.unwrap();
    let level = spool.level();
    assert_eq!((level.signals, level.set_aside), (9, 1));
    drop(spool);
    let spool = open(folder.path()).await;
    assert_eq!(spool.level(), level);
    let found: Vec<Signal> = spool.oldest(100).await.unwrap().into_iter().map(|found| found.signal).collect();
    assert_eq!(keys(&found), keys(&signals[1..]));
    assert!(spool.holds(&scope(), signals[1].token.as_ref().unwrap()));
    let ids: Vec<_> = spool.oldest(100).await.unwrap().iter().map(|found| found.id).collect();
    spool.remove(&ids).await.unwrap();
    assert!(!spool.holds(&scope(), signals[1].token.as_ref().unwrap()));
    assert_eq!(spool.level(), SpoolLevel { signals: 0, bytes: 0, set_aside: 1 });
}

#[tokio::test]
async fn a_signal_that_cannot_be_read_is_set_aside_and_the_others_drain() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path()).await;
    let batch: Vec<_> = (0..3).map(|nth| (scope(), signal(nth))).collect();
    spool.append(&batch).await.unwrap();
    sqlx::query("UPDATE signals SET signal = '{\"from\": \"the future\"}' WHERE id = 2")
        .execute(&mut sql(&folder.path().join("spool.db")).await)
        .await
        .unwrap();
    let found: Vec<Signal> = spool.oldest(2).await.unwrap().into_iter().map(|found| found.signal).collect();
    assert_eq!(keys(&found), keys(&[signal(0), signal(2)]));
    assert_eq!((spool.level().signals, spool.level().set_aside), (2, 1));
}

#[tokio::test]
async fn a_full_spool_refuses_whole_batches_and_takes_signals_again_once_it_is_drained() {
    let folder = tempfile::tempdir().unwrap();
    let options = SpoolOptions { most_bytes: 2_000, ..SpoolOptions::default() };
    let spool = SqliteSpool::open(folder.path(), options).await.unwrap();
    let mut kept = 0;
    let full = loop {
        match spool.append(&[(scope(), signal(kept))]).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, SpoolError::Full { .. }), "{full}");
    assert!(kept > 0 && spool.level().bytes <= 2_000);
    let level = spool.level();
    let batch: Vec<_> = (100..200).map(|nth| (scope(), signal(nth))).collect();
    assert!(matches!(spool.append(&batch).await, Err(SpoolError::Full { .. })));
    assert_eq!(spool.level(), level);
    assert_eq!(spool.oldest(1_000).await.unwrap().len(), kept as usize);
    let first = spool.oldest(1).await.unwrap()[0].id;
    spool.remove(&[first]).await.unwrap();
    spool.append(&[(scope(), signal(kept))]).await.unwrap();
}

#[tokio::test]
async fn an_append_that_fails_leaves_no_session_held() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path()).await;
    let mut other = sql(&folder.path().join("spool.db")).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = spool.append(&[(scope(), signal(1))]).await;
    assert!(matches!(refused, Err(SpoolError::Unavailable { .. })), "{refused:?}");
    assert!(!spool.holds(&scope(), signal(1).token.as_ref().unwrap()));
    assert!(spool.is_empty());
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(spool.oldest(10).await.unwrap(), []);
}
