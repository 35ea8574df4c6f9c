//! Configuration: every aggregate makes its round trip, transactions are whole, the log of changes is right.

use cxroute_core::config::{CdrAuth, ConfigError, Fallback, GateKeys, Target, TenantSettings};
use cxroute_core::id::{AgentId, GroupId, PoolId, RuleId};
use cxroute_core::port::{Change, Changes, Deleted, Retry, RuleChange, Store, StoreError, TenantTx};

use crate::support::{
    Fixture, NOON, agent, at, group, inbound, member, open, operator, outbound, pool, sealed,
};

async fn begin(fixture: &Fixture) -> Box<dyn TenantTx> {
    fixture.store.begin(&operator().config(fixture.tenant)).await.unwrap()
}

/// Agents 1 to 3, groups 2 and 3, rules 1 and 2 each way.
async fn fill(fixture: &Fixture) -> u64 {
    let mut tx = begin(fixture).await;
    tx.save_pool(&pool(9, "vendor")).await.unwrap();
    for (id, name) in [(1, "Ann"), (2, "Bob"), (3, "Cleo")] {
        tx.save_agent(&agent(id, name)).await.unwrap();
    }
    tx.save_group(&group(2, "sales", vec![member(12, 2), member(11, 1)])).await.unwrap();
    tx.save_group(&group(3, "night", Vec::new())).await.unwrap();
    tx.save_inbound_rule(&inbound(1, "+1212*", Target::Group(GroupId::new(2)))).await.unwrap();
    tx.save_inbound_rule(&inbound(2, "3000", Target::Agent(AgentId::new(3)))).await.unwrap();
    tx.save_outbound_rule(&outbound(1, "*", "country:GB")).await.unwrap();
    tx.save_outbound_rule(&outbound(2, "3000", "+44*")).await.unwrap();
    tx.commit(NOON).await.unwrap()
}

#[tokio::test]
async fn a_configuration_is_read_as_it_was_saved_also_after_reopening() {
    let fixture = Fixture::new().await;
    let mut tx = begin(&fixture).await;
    let mut tenant = tx.tenant().await.unwrap();
    tenant.name = "Renamed".into();
    tenant.settings = TenantSettings {
        timezone: "Europe/Berlin".into(),
        max_call_seconds: 60,
        retention_days: 7,
        cdr_auth: CdrAuth::Optional,
    };
    tenant.keys =
        GateKeys { webhook_keys: vec![[7; 32], [0xff; 32]], signature_secret: Some(sealed("s3cret")) };
    tx.save_tenant(&tenant).await.unwrap();
    tx.save_pool(&pool(9, "vendor")).await.unwrap();
    let mut ann = agent(1, "Ann");
    ann.pool = Some(PoolId::new(9));
    ann.username = Some(sealed(""));
    tx.save_agent(&ann).await.unwrap();
    let mut sales = group(2, "sales", vec![member(12, 1)]);
    sales.settings.fallback = Some(Fallback::Say("Nobody's there.".into()));
    tx.save_group(&sales).await.unwrap();
    tx.save_inbound_rule(&inbound(5, "+1 (212) *", Target::Group(GroupId::new(2)))).await.unwrap();
    tx.save_outbound_rule(&outbound(6, "*", "country:GB")).await.unwrap();
    let drafted = tx.configuration().await.unwrap();
    assert_eq!(tx.commit(at(1)).await.unwrap(), 2);

    let fixture = fixture.reopened().await;
    let stored = fixture.read().await.configuration().await.unwrap();
    assert_eq!(stored.revision, 2);
    assert_eq!(stored.tenant, tenant);
    assert_eq!((&stored.agents, &stored.groups), (&vec![ann], &vec![sales]));
    assert_eq!(stored.inbound_rules[0].pattern.to_string(), "1212*");
    assert_eq!(cxroute_core::config::Configuration { revision: 2, ..drafted }, stored);
    assert_eq!(fixture.read().await.tenant().await.unwrap(), tenant);
    assert_eq!(fixture.store.revisions(&operator()).await.unwrap(), [(fixture.tenant, 2)]);
}

#[tokio::test]
async fn a_transaction_sees_what_it_saved_and_dropping_it_rolls_back() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let mut tx = begin(&fixture).await;
    tx.save_inbound_rule(&inbound(3, "4000", Target::Agent(AgentId::new(1)))).await.unwrap();
    assert_eq!(tx.delete_inbound_rule(RuleId::new(1)).await.unwrap(), Deleted::Gone);
    assert_eq!(tx.delete_inbound_rule(RuleId::new(1)).await.unwrap(), Deleted::NotFound);
    assert_eq!(tx.delete_group(GroupId::new(77)).await.unwrap(), Deleted::NotFound);
    let ids: Vec<u64> =
        tx.configuration().await.unwrap().inbound_rules.iter().map(|rule| rule.id.get()).collect();
    assert_eq!(ids, [2, 3]);
    assert_eq!(tx.revision().await.unwrap(), 2);
    drop(tx);
    let stored = fixture.read().await.configuration().await.unwrap();
    assert_eq!((stored.revision, stored.inbound_rules.len()), (2, 2));
}

