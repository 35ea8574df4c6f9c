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
use std::time::Duration;

use cxroute_core::authority::Operator;
use cxroute_core::call::{Ingested, Outcome, Signal, SignalKind, step};
use cxroute_core::config::{Domain, Strategy};
use cxroute_core::conformance::fixture::{Exchange, START, Script, roster, seat, seconds};
use cxroute_core::id::TenantId;
use cxroute_core::port::{CallFilter, News, Page, Store as _, StoreError, Upkeep};
use cxroute_core::time::Timestamp;
use cxroute_store_mysql::{MySqlStore, StoreOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};

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
        all.calls += done.calls;
        all.webhooks += done.webhooks;
        all.dropped += done.dropped;
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
        for table in ["call_records", "webhook_audit"] {
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
        assert_eq!(upkeep(&store, seconds(31 * DAY)).await.partitions, 2, "{server}");
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
            assert_eq!(events.len(), 51, "{server}: the bound, in rows of three");
            let told: Vec<_> = gaps.iter().map(|gap| (gap.tenant, gap.news == News::Gap)).collect();
            assert_eq!(told, [(two, true), (one, true)], "{server}");
            assert!(events.iter().all(|event| event.tenant == one && event.news != News::Gap), "{server}");
            let News::Call(last) = &events[events.len() - 1].news else { panic!("{server}") };
            assert_eq!(last.session_token.as_str(), format!("call {}", round * 50 + 49), "{server}");
        }
    }
}

/// Waits until a transaction on this database waits for a lock.
async fn somebody_waits(sql: &mut MySqlConnection) {
    let waiting = "SELECT count(*) FROM information_schema.INNODB_TRX t
        JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id
        WHERE t.trx_state = 'LOCK WAIT' AND p.DB = DATABASE()";
    loop {
        // MariaDB reads transactions anew once it has not been asked for them for 100 ms. MySQL fails on what it reads of a
        // connection that is just changing its statement.
        tokio::time::sleep(Duration::from_millis(150)).await;
        match sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *sql).await {
            Ok(0) | Err(sqlx::Error::Database(_)) => {}
            waiting => return assert!(waiting.unwrap() > 0),
        }
    }
}

#[tokio::test]
async fn a_batch_that_waited_for_a_call_reads_its_attempts_as_they_came_to_be() {
    for server in SERVERS {
        let database = Database::create(server).await;
        let store = Arc::new(database.store().await);
        let tenant = tenant(&store).await;
        let (first, held) = (Script::new("call a", 1), Script::new("call b", 2));
        take(&store, tenant, vec![first.voice(7), held.voice(7)]).await;
        let (fail_over, cdr) = (held.fail_over(1, Outcome::Busy, 20, 8), held.cdr("ANSWER", 30));
        let after = |call, signal| step(call, signal).call;
        let expected = [held.voice(7), fail_over.clone(), cdr.clone()];
        let expected = expected.iter().fold(None, after).unwrap();
        // Another server's transaction: it has failed the call over, and has not committed yet.
        let mut other = MySqlConnection::connect(&database.location()).await.unwrap();
        let mut watch = MySqlConnection::connect(&database.location()).await.unwrap();
        let mut failing_over = other.begin().await.unwrap();
        let at = fail_over.received_at.as_millis();
        let id = held.id().get();
        let statement = format!(
            r#"UPDATE call_records SET attempts = CONCAT(
                REPLACE(LEFT(attempts, LENGTH(attempts) - 2), '"number":1',
                    '"number":1,"ended_at":{at},"outcome":"busy","word":"busy"'),
                '}},{{"number":2,"agent":8,"group":20,"membership":1008,"started_at":{at}}}]')
            WHERE tenant_id = {tenant} AND id = {id}"#
        );
        failing_over.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.unwrap();
        let taking = tokio::spawn({
            let (store, batch) = (Arc::clone(&store), vec![first.cdr("ANSWER", 30), cdr]);
            async move { take(&store, tenant, batch).await }
        });
        somebody_waits(&mut watch).await;
        failing_over.commit().await.unwrap();
        let taken = taking.await.unwrap();
        assert!(
            taken.iter().all(|one| matches!(one, Ok(Ingested::Committed(Some(_))))),
            "{server} {taken:?}"
        );
        let mut read = store.read(&Operator::assume().read(tenant)).await.unwrap();
        let call = read.call(held.token()).await.unwrap().unwrap();
        assert_eq!(call.attempts, expected.attempts, "{server}");
    }
}

