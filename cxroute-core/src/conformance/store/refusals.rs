//! Laws about refusals: what [`crate::config::Configuration::check`] refuses is not committed, and nothing of it stays.

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::config::{ConfigError, Fallback, Group, Strategy, Target};
use crate::conformance::fixture::{START, agent, group, inbound_rule, member, outbound_rule, pool};
use crate::id::{AgentId, GroupId, PoolId};
use crate::port::{StoreError, TenantTx};

/// A tenant whose ids are known: agent, pool, two groups, one rule of each kind.
struct House {
    desk: Desk,
    agent: u64,
    pool: u64,
    first: Group,
    second: Group,
    rule: u64,
}

async fn house(bench: &StoreBench, domain: &str) -> Result<House, Broken> {
    let desk = bench.tenant(domain).await?;
    let mut tx = desk.begin().await?;
    let (a, p, one, two, rule) =
        (tx.mint().await?, tx.mint().await?, tx.mint().await?, tx.mint().await?, tx.mint().await?);
    tx.save_pool(&pool(p, "Pool")).await?;
    let mut pooled = agent(a, "Agent");
    pooled.pool = Some(PoolId::new(p));
    tx.save_agent(&pooled).await?;
    let first = group(one, "First", Strategy::Priority, vec![member(tx.mint().await?, a)]);
    let second = group(two, "Second", Strategy::RoundRobin, Vec::new());
    tx.save_group(&first).await?;
    tx.save_group(&second).await?;
    tx.save_inbound_rule(&inbound_rule(rule, "1*", Target::Group(first.id))).await?;
    tx.save_outbound_rule(&outbound_rule(rule, "*", "1*")).await?;
    tx.commit(START).await?;
    Ok(House { desk, agent: a, pool: p, first, second, rule })
}

impl House {
    /// Commits `tx`, which must be refused, and finds the configuration as it was; the reason.
    async fn refused(&self, tx: Box<dyn TenantTx>) -> Result<ConfigError, Broken> {
        let before = self.desk.configuration().await?;
        let reason = match tx.commit(START).await {
            Err(StoreError::Invalid(reason)) => reason,
            other => return Err(Broken::because(format!("expected a refusal, got {other:?}"))),
        };
        assert_eq!(self.desk.configuration().await?, before, "nothing of it stays: {reason}");
        Ok(reason)
    }
}

macro_rules! refused {
    ($reason:expr, $pattern:pat) => {
        let reason = $reason;
        assert!(matches!(reason, $pattern), "expected {}, got {reason:?}", stringify!($pattern));
    };
}

pub(super) async fn names_that_are_taken_empty_or_too_long_are_refused(bench: &StoreBench) -> Checked {
    let house = house(bench, "names.example").await?;
    let mut tx = house.desk.begin().await?;
    let id = tx.mint().await?;
    tx.save_agent(&agent(id, "Agent")).await?;
    refused!(house.refused(tx).await?, ConfigError::NameTaken { kind: "agents", .. });
    let mut tx = house.desk.begin().await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, "Pool")).await?;
    refused!(house.refused(tx).await?, ConfigError::NameTaken { kind: "pools", .. });
    let mut tx = house.desk.begin().await?;
    let id = tx.mint().await?;
    tx.save_group(&group(id, "First", Strategy::Priority, Vec::new())).await?;
    refused!(house.refused(tx).await?, ConfigError::NameTaken { kind: "groups", .. });
    for name in [String::new(), "x".repeat(256)] {
        let mut tx = house.desk.begin().await?;
        let id = tx.mint().await?;
        tx.save_pool(&pool(id, &name)).await?;
        refused!(house.refused(tx).await?, ConfigError::NameLength { kind: "pools", .. });
        let mut tx = house.desk.begin().await?;
        let mut tenant = tx.tenant().await?;
        tenant.name = name;
        tx.save_tenant(&tenant).await?;
        refused!(house.refused(tx).await?, ConfigError::NameLength { kind: "tenants", .. });
    }
    let mut tx = house.desk.begin().await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, &"ö".repeat(255))).await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, "pool")).await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, "Pool ")).await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, "Pöol")).await?;
    tx.commit(START).await?;
    Ok(())
}

pub(super) async fn references_that_lead_nowhere_are_refused(bench: &StoreBench) -> Checked {
    let house = house(bench, "dangling.example").await?;
    let mut tx = house.desk.begin().await?;
    let nobody = tx.mint().await?;
    let mut lost = agent(tx.mint().await?, "Lost");
    lost.pool = Some(PoolId::new(nobody));
    tx.save_agent(&lost).await?;
    refused!(house.refused(tx).await?, ConfigError::Dangling { .. });

    let mut tx = house.desk.begin().await?;
    let lost = member(tx.mint().await?, nobody);
    tx.save_group(&group(house.second.id.get(), "Second", Strategy::Priority, vec![lost])).await?;
    refused!(house.refused(tx).await?, ConfigError::Dangling { .. });

    for fallback in [Fallback::Agent(AgentId::new(nobody)), Fallback::Group(GroupId::new(nobody))] {
        let mut tx = house.desk.begin().await?;
        let mut lost = house.second.clone();
        lost.settings.fallback = Some(fallback);
        tx.save_group(&lost).await?;
        refused!(house.refused(tx).await?, ConfigError::Dangling { .. });
    }
    for target in [Target::Agent(AgentId::new(nobody)), Target::Group(GroupId::new(nobody))] {
        let mut tx = house.desk.begin().await?;
        let id = tx.mint().await?;
        tx.save_inbound_rule(&inbound_rule(id, "2*", target)).await?;
        refused!(house.refused(tx).await?, ConfigError::Dangling { .. });
    }
    Ok(())
}