#[tokio::test]
async fn a_transaction_that_changes_nothing_keeps_the_revision() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let mut tx = begin(&fixture).await;
    let mut sales = group(2, "sales", vec![member(11, 1), member(12, 2)]);
    tx.save_group(&sales).await.unwrap();
    tx.save_agent(&agent(4, "Dan")).await.unwrap();
    tx.delete_agent(AgentId::new(4)).await.unwrap();
    tx.save_inbound_rule(&inbound(2, "3000", Target::Agent(AgentId::new(3)))).await.unwrap();
    assert_eq!(tx.commit(at(1)).await.unwrap(), 2);
    let mut tx = begin(&fixture).await;
    sales.settings.window_hours = 12;
    tx.save_group(&sales).await.unwrap();
    assert_eq!(tx.commit(at(2)).await.unwrap(), 3);
}

#[tokio::test]
async fn names_and_patterns_can_be_swapped_in_one_transaction() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let mut tx = begin(&fixture).await;
    tx.save_agent(&agent(1, "Bob")).await.unwrap();
    tx.save_agent(&agent(2, "Ann")).await.unwrap();
    tx.save_group(&group(2, "sales", vec![member(11, 2), member(12, 1)])).await.unwrap();
    tx.save_inbound_rule(&inbound(1, "3000", Target::Agent(AgentId::new(1)))).await.unwrap();
    tx.save_inbound_rule(&inbound(2, "+1212*", Target::Agent(AgentId::new(2)))).await.unwrap();
    tx.commit(at(1)).await.unwrap();
    let stored = fixture.read().await.configuration().await.unwrap();
    assert_eq!([&stored.agents[0].name, &stored.agents[1].name], ["Bob", "Ann"]);
    assert_eq!(stored.groups[0].members[0].agent, AgentId::new(2));
    assert_eq!(stored.inbound_rules[0].target, Target::Agent(AgentId::new(1)));
}

#[tokio::test]
async fn what_is_not_valid_as_a_whole_is_refused_and_named() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let mut tx = begin(&fixture).await;
    tx.save_inbound_rule(&inbound(9, "3000", Target::Agent(AgentId::new(1)))).await.unwrap();
    let refused = tx.commit(at(1)).await.unwrap_err();
    let StoreError::Invalid(ConfigError::RuleConflict { first, second, .. }) = refused else {
        panic!("{refused}");
    };
    assert_eq!((first, second), (RuleId::new(2), RuleId::new(9)));

    let mut tx = begin(&fixture).await;
    tx.delete_agent(AgentId::new(3)).await.unwrap();
    let refused = tx.commit(at(1)).await.unwrap_err().to_string();
    assert_eq!(refused, "inbound rule 2 refers to agent 3, which does not exist");

    let mut tx = begin(&fixture).await;
    tx.save_agent(&agent(7, "Ann")).await.unwrap();
    assert!(matches!(
        tx.commit(at(1)).await,
        Err(StoreError::Invalid(ConfigError::NameTaken { kind: "agents", .. }))
    ));
    assert_eq!(fixture.read().await.revision().await.unwrap(), 2);
}

#[tokio::test]
async fn a_deleted_agent_is_gone_but_keeps_its_name_and_its_name_can_be_taken_again() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let mut tx = begin(&fixture).await;
    tx.delete_inbound_rule(RuleId::new(1)).await.unwrap();
    tx.delete_group(GroupId::new(2)).await.unwrap();
    tx.delete_agent(AgentId::new(1)).await.unwrap();
    tx.commit(at(1)).await.unwrap();
    let mut tx = begin(&fixture).await;
    tx.save_agent(&agent(8, "Ann")).await.unwrap();
    tx.commit(at(2)).await.unwrap();
    let mut read = fixture.read().await;
    let stored = read.configuration().await.unwrap();
    assert_eq!(stored.agents.iter().map(|agent| agent.id.get()).collect::<Vec<_>>(), [2, 3, 8]);
    let names = read.names().await.unwrap();
    assert_eq!(names.agents[&AgentId::new(1)], "Ann");
    assert_eq!(names.agents[&AgentId::new(8)], "Ann");
    assert_eq!(names.groups[&GroupId::new(2)], "sales");
}