/// A tenant that keeps calls for so many days.
async fn tenant_keeping(store: &MySqlStore, domain: &str, days: u32) -> TenantId {
    let (operator, domain) = (Operator::assume(), Domain::parse(domain).unwrap());
    let id = store.create_tenant(&operator, "Keeping", &domain, START).await.unwrap();
    let mut tx = store.begin(&operator.config(id)).await.unwrap();
    let mut tenant = tx.tenant().await.unwrap();
    tenant.settings.retention_days = days;
    tx.save_tenant(&tenant).await.unwrap();
    tx.commit(START).await.unwrap();
    id
}

async fn count(sql: &mut MySqlConnection, of: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT CAST(count(*) AS SIGNED) FROM {of}")))
        .fetch_one(sql)
        .await
        .unwrap()
}

/// How many calls the rollups count, however many rows they have.
async fn figures_of_calls(sql: &mut MySqlConnection) -> i64 {
    sqlx::query_scalar("SELECT CAST(SUM(calls) AS SIGNED) FROM rollups").fetch_one(sql).await.unwrap()
}

#[tokio::test]
async fn a_month_goes_as_a_whole_once_it_is_past_what_every_tenant_keeps_and_nobody_talks_in_it() {
    for server in SERVERS {
        let database = Database::create(server).await;
        let (store, other) = (database.store().await, database.store().await);
        upkeep(&store, START).await;
        let brief = tenant_keeping(&store, "brief.example.net", 30).await;
        let lasting = tenant_keeping(&store, "lasting.example.net", 60).await;
        // First: ids of webhooks ascend, as their times do in life.
        let mut live = Script::new("live", 86_400).voice(7);
        if let SignalKind::Voice { call, .. } = &mut live.kind {
            call.live_until = seconds(100 * DAY);
        }
        take(&store, lasting, vec![live]).await;
        for tenant in [brief, lasting] {
            for (name, day) in [("january", 1), ("february", 45)] {
                let script = Script::new(name, day * 86_400);
                let signals =
                    vec![script.voice_through(20, 7), script.update("ringing"), script.cdr("ANSWER", 9)];
                take(&store, tenant, signals).await;
            }
        }
        let mut sql = MySqlConnection::connect(&database.location()).await.unwrap();
        upkeep(&store, START).await;
        let figures = figures_of_calls(&mut sql).await;
        // January is past what anybody keeps, and one call of it lives on: the others go one by one.
        let done = upkeep(&store, seconds(95 * DAY)).await;
        assert_eq!((done.calls, done.dropped), (3, 0), "{server}: {done:?}");
        assert_eq!(count(&mut sql, "call_records").await, 2, "{server}");
        // Two servers at once do it once.
        let (operator, now) = (Operator::assume(), seconds(101 * DAY));
        let (one, two) = tokio::join!(store.upkeep(&operator, now), other.upkeep(&operator, now));
        let (first, rest) = (one.unwrap(), two.unwrap());
        let done = upkeep(&other, now).await;
        let calls = first.calls + rest.calls + done.calls;
        let dropped = first.dropped + rest.dropped + done.dropped;
        assert_eq!((calls, dropped), (1, 2), "{server}: a partition a table");
        for table in ["call_records", "webhook_audit"] {
            let months = format!(
                "information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'
                 AND PARTITION_NAME = 'p202601'"
            );
            assert_eq!(count(&mut sql, &months).await, 0, "{server} {table}");
        }
        let mut read = store.read(&operator.read(lasting)).await.unwrap();
        let kept = read.calls(&CallFilter::default(), Page { after: None, limit: 10 }).await.unwrap();
        assert_eq!(kept.iter().map(|call| call.token.as_str()).collect::<Vec<_>>(), ["february"], "{server}");
        for (table, rows) in [("call_sessions", 1), ("webhook_audit", 3)] {
            assert_eq!(count(&mut sql, table).await, rows, "{server} {table}");
        }
        assert_eq!(figures_of_calls(&mut sql).await, figures, "{server}: figures stay");
        // What comes for a call that went with its month is a new call.
        let again = Script::new("january", 101 * 86_400).voice(7);
        assert!(matches!(take(&store, lasting, vec![again]).await[..], [Ok(Ingested::Committed(Some(_)))]));
    }
}
