//! Isolation in the schema itself: a row that points into another tenant is refused, even when it is written by hand.

use cxroute_core::config::{Strategy, Target};
use cxroute_core::conformance::fixture::{START, Script, agent, group, inbound_rule, member, pool};
use cxroute_core::id::AgentId;
use cxroute_core::port::Store;

use crate::support::{Fixture, create, operator};

/// Rows of tenant `?1` that point to rows of the other tenant.
const CROSSING: [&str; 6] = [
    "INSERT INTO agent_group_memberships (tenant_id, group_id, id, agent_id, capacity, enabled, created_at, updated_at)
     VALUES (?1, 2, 99, 1, 1, 1, 0, 0)",
    "INSERT INTO inbound_routing_rules (tenant_id, id, pattern, canonical, agent_id, priority, enabled, created_at,
     updated_at) VALUES (?1, 99, '1', '1', 1, 1, 1, 0, 0)",
    "INSERT INTO inbound_routing_rules (tenant_id, id, pattern, canonical, group_id, priority, enabled, created_at,
     updated_at) VALUES (?1, 99, '1', '1', 2, 1, 1, 0, 0)",
    "INSERT INTO voice_agents (tenant_id, id, name, provider, service_value, enabled, pool_id, metadata, created_at,
     updated_at) VALUES (?1, 99, 'x', 'vapi', x'00', 1, 9, '{}', 0, 0)",
    "INSERT INTO call_sessions (tenant_id, session_token, call_id)
     SELECT ?1, 'stolen', id FROM call_records WHERE tenant_id <> ?1",
    "INSERT INTO receipts (tenant_id, session_token, kind, hash, choice, received_at)
     VALUES (?1 + 1000, 'x', 'cdr', zeroblob(16), 0, 0)",
];

#[tokio::test]
async fn rows_that_point_into_another_tenant_are_refused_and_the_same_rows_at_home_are_taken() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.begin().await;
    tx.save_pool(&pool(9, "vendor")).await.unwrap();
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    tx.save_group(&group(2, "sales", Strategy::Priority, vec![member(12, 1)])).await.unwrap();
    tx.save_inbound_rule(&inbound_rule(5, "3000", Target::Agent(AgentId::new(1)))).await.unwrap();
    tx.commit(START).await.unwrap();
    fixture.take(vec![Script::new("call", 1).voice(1)]).await;
    let other = create(&fixture.store, "two.example.net").await;
    let mut sql = fixture.sql().await;
    for statement in CROSSING {
        let refused = sqlx::query(statement).bind(other.get().cast_signed()).execute(&mut sql).await;
        let refused = refused.unwrap_err().into_database_error().unwrap();
        assert!(refused.is_foreign_key_violation(), "{statement}: {refused}");
    }
    let home = "INSERT INTO call_sessions (tenant_id, session_token, call_id)
                SELECT tenant_id, 'of its own', id FROM call_records";
    sqlx::query(home).execute(&mut sql).await.unwrap();
}

#[tokio::test]
async fn a_batch_of_two_tenants_keeps_equal_tokens_apart() {
    let fixture = Fixture::new().await;
    let other = create(&fixture.store, "two.example.net").await;
    let script = Script::new("call", 1);
    let scopes = [fixture.tenant, other].map(|tenant| std::sync::Arc::new(operator().ingest(tenant)));
    let batch = vec![
        (scopes[0].clone(), script.voice(1)),
        (scopes[1].clone(), script.voice(2)),
        (scopes[0].clone(), script.cdr("ANSWER", 7)),
    ];
    for done in fixture.store.ingest(batch).await {
        done.unwrap();
    }
    let mine = fixture.read().await.call(script.token()).await.unwrap().unwrap();
    let scope = operator().read(other);
    let theirs = fixture.store.read(&scope).await.unwrap().call(script.token()).await.unwrap().unwrap();
    assert_eq!((mine.agent(), mine.duration), (Some(AgentId::new(1)), Some(7)));
    assert_eq!((theirs.agent(), theirs.duration), (Some(AgentId::new(2)), None));
}
