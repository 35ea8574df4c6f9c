//! What the kit cannot know of this store: its partitions, what it deletes, what several servers do to one database.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests stop at what they did not expect, and are the operator"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use cxroute_core::authority::Operator;
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::{Domain, Strategy};
use cxroute_core::conformance::fixture::{Exchange, START, Script, roster, seat, seconds};
use cxroute_core::id::TenantId;
use cxroute_core::port::{CallFilter, News, Page, Store as _, StoreError, Upkeep};
use cxroute_core::time::Timestamp;
use cxroute_store_mysql::{MySqlStore, StoreOptions};
use sqlx::{Connection as _, MySqlConnection};

use crate::support::Database;

/// The servers that tests run on.
const SERVERS: [&str; 2] = ["CXROUTE_TEST_MYSQL", "CXROUTE_TEST_MARIADB"];

const DAY: u64 = 86_400;

async fn tenant(store: &MySqlStore) -> TenantId {
    let domain = Domain::parse("one.example.net").unwrap();
    store.create_tenant(&Operator::assume(), "One", &domain, START).await.unwrap()
}

async fn take(
    store: &MySqlStore,
    tenant: TenantId,
    signals: Vec<Signal>,
) -> Vec<Result<Ingested, StoreError>> {
    let scope = Arc::new(Operator::assume().ingest(tenant));
    store.ingest(signals.into_iter().map(|signal| (Arc::clone(&scope), signal)).collect()).await
}

/// Upkeep until nothing is to be done; what it did in all.
async fn upkeep(store: &MySqlStore, now: Timestamp) -> Upkeep {
    let mut all = Upkeep::default();
    loop {
        let done = store.upkeep(&Operator::assume(), now).await.unwrap();
        if done.is_done() {
            return all;
        }
        all.receipts += done.receipts;
        all.window_steps += done.window_steps;
        all.partitions += done.partitions;
        all.events += done.events;
    }
}

#[tokio::test]
async fn months_are_opened_ahead_once_and_calls_are_kept_in_theirs() {
    for server in SERVERS {
        let database = Database::create(server).await;
        let (store, other) = (database.store().await, database.store().await);
        let tenant = tenant(&store).await;
        // What came before the first upkeep moves along.
        take(&store, tenant, vec![Script::new("early", 1).voice(7)]).await;
        let operator = Operator::assume();
        let (one, two) = tokio::join!(store.upkeep(&operator, START), other.upkeep(&operator, START));
        assert!(one.is_ok() && two.is_ok(), "{server}: {one:?} {two:?}");
        upkeep(&store, START).await;
        assert_eq!(upkeep(&other, START).await, Upkeep::default(), "{server}: done once");
        take(
            &store,
            tenant,
            vec![Script::new("later", 2).voice(7), Script::new("later", 2).cdr("ANSWER", 3)],
        )
        .await;
        let mut sql = MySqlConnection::connect(&database.location()).await.unwrap();
        let names = "SELECT CONVERT(PARTITION_NAME USING utf8mb4) FROM information_schema.PARTITIONS
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY PARTITION_ORDINAL_POSITION";
        for table in ["call_records", "call_attempts", "call_history", "call_traces", "webhook_audit"] {
            let names: Vec<String> = sqlx::query_scalar(names).bind(table).fetch_all(&mut sql).await.unwrap();
            assert_eq!(names, ["p202601", "p202602", "p202603", "p202604", "pmax"], "{server} {table}");
        }
        let in_january = "SELECT count(*) FROM call_records PARTITION (p202601)";
        assert_eq!(
            sqlx::query_scalar::<_, i64>(in_january).fetch_one(&mut sql).await.unwrap(),
            2,
            "{server}"
        );
        // A month later one more is needed.
        assert_eq!(upkeep(&store, seconds(31 * DAY)).await.partitions, 5, "{server}");
    }
}

#[tokio::test]
async fn receipts_of_ended_calls_and_steps_of_no_window_are_deleted() {
    for server in SERVERS {
        let database = Database::create(server).await;
        let store = database.store().await;
        let tenant = tenant(&store).await;
        let mut exchange = Exchange::new(vec![roster(20, Strategy::LoadBalanced, vec![seat(7)])]);
        take(&store, tenant, vec![exchange.voice("ended"), exchange.cdr("ended", "ANSWER").unwrap()]).await;
        take(&store, tenant, vec![Script::new("stray", 3).update("ringing")]).await;
        assert_eq!(upkeep(&store, seconds(2 * DAY - 1)).await.receipts, 0, "{server}");
        assert_eq!(
            upkeep(&store, seconds(3 * DAY)).await.receipts,
            3,
            "{server}: two of the call, one of no call"
        );
        assert_eq!(upkeep(&store, seconds(7 * DAY - 7_200)).await.window_steps, 0, "{server}");
        assert_eq!(upkeep(&store, seconds(7 * DAY + 7_200)).await.window_steps, 1, "{server}");
    }
}

