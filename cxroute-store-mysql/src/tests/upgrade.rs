//! A database of an earlier schema keeps everything when it is brought up to date.

#![expect(clippy::disallowed_methods, reason = "tests are the operator")]

use std::sync::Arc;

use cxroute_core::authority::Operator;
use cxroute_core::conformance::fixture::Script;
use cxroute_core::id::TenantId;
use cxroute_core::port::{News, Store as _};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::{SERVERS, support};
use crate::migrate::{MIGRATIONS, run};

/// A call that failed over, as the second schema had it, after whom an event and a gap wait.
fn earlier(script: &Script) -> String {
    let (id, at) = (script.id().get(), script.voice(7).received_at.as_millis());
    let trace = serde_json::to_string(&*script.voice(7).decision().unwrap().trace).unwrap();
    let trace = trace.replace('\\', "\\\\").replace('\'', "''");
    format!(
        r#"INSERT INTO tenants (id, name, domain, settings, webhook_keys, created_at, updated_at)
            VALUES (1, 'One', 'one.example.net', '{{}}', '[]', NOW(), NOW());
        INSERT INTO tenant_revisions VALUES (1, 1, 0, 1);
        INSERT INTO call_sessions VALUES (1, 'a call', {id});
        INSERT INTO call_records (tenant_id, id, session_token, direction, from_number, to_number, status, state,
            received_at, start_time, live_until, history_count, trace_count, updated_at)
            VALUES (1, {id}, 'a call', 'inbound', '1', '2', 'ringing', 'connecting', {at}, NOW(), {at} + 10000000, 3, 2, NOW());
        INSERT INTO call_attempts (tenant_id, call_id, number, agent_id, started_at, ended_at, outcome, word) VALUES
            (1, {id}, 1, 7, {at}, {at} + 5, 'busy', 'it''s busy'), (1, {id}, 2, 8, {at} + 5, NULL, NULL, NULL);
        INSERT INTO call_history VALUES (1, {id}, 0, 'received', {at}, 'voice_request', 'entered', NULL),
            (1, {id}, 1, 'queued', {at}, 'voice_request', 'entered', 'a "detail"'),
            (1, {id}, 2, 'connecting', {at} + 5, 'dial_result', 'entered', NULL);
        INSERT INTO call_traces VALUES (1, {id}, 0, '{trace}'), (1, {id}, 1, '{trace}');
        INSERT INTO webhook_audit (tenant_id, id, server, event_type, session_token, payload, created_at) VALUES
            (1, 10, 1, 'voice_request', 'a call', '{{}}', NOW()), (1, 11, 1, 'voice_request', 'a call', '{{}}', NOW()),
            (1, 12, 1, 'dial_result', 'a call', '{{}}', NOW()), (1, 13, 1, 'cdr', 'no call', '{{}}', NOW());
        INSERT INTO outbox (tenant_id, event) VALUES (1, '"gap"'), (1, '{{"kind":"call_queued","at":"2026-01-05T00:00:00Z",
            "call_id":{id},"session_token":"a call","agent_id":null,"group_id":null,"status":"queued","duration":null}}')"#
    )
}

#[tokio::test]
async fn calls_webhooks_and_events_of_the_second_schema_are_whole_in_the_newest() {
    for server in SERVERS {
        let database = support::Database::create(server).await;
        let mut sql = MySqlConnection::connect(&database.location()).await.unwrap();
        run(&mut sql, &MIGRATIONS[..2]).await.unwrap();
        let script = Script::new("a call", 1);
        sql.execute(sqlx::raw_sql(AssertSqlSafe(earlier(&script)))).await.unwrap();

        let (store, operator) = (database.store().await, Operator::assume());
        let mut read = store.read(&operator.read(TenantId::new(1))).await.unwrap();
        let detail = read.call_detail(script.token()).await.unwrap().unwrap();
        let attempts = &detail.call.attempts;
        assert_eq!((attempts.len(), attempts[0].word.as_deref()), (2, Some("it's busy")), "{server}");
        assert!(attempts[0].ended_at.is_some() && attempts[1].ended_at.is_none(), "{server}: {attempts:?}");
        let lines: Vec<&str> = detail.history.iter().map(|line| line.state.as_str()).collect();
        assert_eq!(lines, ["received", "queued", "connecting"], "{server}");
        assert_eq!(detail.history[1].detail.as_deref(), Some("a \"detail\""), "{server}");
        assert_eq!(
            detail.traces,
            vec![Arc::clone(&script.voice(7).decision().unwrap().trace); 2],
            "{server}"
        );
        assert_eq!(read.audit_count().await.unwrap(), 4, "{server}");
        let news: Vec<News> =
            store.outbox(&operator, 10).await.unwrap().into_iter().map(|waiting| waiting.news).collect();
        assert!(
            matches!(&news[..], [News::Gap, News::Call(event)] if event.session_token == *script.token()),
            "{server}: {news:?}"
        );

        // And it goes on.
        let scope = Arc::new(operator.ingest(TenantId::new(1)));
        let taken = store.ingest(vec![(scope, script.cdr("ANSWER", 30))]).await;
        assert!(taken[0].is_ok(), "{server}: {taken:?}");
        let later = read.call_detail(script.token()).await.unwrap().unwrap();
        assert_eq!(later.call.state.as_str(), "completed", "{server}");
        assert_eq!(later.history[..3], detail.history, "{server}");
        assert!(later.history.len() > 3, "{server}");
    }
}