pub(super) async fn what_is_referred_to_is_not_deleted(bench: &StoreBench) -> Checked {
    let house = house(bench, "needed.example").await?;
    let mut tx = house.desk.begin().await?;
    tx.delete_pool(PoolId::new(house.pool)).await?;
    refused!(house.refused(tx).await?, ConfigError::Dangling { .. });
    let mut tx = house.desk.begin().await?;
    tx.delete_agent(AgentId::new(house.agent)).await?;
    refused!(house.refused(tx).await?, ConfigError::Dangling { .. });
    let mut tx = house.desk.begin().await?;
    tx.delete_group(house.first.id).await?;
    refused!(house.refused(tx).await?, ConfigError::Dangling { .. });
    Ok(())
}

pub(super) async fn an_agent_is_a_member_once(bench: &StoreBench) -> Checked {
    let house = house(bench, "twice.example").await?;
    let mut tx = house.desk.begin().await?;
    let mut twice = house.first.clone();
    twice.members.push(member(tx.mint().await?, house.agent));
    tx.save_group(&twice).await?;
    refused!(house.refused(tx).await?, ConfigError::MemberTwice { .. });
    Ok(())
}

pub(super) async fn a_membership_has_an_id_of_its_own(bench: &StoreBench) -> Checked {
    let house = house(bench, "borrowed.example").await?;
    let mut tx = house.desk.begin().await?;
    let mut second = house.second.clone();
    second.members = house.first.members.clone();
    assert!(!second.members.is_empty(), "the fixture's first group has a member");
    tx.save_group(&second).await?;
    refused!(house.refused(tx).await?, ConfigError::IdTaken { kind: "memberships", .. });
    Ok(())
}

pub(super) async fn fallbacks_in_a_circle_or_too_long_are_refused(bench: &StoreBench) -> Checked {
    let house = house(bench, "circle.example").await?;
    let to = |from: &Group, to: GroupId| {
        let mut from = from.clone();
        from.settings.fallback = Some(Fallback::Group(to));
        from
    };
    let mut tx = house.desk.begin().await?;
    tx.save_group(&to(&house.first, house.second.id)).await?;
    tx.save_group(&to(&house.second, house.first.id)).await?;
    refused!(house.refused(tx).await?, ConfigError::FallbackCircle { .. });

    let mut tx = house.desk.begin().await?;
    let mut last = house.first.clone();
    for n in 0..4 {
        let next = group(tx.mint().await?, &format!("Group {n}"), Strategy::Priority, Vec::new());
        tx.save_group(&to(&last, next.id)).await?;
        last = next;
    }
    tx.save_group(&last).await?;
    refused!(house.refused(tx).await?, ConfigError::FallbackTooLong { .. });
    Ok(())
}

pub(super) async fn rules_that_conflict_are_refused_unless_one_is_disabled(bench: &StoreBench) -> Checked {
    let house = house(bench, "rules.example").await?;
    let mut tx = house.desk.begin().await?;
    let mut inbound = inbound_rule(tx.mint().await?, "1*", Target::Group(house.second.id));
    tx.save_inbound_rule(&inbound).await?;
    let reason = house.refused(tx).await?;
    let named = match &reason {
        ConfigError::RuleConflict { first, second, .. } => (first.get(), second.get()),
        other => return Err(Broken::because(format!("expected a conflict, got {other:?}"))),
    };
    assert_eq!(named, (house.rule, inbound.id.get()), "each is named");

    let mut tx = house.desk.begin().await?;
    let mut outbound = outbound_rule(tx.mint().await?, "*", "1*");
    tx.save_outbound_rule(&outbound).await?;
    refused!(house.refused(tx).await?, ConfigError::RuleConflict { .. });

    (inbound.enabled, outbound.enabled) = (false, false);
    let mut tx = house.desk.begin().await?;
    tx.save_inbound_rule(&inbound).await?;
    tx.save_outbound_rule(&outbound).await?;
    let mut other = inbound.clone();
    (other.id, other.enabled, other.priority) = (crate::id::RuleId::new(tx.mint().await?), true, 11);
    tx.save_inbound_rule(&other).await?;
    tx.commit(START).await?;
    Ok(())
}

pub(super) async fn settings_out_of_range_are_refused(bench: &StoreBench) -> Checked {
    let house = house(bench, "range.example").await?;
    let mut tx = house.desk.begin().await?;
    let mut wide = house.first.clone();
    wide.settings.window_hours = 169;
    tx.save_group(&wide).await?;
    refused!(house.refused(tx).await?, ConfigError::GroupSettings { .. });

    let mut tx = house.desk.begin().await?;
    let mut tenant = tx.tenant().await?;
    tenant.settings.timezone = "Mars/Olympus".to_owned();
    tx.save_tenant(&tenant).await?;
    refused!(house.refused(tx).await?, ConfigError::TenantSettings(_));

    let mut tx = house.desk.begin().await?;
    let mut rule = outbound_rule(house.rule, "*", "1*");
    rule.trunk_config.timeout = Some(4);
    tx.save_outbound_rule(&rule).await?;
    refused!(house.refused(tx).await?, ConfigError::TrunkConfig { .. });
    Ok(())
}
