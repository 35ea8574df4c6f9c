//! Laws about aggregates: what was saved is found again, whole; what was deleted is gone.

use super::super::Checked;
use super::StoreBench;
use super::bench::Desk;
use crate::config::{
    CdrAuth, Domain, Fallback, GateKeys, GroupSettings, Strategy, Target, Tenant, TenantSettings, TrunkConfig,
};
use crate::conformance::fixture::{
    START, agent, group, inbound_rule, member, outbound_rule, pattern, pool, provider, sealed,
};
use crate::id::{AgentId, GroupId, MembershipId, PoolId, RuleId, TenantId};
use crate::port::{Deleted, StoreError, TenantTx};

/// Mints so many ids.
async fn ids<const N: usize>(tx: &mut dyn TenantTx) -> Result<[u64; N], StoreError> {
    let mut ids = [0; N];
    for id in &mut ids {
        *id = tx.mint().await?;
    }
    Ok(ids)
}

pub(super) async fn a_saved_tenant_is_found_again_but_for_id_and_domain(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("settings.example").await?;
    let before = desk.read().await?.tenant().await?;
    let saved = Tenant {
        id: TenantId::new(before.id.get() + 7),
        name: "A new name, \"quoted\"".to_owned(),
        domain: Domain::parse("elsewhere.example")?,
        settings: TenantSettings {
            timezone: "Europe/Berlin".to_owned(),
            max_call_seconds: 600,
            retention_days: 30,
            cdr_auth: CdrAuth::Optional,
        },
        keys: GateKeys {
            webhook_keys: vec![[7; 32], [0; 32], [255; 32]],
            signature_secret: Some(sealed("signature")),
        },
    };
    let mut tx = desk.begin().await?;
    tx.save_tenant(&saved).await?;
    tx.commit(START).await?;
    let expected = Tenant { id: before.id, domain: before.domain.clone(), ..saved };
    assert_eq!(desk.read().await?.tenant().await?, expected);
    assert_eq!(desk.configuration().await?.tenant, expected);
    let cleared = Tenant { keys: GateKeys::default(), ..expected };
    let mut tx = desk.begin().await?;
    tx.save_tenant(&cleared).await?;
    tx.commit(START).await?;
    assert_eq!(desk.read().await?.tenant().await?, cleared, "keys can be taken away");
    let elsewhere = Domain::parse("elsewhere.example")?;
    assert_eq!(bench.store.tenant_by_domain(&bench.operator, &elsewhere).await?, None);
    Ok(())
}

pub(super) async fn a_saved_pool_is_found_again_replaced_and_deleted(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("pools.example").await?;
    let mut tx = desk.begin().await?;
    let [first, second] = ids(tx.as_mut()).await?;
    let mut unlimited = pool(second, "Ünlimited");
    unlimited.max_concurrent_calls = None;
    tx.save_pool(&unlimited).await?;
    tx.save_pool(&pool(first, "Pool")).await?;
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.pools, [pool(first, "Pool"), unlimited.clone()], "in order of id");

    let mut closed = pool(first, "Closed");
    closed.max_concurrent_calls = Some(0);
    let mut tx = desk.begin().await?;
    tx.save_pool(&closed).await?;
    assert_eq!(tx.delete_pool(PoolId::new(second)).await?, Deleted::Gone);
    assert_eq!(tx.delete_pool(PoolId::new(second)).await?, Deleted::NotFound);
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.pools, [closed]);
    Ok(())
}

pub(super) async fn a_saved_agent_is_found_again_replaced_and_deleted(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("agents.example").await?;
    let mut tx = desk.begin().await?;
    let [of, first, second] = ids(tx.as_mut()).await?;
    tx.save_pool(&pool(of, "Pool")).await?;
    let mut pooled = agent(first, "Désk");
    pooled.pool = Some(PoolId::new(of));
    tx.save_agent(&agent(second, "Second")).await?;
    tx.save_agent(&pooled).await?;
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.agents, [pooled, agent(second, "Second")], "in order of id");

    let mut bare = agent(first, "Bare");
    bare.provider = provider("vapi");
    (bare.username, bare.password, bare.max_concurrent_calls) = (None, None, None);
    bare.enabled = false;
    bare.service_value = sealed("wss://agent.example/one?x=1");
    bare.metadata.clear();
    let mut tx = desk.begin().await?;
    tx.save_agent(&bare).await?;
    assert_eq!(tx.delete_agent(AgentId::new(second)).await?, Deleted::Gone);
    assert_eq!(tx.delete_agent(AgentId::new(second)).await?, Deleted::NotFound);
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.agents, [bare], "replaced whole: what is absent is gone");
    Ok(())
}