#[tokio::test]
async fn servers_that_open_one_new_database_at_once_all_succeed() {
    for server in SERVERS {
        let database = Arc::new(Database::create(server).await);
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let database = Arc::clone(&database);
            opening.spawn(async move { drop(database.store().await) });
        }
        while let Some(opened) = opening.join_next().await {
            opened.unwrap_or_else(|error| panic!("{server}: {error}"));
        }
    }
}

#[tokio::test]
async fn of_copies_that_two_servers_take_at_once_one_is_taken_and_all_calls_are_whole() {
    for server in SERVERS {
        let database = Database::create(server).await;
        let stores = [Arc::new(database.store().await), Arc::new(database.store().await)];
        let tenant = tenant(&stores[0]).await;
        let scripts: Vec<Script> = (0..20).map(|n| Script::new(&format!("call {n}"), n + 1)).collect();
        let mut taking = tokio::task::JoinSet::new();
        for round in 0..4 {
            for (n, script) in scripts.iter().enumerate() {
                let store = Arc::clone(&stores[(n + round) % 2]);
                let signals = vec![script.voice(7), script.update("ringing"), script.cdr("ANSWER", 5)];
                taking.spawn(async move { take(&store, tenant, signals).await });
            }
        }
        let mut committed = 0;
        while let Some(taken) = taking.join_next().await {
            for one in taken.unwrap() {
                let one = one.unwrap_or_else(|error| panic!("{server}: {error}"));
                committed += usize::from(matches!(one, Ingested::Committed(Some(_))));
            }
        }
        assert_eq!(committed, 3 * scripts.len(), "{server}: each signal once");
        let scope = Operator::assume().read(tenant);
        let mut read = stores[0].read(&scope).await.unwrap();
        for script in &scripts {
            let detail = read.call_detail(script.token()).await.unwrap().unwrap();
            assert_eq!(
                (detail.call.state.as_str(), detail.traces.len()),
                ("completed", 1),
                "{server} {detail:#?}"
            );
        }
        assert_eq!(read.audit_count().await.unwrap(), 4 * 3 * 20, "{server}");
    }
}

#[tokio::test]
async fn calls_that_two_servers_give_one_id_at_once_are_kept_apart() {
    for server in SERVERS {
        let database = Database::create(server).await;
        let stores = [Arc::new(database.store().await), Arc::new(database.store().await)];
        let tenant = tenant(&stores[0]).await;
        let mut taking = tokio::task::JoinSet::new();
        for n in 0..40 {
            for (name, store) in ["a", "b"].into_iter().zip(&stores) {
                let (store, script) = (Arc::clone(store), Script::new(&format!("{name} {n}"), n + 1));
                taking.spawn(async move { take(&store, tenant, vec![script.voice(7)]).await });
            }
        }
        while let Some(taken) = taking.join_next().await {
            assert!(matches!(taken.unwrap()[..], [Ok(Ingested::Committed(Some(_)))]), "{server}");
        }
        let mut read = stores[0].read(&Operator::assume().read(tenant)).await.unwrap();
        let calls = read.calls(&CallFilter::default(), Page { after: None, limit: 1_000 }).await.unwrap();
        let tokens: BTreeSet<&str> = calls.iter().map(|call| call.token.as_str()).collect();
        let ids: BTreeSet<_> = calls.iter().map(|call| call.id).collect();
        assert_eq!((calls.len(), tokens.len(), ids.len()), (80, 80, 80), "{server}");
        for call in &calls {
            assert_eq!(
                read.call(&call.token).await.unwrap().as_ref(),
                Some(call),
                "{server}: each by its own token"
            );
        }
    }
}

#[tokio::test]
async fn of_events_that_nobody_takes_the_last_are_kept_behind_a_gap() {
    for server in SERVERS {
        let database = Database::create(server).await;
        let options = StoreOptions { most_events: 50, ..StoreOptions::default() };
        let store = MySqlStore::open(&database.location(), &options).await.unwrap();
        let (operator, one) = (Operator::assume(), tenant(&store).await);
        let domain = Domain::parse("two.example.net").unwrap();
        let two = store.create_tenant(&operator, "Two", &domain, START).await.unwrap();
        take(&store, two, vec![Script::new("theirs", 1).voice(7)]).await;
        for round in 0..2 {
            for call in 0..50 {
                let call = round * 50 + call;
                take(&store, one, vec![Script::new(&format!("call {call}"), call).voice(7)]).await;
            }
            while !store.upkeep(&operator, START).await.unwrap().is_done() {}
            let waiting = store.outbox(&operator, 1_000).await.unwrap();
            let (gaps, events) = waiting.split_at(2);
            // The database leaves out numbers now and then.
            assert!((20..=51).contains(&events.len()), "{server}: {} events are left", events.len());
            let told: Vec<_> = gaps.iter().map(|gap| (gap.tenant, gap.news == News::Gap)).collect();
            assert_eq!(told, [(two, true), (one, true)], "{server}");
            assert!(events.iter().all(|event| event.tenant == one && event.news != News::Gap), "{server}");
            let News::Call(last) = &events[events.len() - 1].news else { panic!("{server}") };
            assert_eq!(last.session_token.as_str(), format!("call {}", round * 50 + 49), "{server}");
        }
    }
}
