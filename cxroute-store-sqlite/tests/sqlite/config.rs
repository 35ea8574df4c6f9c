//! Configuration: what is on disk, and who else is there.

use std::time::Duration;

use cxroute_core::config::{ConfigError, Strategy, Target};
use cxroute_core::conformance::fixture::{
    START, Script, agent, group, inbound_rule, member, outbound_rule, pool, sealed,
};
use cxroute_core::id::{AgentId, GroupId, RuleId};
use cxroute_core::port::{Changes, Retry, Store, StoreError};

use crate::support::{Fixture, open, operator};

#[tokio::test]
async fn a_configuration_is_read_as_it_was_saved_after_reopening_too() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.begin().await;
    let mut tenant = tx.tenant().await.unwrap();
    tenant.settings.timezone = "Europe/Berlin".into();
    tenant.keys.webhook_keys = vec![[7; 32], [0xff; 32]];
    tenant.keys.signature_secret = Some(sealed("\u{0}s3cret"));
    tx.save_tenant(&tenant).await.unwrap();
    tx.save_pool(&pool(9, "vendor")).await.unwrap();
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    tx.save_group(&group(2, "sales", Strategy::Priority, vec![member(12, 1)])).await.unwrap();
    tx.save_inbound_rule(&inbound_rule(5, "+1 (212) *", Target::Group(GroupId::new(2)))).await.unwrap();
    tx.save_outbound_rule(&outbound_rule(6, "*", "44*")).await.unwrap();
    let mut drafted = tx.configuration().await.unwrap();
    drafted.revision = tx.commit(START).await.unwrap();
    let fixture = fixture.reopened().await;
    let stored = fixture.read().await.configuration().await.unwrap();
    assert_eq!(stored, drafted);
    assert_eq!(stored.inbound_rules[0].pattern.typed(), "+1 (212) *", "as typed");
}

#[tokio::test]
async fn rules_conflict_by_what_they_match_not_by_how_they_were_typed() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.begin().await;
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    let to = Target::Agent(AgentId::new(1));
    tx.save_inbound_rule(&inbound_rule(5, "+1 (212) *", to)).await.unwrap();
    tx.save_outbound_rule(&outbound_rule(5, "ALICE", "+44*")).await.unwrap();
    tx.commit(START).await.unwrap();
    let mut tx = fixture.begin().await;
    tx.save_inbound_rule(&inbound_rule(7, "1212*", to)).await.unwrap();
    let refused = tx.commit(START).await.unwrap_err();
    let StoreError::Invalid(ConfigError::RuleConflict { first, second, .. }) = refused else {
        panic!("{refused}");
    };
    assert_eq!((first, second), (RuleId::new(5), RuleId::new(7)));
    let mut tx = fixture.begin().await;
    tx.save_outbound_rule(&outbound_rule(7, "alice", "44*")).await.unwrap();
    let refused = tx.commit(START).await;
    assert!(matches!(refused, Err(StoreError::Invalid(ConfigError::RuleConflict { .. }))), "{refused:?}");
}

#[tokio::test]
async fn an_agent_that_an_untouched_rule_leads_to_is_not_deleted() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.begin().await;
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    tx.save_inbound_rule(&inbound_rule(5, "3000", Target::Agent(AgentId::new(1)))).await.unwrap();
    tx.commit(START).await.unwrap();
    let mut tx = fixture.begin().await;
    tx.delete_agent(AgentId::new(1)).await.unwrap();
    let refused = tx.commit(START).await.unwrap_err().to_string();
    assert_eq!(refused, "inbound rule 5 refers to agent 1, which does not exist");
}

#[tokio::test]
async fn webhooks_do_not_wait_for_an_open_transaction() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.begin().await;
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    fixture.take(vec![Script::new("call", 1).voice(1)]).await;
    assert_eq!(tx.commit(START).await.unwrap(), 2);
}

#[tokio::test]
async fn a_change_by_another_process_is_noticed() {
    let fixture = Fixture::new().await;
    let other = open(fixture.folder.path()).await;
    let mut tx = fixture.begin().await;
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    let mut theirs = other.begin(&operator().config(fixture.tenant)).await.unwrap();
    theirs.save_agent(&agent(1, "Bob")).await.unwrap();
    theirs.commit(START).await.unwrap();
    let refused = tx.commit(START).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { retry: Retry::Soon, .. }), "{refused}");
    assert_eq!(fixture.read().await.configuration().await.unwrap().agents[0].name, "Bob");
}

#[tokio::test]
async fn ids_are_not_given_again_after_reopening_used_or_not() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.begin().await;
    let first = tx.mint().await.unwrap();
    assert_eq!(tx.commit(START).await.unwrap(), 1, "nothing was saved");
    let fixture = fixture.reopened().await;
    let mut tx = fixture.begin().await;
    let second = tx.mint().await.unwrap();
    tx.save_agent(&agent(second, "Ann")).await.unwrap();
    tx.commit(START).await.unwrap();
    let mut tx = fixture.begin().await;
    tx.delete_agent(AgentId::new(second)).await.unwrap();
    tx.commit(START).await.unwrap();
    let fixture = fixture.reopened().await;
    let third = fixture.begin().await.mint().await.unwrap();
    assert!(first < second && second < third, "{first} {second} {third}");
}

#[tokio::test]
async fn a_change_of_very_many_rules_is_told_as_everything() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.begin().await;
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    tx.commit(START).await.unwrap();
    let mut tx = fixture.begin().await;
    for id in 1..=6_000 {
        let rule = inbound_rule(id, &format!("{id}"), Target::Agent(AgentId::new(1)));
        tx.save_inbound_rule(&rule).await.unwrap();
    }
    assert_eq!(tx.commit(START).await.unwrap(), 3);
    let mut read = fixture.read().await;
    assert_eq!(read.changes_since(2).await.unwrap(), Changes::Everything);
    assert_eq!(read.configuration().await.unwrap().inbound_rules.len(), 6_000);
}

#[tokio::test]
async fn the_audit_keeps_what_changed_without_secrets() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.begin().await;
    let mut tenant = tx.tenant().await.unwrap();
    tenant.keys.webhook_keys = vec![[7; 32]];
    tx.save_tenant(&tenant).await.unwrap();
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    tx.commit(START).await.unwrap();
    let mut tx = fixture.begin().await;
    tx.delete_agent(AgentId::new(1)).await.unwrap();
    tx.commit(START.after(Duration::from_secs(1))).await.unwrap();
    let rows: Vec<(String, i64, String, Option<String>, i64)> =
        sqlx::query_as("SELECT kind, ref_id, action, document, revision FROM config_audit ORDER BY id")
            .fetch_all(&mut fixture.sql().await)
            .await
            .unwrap();
    let of: Vec<_> =
        rows.iter().map(|(kind, _, action, _, revision)| (&**kind, &**action, *revision)).collect();
    assert_eq!(of, [("tenant", "saved", 2), ("agent", "saved", 2), ("agent", "deleted", 3)]);
    let document =
        |row: usize| -> serde_json::Value { serde_json::from_str(rows[row].3.as_deref().unwrap()).unwrap() };
    assert_eq!(document(1)["name"], "Ann");
    for secret in ["service_value", "username", "password", "keys"] {
        assert!(document(0).get(secret).is_none() && document(1).get(secret).is_none(), "{secret}");
    }
}