pub(super) async fn a_saved_group_is_found_again_with_its_members_replaced_and_deleted(
    bench: &StoreBench,
) -> Checked {
    let desk = bench.tenant("groups.example").await?;
    let mut tx = desk.begin().await?;
    let [a, b, one, two, m1, m2, m3] = ids(tx.as_mut()).await?;
    tx.save_agent(&agent(a, "A")).await?;
    tx.save_agent(&agent(b, "B")).await?;
    let mut plain = member(m2, b);
    (plain.priority, plain.max_concurrent_calls, plain.enabled) = (None, None, false);
    let full = group(one, "Full", Strategy::LoadBalanced, vec![member(m1, a), plain]);
    let empty = group(two, "Empty", Strategy::RoundRobin, Vec::new());
    tx.save_group(&full).await?;
    tx.save_group(&empty).await?;
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.groups, [full, empty], "in order of id");

    let mut changed = group(one, "Changed", Strategy::Priority, vec![member(m3, b)]);
    changed.settings = GroupSettings::default();
    let mut tx = desk.begin().await?;
    tx.save_group(&changed).await?;
    assert_eq!(tx.delete_group(GroupId::new(two)).await?, Deleted::Gone);
    assert_eq!(tx.delete_group(GroupId::new(two)).await?, Deleted::NotFound);
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.groups, [changed], "replaced with its members and settings");

    let mut tx = desk.begin().await?;
    assert_eq!(tx.delete_group(GroupId::new(one)).await?, Deleted::Gone);
    assert_eq!(tx.delete_agent(AgentId::new(b)).await?, Deleted::Gone, "its membership went with the group");
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.groups, []);
    Ok(())
}

pub(super) async fn members_are_given_in_order_of_id(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("members.example").await?;
    let mut tx = desk.begin().await?;
    let [a, b, c, one, m1, m2, m3] = ids(tx.as_mut()).await?;
    for (id, name) in [(a, "A"), (b, "B"), (c, "C")] {
        tx.save_agent(&agent(id, name)).await?;
    }
    let shuffled = vec![member(m3, a), member(m1, c), member(m2, b)];
    tx.save_group(&group(one, "Group", Strategy::Priority, shuffled)).await?;
    tx.commit(START).await?;
    let groups = desk.configuration().await?.groups;
    let order: Vec<_> = groups.iter().flat_map(|group| &group.members).map(|member| member.id).collect();
    assert_eq!(order, [m1, m2, m3].map(MembershipId::new));
    Ok(())
}

pub(super) async fn every_kind_of_fallback_is_found_again(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("fallbacks.example").await?;
    let mut tx = desk.begin().await?;
    let [a, last, one] = ids(tx.as_mut()).await?;
    tx.save_agent(&agent(a, "A")).await?;
    tx.save_group(&group(last, "Last", Strategy::Priority, Vec::new())).await?;
    tx.commit(START).await?;
    let reject = serde_json::from_value(serde_json::json!({ "reject": "busy" }));
    let reject = reject.map_err(|error| super::super::Broken::because(error.to_string()))?;
    for fallback in [
        None,
        Some(Fallback::Agent(AgentId::new(a))),
        Some(Fallback::Group(GroupId::new(last))),
        Some(Fallback::Number { number: "911".to_owned(), trunks: Vec::new() }),
        Some(Fallback::Say("Wir sind <gleich> zurück & mehr.".to_owned())),
        Some(reject),
        Some(Fallback::Hangup),
    ] {
        let mut saved = group(one, "Group", Strategy::Priority, Vec::new());
        saved.settings.fallback.clone_from(&fallback);
        let mut tx = desk.begin().await?;
        tx.save_group(&saved).await?;
        tx.commit(START).await?;
        assert_eq!(desk.configuration().await?.groups.last(), Some(&saved), "{fallback:?}");
    }
    Ok(())
}

pub(super) async fn a_saved_inbound_rule_is_found_again_replaced_and_deleted(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("inbound.example").await?;
    let mut tx = desk.begin().await?;
    let [a, one, first, second] = ids(tx.as_mut()).await?;
    tx.save_agent(&agent(a, "A")).await?;
    tx.save_group(&group(one, "Group", Strategy::Priority, Vec::new())).await?;
    let to_group = inbound_rule(first, "1212*", Target::Group(GroupId::new(one)));
    let mut to_agent = inbound_rule(second, "*", Target::Agent(AgentId::new(a)));
    (to_agent.enabled, to_agent.priority) = (false, u32::MAX);
    tx.save_inbound_rule(&to_agent).await?;
    tx.save_inbound_rule(&to_group).await?;
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.inbound_rules, [to_group, to_agent.clone()], "in order of id");

    let mut tx = desk.begin().await?;
    (to_agent.pattern, to_agent.target) = (pattern("alice-b"), Target::Group(GroupId::new(one)));
    (to_agent.enabled, to_agent.priority) = (true, 0);
    tx.save_inbound_rule(&to_agent).await?;
    assert_eq!(tx.delete_inbound_rule(RuleId::new(first)).await?, Deleted::Gone);
    assert_eq!(tx.delete_inbound_rule(RuleId::new(first)).await?, Deleted::NotFound);
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.inbound_rules, [to_agent]);
    Ok(())
}