#[tokio::test]
async fn the_log_tells_single_rules_in_order_and_everything_after_other_changes() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let rule = inbound(3, "4000", Target::Agent(AgentId::new(1)));
    let mut tx = begin(&fixture).await;
    tx.save_inbound_rule(&inbound(3, "5000", Target::Agent(AgentId::new(1)))).await.unwrap();
    tx.delete_outbound_rule(RuleId::new(2)).await.unwrap();
    tx.commit(at(1)).await.unwrap();
    let mut tx = begin(&fixture).await;
    tx.save_inbound_rule(&rule).await.unwrap();
    assert_eq!(tx.commit(at(2)).await.unwrap(), 4);
    let mut read = fixture.read().await;
    assert_eq!(read.changes_since(1).await.unwrap(), Changes::Everything);
    let Changes::Rules { revision: 4, changes } = read.changes_since(2).await.unwrap() else { panic!() };
    let of = |change: &Change| match change {
        Change::Inbound(change) => change.after.as_ref().map(|rule| rule.pattern.to_string()),
        Change::Outbound(change) => change.after.as_ref().map(|rule| rule.destination_pattern.to_string()),
    };
    let told: Vec<Option<String>> = changes.iter().map(of).collect();
    assert_eq!(told, [Some("5000".into()), None, Some("4000".into())]);
    let change = RuleChange { before: Some(inbound(3, "5000", rule.target)), after: Some(rule) };
    let changes = vec![Change::Inbound(change)];
    assert_eq!(read.changes_since(3).await.unwrap(), Changes::Rules { revision: 4, changes });
    let nothing = Changes::Rules { revision: 4, changes: Vec::new() };
    assert_eq!(read.changes_since(4).await.unwrap(), nothing);
    let mut tx = begin(&fixture).await;
    tx.save_agent(&agent(8, "Dan")).await.unwrap();
    tx.commit(at(3)).await.unwrap();
    assert_eq!(read.changes_since(4).await.unwrap(), Changes::Everything);
    let nothing = Changes::Rules { revision: 5, changes: Vec::new() };
    assert_eq!(read.changes_since(5).await.unwrap(), nothing);
}

#[tokio::test]
async fn ids_are_never_given_twice_neither_after_a_rollback_nor_after_reopening() {
    let fixture = Fixture::new().await;
    let mut tx = begin(&fixture).await;
    let first = tx.mint().await.unwrap();
    drop(tx);
    let mut tx = begin(&fixture).await;
    let second = tx.mint().await.unwrap();
    tx.save_agent(&agent(second, "Ann")).await.unwrap();
    tx.commit(at(1)).await.unwrap();
    let fixture = fixture.reopened().await;
    let mut tx = begin(&fixture).await;
    tx.delete_agent(AgentId::new(second)).await.unwrap();
    tx.commit(at(1)).await.unwrap();
    let third = begin(&fixture).await.mint().await.unwrap();
    assert!(first < second && second < third);
}

#[tokio::test]
async fn transactions_of_one_tenant_wait_for_each_other_and_webhooks_for_none() {
    let fixture = Fixture::new().await;
    let mut first = begin(&fixture).await;
    first.save_agent(&agent(1, "Ann")).await.unwrap();
    let scope = operator().config(fixture.tenant);
    let mut second = Box::pin(fixture.store.begin(&scope));
    let early = tokio::time::timeout(std::time::Duration::from_millis(20), &mut second).await;
    assert!(early.is_err(), "the second transaction began before the first one ended");
    fixture.take(crate::support::voice("a", 1)).await;
    first.commit(at(1)).await.unwrap();
    assert_eq!(second.await.unwrap().revision().await.unwrap(), 2);
}

#[tokio::test]
async fn a_change_by_another_process_is_noticed() {
    let fixture = Fixture::new().await;
    let other = open(fixture.folder.path()).await;
    let mut tx = begin(&fixture).await;
    tx.save_agent(&agent(1, "Ann")).await.unwrap();
    let mut theirs = other.begin(&operator().config(fixture.tenant)).await.unwrap();
    theirs.save_agent(&agent(1, "Bob")).await.unwrap();
    theirs.commit(at(1)).await.unwrap();
    let refused = tx.commit(at(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { retry: Retry::Soon, .. }), "{refused}");
    assert_eq!(fixture.read().await.configuration().await.unwrap().agents[0].name, "Bob");
}

#[tokio::test]
async fn a_domain_is_taken_once_and_finds_its_tenant() {
    let fixture = Fixture::new().await;
    let domain = cxroute_core::config::Domain::parse("ONE.example.net").unwrap();
    let taken = fixture.store.create_tenant(&operator(), "Another", &domain, NOON).await.unwrap_err();
    assert_eq!(taken.to_string(), "domain one.example.net is taken");
    let found = fixture.store.tenant_by_domain(&operator(), &domain).await.unwrap();
    assert_eq!(found, Some(fixture.tenant));
}

#[tokio::test]
async fn the_audit_keeps_what_changed_without_secrets() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let mut tx = begin(&fixture).await;
    tx.delete_inbound_rule(RuleId::new(2)).await.unwrap();
    tx.commit(at(5)).await.unwrap();
    let mut sql = fixture.sql().await;
    let rows: Vec<(String, i64, String, Option<String>, i64)> =
        sqlx::query_as("SELECT kind, ref_id, action, document, revision FROM config_audit ORDER BY id")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    assert_eq!(rows.last().unwrap(), &("inbound_rule".into(), 2, "deleted".into(), None, 3));
    let ann = rows.iter().find(|row| row.0 == "agent" && row.1 == 1).unwrap();
    let document: serde_json::Value = serde_json::from_str(ann.3.as_deref().unwrap()).unwrap();
    assert_eq!(document["name"], "Ann");
    for secret in ["service_value", "username", "password"] {
        assert!(document.get(secret).is_none(), "{secret}");
    }
}
