//! What the databases say of the statements: each finds its rows by an index, however many there are.

#![expect(clippy::disallowed_methods, reason = "tests are the operator")]

use cxroute_core::authority::Operator;
use cxroute_core::config::{Domain, Strategy};
use cxroute_core::conformance::fixture::{Exchange, START, roster, seat};
use cxroute_core::port::Store as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::{SERVERS, support};
use crate::read::{calls, plane, rules};
use crate::{MySqlStore, StoreOptions, ingest, ledger, outbox, retention, trim};

/// What a statement binds.
#[derive(Clone, Copy)]
enum Bound {
    Json(&'static str),
    Number(i64),
    Bytes(&'static [u8]),
}
use Bound::{Bytes, Json, Number};

const TENANT: Bound = Number(1);
const MOST: Bound = Number(i64::MAX);
const LEAST: Bound = Number(0);
const NOW: Bound = Number(START.as_millis());

/// Statements that look for rows, and the indexes that they use in tables of any size.
const STATEMENTS: [(&str, &str, &[Bound], &[&str]); 34] = [
    ("ingest calls", ingest::CALLS, &[Json(r#"[[1,"call 5"]]"#)], &["PRIMARY"]),
    (
        "ingest receipts",
        ingest::RECEIPTS,
        &[Json(
            r#"[{"at":0,"tenant":1,"token":"call 5","kind":"cdr","hash":"00000000000000000000000000000000"}]"#,
        )],
        &["PRIMARY"],
    ),
    ("ids that are taken", ingest::TAKEN, &[Json("[[1,5]]")], &["PRIMARY"]),
    ("ids beside one", ingest::IDS, &[TENANT, Number(5), Number(2052)], &["PRIMARY"]),
    ("the oldest entries", ledger::OLDEST, &[Number(10)], &["PRIMARY"]),
    ("entries that were folded", ledger::FOLDED, &[Json("[5]")], &["PRIMARY"]),
    ("entries of a tenant", plane::ENTRIES, &[TENANT], &["ledger_tenant"]),
    ("left windows", ledger::GONE, &[TENANT, Number(20), Number(5)], &["group_window_steps_end"]),
    ("joins clear", ledger::JOINED_CLEAR, &[Json("[[[1,20,7],5]]")], &["PRIMARY"]),
    ("joins add", ledger::JOINED_STEPS, &[Json("[[[1,20,7],5,900000,3,1]]")], &["PRIMARY"]),
    ("a call", calls::BY_TOKEN, &[TENANT, Bytes(b"call 5")], &["PRIMARY"]),
    (
        "what a call's webhooks did",
        calls::STEPS,
        &[TENANT, Bytes(b"call 5"), Number(5)],
        &["webhook_audit_session"],
    ),
    ("calls", calls::NEWEST, &[TENANT, LEAST, MOST, LEAST, MOST, Number(50)], &["PRIMARY"]),
    (
        "calls of an agent",
        calls::NEWEST_OF_AGENT,
        &[TENANT, LEAST, MOST, LEAST, MOST, Number(7), Number(50)],
        &["call_records_agent", "PRIMARY"],
    ),
    (
        "calls of a group",
        calls::NEWEST_OF_GROUP,
        &[TENANT, LEAST, MOST, LEAST, MOST, Number(20), Number(50)],
        &["call_records_group", "PRIMARY"],
    ),
    (
        "calls of both",
        calls::NEWEST_OF_BOTH,
        &[TENANT, LEAST, MOST, LEAST, MOST, Number(7), Number(20), Number(50)],
        &["call_records_agent", "PRIMARY"],
    ),
    ("live calls", plane::SESSIONS, &[TENANT, NOW], &["call_records_live", "PRIMARY"]),
    (
        "windows",
        plane::STEPS,
        &[TENANT, NOW],
        &["PRIMARY", "group_window_steps_end", "group_window_steps_age"],
    ),
    (
        "inbound rules beside others",
        rules::INBOUND_BESIDE,
        &[Json(r#"[["1212*",1]]"#), TENANT, Json("[1]"), TENANT, Json("[2]"), TENANT],
        &["inbound_routing_rules_live", "inbound_routing_rules_agent", "inbound_routing_rules_group"],
    ),
    (
        "outbound rules beside others",
        rules::OUTBOUND_BESIDE,
        &[Json(r#"[["*","1*"]]"#), TENANT],
        &["outbound_routing_rules_live"],
    ),
    (
        "old receipts",
        trim::RECEIPTS,
        &[LEAST, LEAST, Number(10)],
        &["receipts_age", "PRIMARY", "call_records_live"],
    ),
    ("old steps", trim::STEPS, &[LEAST, Number(10)], &["group_window_steps_age"]),
    ("keeping", retention::KEEPING, &[Number(400), LEAST, Number(64)], &["PRIMARY"]),
    ("any old call", retention::ANY_OLD, &[TENANT, LEAST, MOST, NOW, Number(1)], &["PRIMARY"]),
    ("old calls", retention::OLD, &[TENANT, LEAST, MOST, NOW, Number(200)], &["PRIMARY"]),
    ("sessions of old calls", retention::OF_CALLS[0], &[Json("[5]"), TENANT], &["call_sessions_call"]),
    ("records of old calls", retention::OF_CALLS[1], &[Json("[5]"), TENANT], &["PRIMARY"]),
    (
        "webhooks of old calls",
        retention::OF_SESSIONS,
        &[Json(r#"["call 5"]"#), TENANT],
        &["webhook_audit_session"],
    ),
    ("events that wait", outbox::OLDEST, &[Number(10), Number(10)], &["PRIMARY"]),
    ("events that were told whole", outbox::WHOLE, &[Json("[[5,3]]")], &["PRIMARY"]),
    ("events that were told", outbox::TOLD, &[Json("[[5,3]]")], &["PRIMARY"]),
    ("old webhooks of no call", retention::STRAY, &[TENANT, Number(5), Number(10)], &["PRIMARY"]),
    ("the oldest live call", retention::OLDEST_LIVE, &[TENANT, NOW, MOST], &["call_records_live"]),
    ("sessions of a month", retention::SESSIONS, &[TENANT, Number(5), Number(10)], &["call_sessions_call"]),
];

/// A database with so many calls that an index pays.
async fn filled(database: &support::Database) -> MySqlConnection {
    let options = StoreOptions { fold_after: u32::MAX, ..StoreOptions::default() };
    let store = MySqlStore::open(&database.location(), &options).await.unwrap();
    let operator = Operator::assume();
    let domain = Domain::parse("one.example.net").unwrap();
    let tenant = store.create_tenant(&operator, "One", &domain, START).await.unwrap();
    let scope = std::sync::Arc::new(operator.ingest(tenant));
    let mut exchange = Exchange::new(vec![roster(20, Strategy::LoadBalanced, (1..=9).map(seat).collect())]);
    for batch in 0..10 {
        let mut signals = Vec::new();
        for n in 0..50 {
            let name = format!("call {}", batch * 50 + n);
            signals.push(exchange.voice(&name));
            signals.extend(exchange.cdr(&name, "ANSWER"));
            exchange.advance(std::time::Duration::from_secs(60));
        }
        let taken = store.ingest(signals.into_iter().map(|signal| (scope.clone(), signal)).collect()).await;
        assert!(taken.iter().all(Result::is_ok), "{taken:?}");
        if batch == 7 {
            store.folder().fold().await.unwrap();
        }
    }
    let mut sql = MySqlConnection::connect(&database.location()).await.unwrap();
    let tables =
        "ANALYZE TABLE call_sessions, call_records, webhook_audit, receipts, outbox, ledger, group_window_steps, group_seats,
        inbound_routing_rules, outbound_routing_rules";
    sql.fetch_all(tables).await.unwrap();
    // MySQL explains in a tree unless it is asked for a table; MariaDB knows nothing else, and not the variable.
    let _only_on_mysql = sql.execute("SET SESSION explain_format = 'TRADITIONAL'").await;
    sql
}

async fn explain(sql: &mut MySqlConnection, statement: &str, bound: &[Bound]) -> Vec<MySqlRow> {
    let mut query = sqlx::query(AssertSqlSafe(format!("EXPLAIN {statement}")));
    for value in bound {
        query = match *value {
            Json(text) => query.bind(text),
            Number(number) => query.bind(number),
            Bytes(bytes) => query.bind(bytes),
        };
    }
    query.fetch_all(sql).await.unwrap()
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    for server in SERVERS {
        let database = support::Database::create(server).await;
        let mut sql = filled(&database).await;
        for (name, statement, bound, indexes) in STATEMENTS {
            let plan: Vec<[Option<String>; 5]> = explain(&mut sql, statement, bound)
                .await
                .iter()
                .map(|row| {
                    ["select_type", "table", "type", "key", "ref"]
                        .map(|column| row.get::<Option<String>, _>(column))
                })
                .collect();
            let mut looked = 0;
            for [part, table, access, key, by] in &plan {
                // What is written to, comes out of JSON, or is made on the way, is not looked for.
                let table = table.as_deref().unwrap_or("<none>");
                if part.as_deref() == Some("INSERT") || table.starts_with('<') || ["k", "j"].contains(&table)
                {
                    continue;
                }
                looked += 1;
                let key = key.as_deref().unwrap_or("none");
                // Every index but those of outbox and ledger begins with the tenant: what is found by that alone is all that the tenant has.
                let whole_tenant = !["o", "l", "ledger"].contains(&table)
                    && matches!(access.as_deref(), Some("ref" | "eq_ref"))
                    && by.as_ref().is_some_and(|by| !by.contains(','));
                assert!(
                    !whole_tenant || name == "windows",
                    "{server}, {name}: {table} by {by:?}, in {plan:#?}"
                );
                assert!(
                    indexes.contains(&key) && access.as_deref() != Some("index"),
                    "{server}, {name}: {table} by {access:?} on {key}, in {plan:#?}"
                );
            }
            assert!(looked > 0, "{server}, {name}: {plan:#?}");
        }
    }
}