pub(super) async fn a_saved_outbound_rule_is_found_again_replaced_and_deleted(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("outbound.example").await?;
    let mut tx = desk.begin().await?;
    let [first, second] = ids(tx.as_mut()).await?;
    let mut bare = outbound_rule(second, "*", "49*");
    (bare.trunk_config, bare.enabled) = (TrunkConfig::default(), false);
    tx.save_outbound_rule(&bare).await?;
    tx.save_outbound_rule(&outbound_rule(first, "3000", "1*")).await?;
    tx.commit(START).await?;
    let expected = [outbound_rule(first, "3000", "1*"), bare.clone()];
    assert_eq!(desk.configuration().await?.outbound_rules, expected, "in order of id; trunks in theirs");

    let mut tx = desk.begin().await?;
    let changed = outbound_rule(second, "alice", "44*");
    tx.save_outbound_rule(&changed).await?;
    assert_eq!(tx.delete_outbound_rule(RuleId::new(first)).await?, Deleted::Gone);
    assert_eq!(tx.delete_outbound_rule(RuleId::new(first)).await?, Deleted::NotFound);
    tx.commit(START).await?;
    assert_eq!(desk.configuration().await?.outbound_rules, [changed]);
    Ok(())
}

pub(super) async fn patterns_are_kept_as_they_were_typed(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("typed.example").await?;
    let mut tx = desk.begin().await?;
    let [a, inbound, outbound] = ids(tx.as_mut()).await?;
    tx.save_agent(&agent(a, "A")).await?;
    tx.save_inbound_rule(&inbound_rule(inbound, "+1212[2-4]*", Target::Agent(AgentId::new(a)))).await?;
    tx.save_outbound_rule(&outbound_rule(outbound, "Alice", "+44*")).await?;
    tx.commit(START).await?;
    let after = desk.configuration().await?;
    let (inbound, outbound) = (&after.inbound_rules[0], &after.outbound_rules[0]);
    let typed = [&inbound.pattern, &outbound.caller_id, &outbound.destination_pattern];
    assert_eq!(typed.map(|pattern| pattern.typed()), ["+1212[2-4]*", "Alice", "+44*"]);
    Ok(())
}

pub(super) async fn inbound_and_outbound_rules_may_have_the_same_id(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("same-id.example").await?;
    let mut tx = desk.begin().await?;
    let [a, id] = ids(tx.as_mut()).await?;
    tx.save_agent(&agent(a, "A")).await?;
    tx.save_inbound_rule(&inbound_rule(id, "1*", Target::Agent(AgentId::new(a)))).await?;
    tx.save_outbound_rule(&outbound_rule(id, "*", "1*")).await?;
    tx.commit(START).await?;
    let mut tx = desk.begin().await?;
    assert_eq!(tx.delete_inbound_rule(RuleId::new(id)).await?, Deleted::Gone);
    tx.commit(START).await?;
    let left = desk.configuration().await?;
    assert_eq!((left.inbound_rules.len(), left.outbound_rules.len()), (0, 1));
    Ok(())
}

pub(super) async fn deleting_what_never_was_finds_nothing(bench: &StoreBench) -> Checked {
    let desk: Desk = bench.tenant("nothing.example").await?;
    let before = desk.configuration().await?;
    let mut tx = desk.begin().await?;
    assert_eq!(tx.delete_pool(PoolId::new(99)).await?, Deleted::NotFound);
    assert_eq!(tx.delete_agent(AgentId::new(99)).await?, Deleted::NotFound);
    assert_eq!(tx.delete_group(GroupId::new(99)).await?, Deleted::NotFound);
    assert_eq!(tx.delete_inbound_rule(RuleId::new(99)).await?, Deleted::NotFound);
    assert_eq!(tx.delete_outbound_rule(RuleId::new(99)).await?, Deleted::NotFound);
    assert_eq!(tx.commit(START).await?, before.revision, "nothing changed");
    assert_eq!(desk.configuration().await?, before);
    Ok(())
}
