//! Rows that fail for their own sake, and a database that is away: told apart.

use cxroute_core::call::{Ingested, Signal, SignalKind};
use cxroute_core::conformance::fixture::{Script, token};
use cxroute_core::port::{Retry, StoreError};

use crate::support::{Fixture, try_open};

/// A signal that no row can hold: its sequence number is beyond SQLite's integers.
fn unfit(name: &str, nth: u32) -> Signal {
    let mut signal = Script::new(name, nth).voice(7);
    if let SignalKind::Voice { decision, .. } = &mut signal.kind {
        decision.delta.seq = u64::MAX;
    }
    signal
}

#[tokio::test]
async fn a_row_that_does_not_fit_fails_alone_wherever_it_stands() {
    for place in [0, 3, 6] {
        let fixture = Fixture::new().await;
        let scripts: Vec<Script> = (0..7).map(|n| Script::new(&format!("call {n}"), n + 1)).collect();
        let mut batch: Vec<Signal> = scripts.iter().map(|script| script.voice(7)).collect();
        batch[place] = unfit(&format!("call {place}"), 9);
        batch.extend(scripts.iter().map(|script| script.update("connected")));
        let results = fixture.ingest(batch).await;
        for (n, result) in results.iter().enumerate() {
            match n == place {
                true => assert!(matches!(result, Err(StoreError::Corrupt { .. })), "{n}: {result:?}"),
                false => assert!(matches!(result, Ok(Ingested::Committed(_))), "{n}: {result:?}"),
            }
        }
        let mut read = fixture.read().await;
        for n in 0..7 {
            let call = read.call(&token(&format!("call {n}"))).await.unwrap();
            assert_eq!(call.is_some(), n != place, "call {n}");
        }
        assert_eq!(read.audit_count().await.unwrap(), 13);
    }
}

#[tokio::test]
async fn while_another_process_writes_the_store_is_away_and_nothing_is_half_done() {
    let fixture = Fixture::new().await;
    let mut other = fixture.sql().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let batch = || vec![Script::new("one", 1).voice(7), unfit("two", 2)];
    for result in fixture.ingest(batch()).await {
        let away = matches!(result, Err(StoreError::Unavailable { retry: Retry::Soon, .. }));
        assert!(away, "{result:?}");
    }
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(fixture.read().await.audit_count().await.unwrap(), 0);
    let results = fixture.ingest(batch()).await;
    assert!(matches!(results[0], Ok(Ingested::Committed(Some(_)))), "{:?}", results[0]);
    assert!(matches!(results[1], Err(StoreError::Corrupt { .. })), "{:?}", results[1]);
}

#[tokio::test]
async fn a_store_that_was_closed_is_away() {
    let fixture = Fixture::new().await;
    fixture.store.close().await;
    let results = fixture.ingest(vec![Script::new("one", 1).voice(7)]).await;
    assert!(matches!(results[0], Err(StoreError::Unavailable { .. })), "{:?}", results[0]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_as_such_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cxroute.db");
    let text = "a letter to a friend, long enough to be taken for a database page ".repeat(99);
    std::fs::write(&file, &text).unwrap();
    let refused = try_open(folder.path()).await.map(drop).unwrap_err();
    let StoreError::Unavailable { reason, retry: Retry::AfterMending } = refused else { panic!("{refused}") };
    assert!(reason.contains("not a database"), "{reason}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_corrupt_call_is_named_and_does_not_fail_its_neighbours() {
    let fixture = Fixture::new().await;
    let (one, two) = (Script::new("one", 1), Script::new("two", 2));
    fixture.take(vec![one.voice(7), two.voice(7)]).await;
    sqlx::query("UPDATE call_records SET state = 'dreaming' WHERE session_token = 'one'")
        .execute(&mut fixture.sql().await)
        .await
        .unwrap();
    let read = fixture.read().await.call(&token("one")).await.unwrap_err();
    assert!(matches!(&read, StoreError::Corrupt { what, .. } if what.starts_with("call_records ")), "{read}");
    let results = fixture.ingest(vec![one.update("connected"), two.update("connected")]).await;
    assert!(matches!(results[0], Err(StoreError::Corrupt { .. })), "{:?}", results[0]);
    assert!(matches!(results[1], Ok(Ingested::Committed(Some(_)))), "{:?}", results[1]);
}
