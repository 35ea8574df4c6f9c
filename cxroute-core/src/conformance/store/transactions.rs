//! Laws about transactions: all or nothing, one after the other, one revision each.

use std::collections::BTreeSet;

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::config::{Strategy, Target};
use crate::conformance::fixture::{START, agent, group, inbound_rule, member, pool};
use crate::id::{AgentId, GroupId, PoolId};
use crate::port::{Deleted, TenantTx};

pub(super) async fn a_commit_raises_the_revision_by_one(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("revision.example").await?;
    let start = desk.revision().await?;
    for more in 1..=3 {
        let mut tx = desk.begin().await?;
        for _ in 0..more {
            let id = tx.mint().await?;
            tx.save_pool(&pool(id, &format!("Pool {id}"))).await?;
        }
        assert_eq!(tx.commit(START).await?, start + more, "however much it changes");
        assert_eq!(desk.revision().await?, start + more);
        assert_eq!(desk.configuration().await?.revision, start + more);
    }
    Ok(())
}

pub(super) async fn a_commit_that_changes_nothing_keeps_the_revision(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("idle.example").await?;
    let mut tx = desk.begin().await?;
    let (a, one, rule) = (tx.mint().await?, tx.mint().await?, tx.mint().await?);
    let saved = group(one, "Group", Strategy::RoundRobin, vec![member(tx.mint().await?, a)]);
    let rule = inbound_rule(rule, "1*", Target::Group(GroupId::new(one)));
    tx.save_agent(&agent(a, "A")).await?;
    tx.save_group(&saved).await?;
    tx.save_inbound_rule(&rule).await?;
    let revision = tx.commit(START).await?;

    assert_eq!(desk.begin().await?.commit(START).await?, revision, "nothing was saved");
    let mut tx = desk.begin().await?;
    let tenant = tx.tenant().await?;
    tx.save_tenant(&tenant).await?;
    tx.save_agent(&agent(a, "A")).await?;
    tx.save_group(&saved).await?;
    tx.save_inbound_rule(&rule).await?;
    assert_eq!(tx.commit(START).await?, revision, "what was saved was there");
    assert_eq!(desk.revision().await?, revision);
    Ok(())
}

pub(super) async fn a_transaction_that_is_dropped_leaves_nothing_behind(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("dropped.example").await?;
    let kept = kept_pool(&desk).await?;
    let before = desk.configuration().await?;
    let mut tx = desk.begin().await?;
    let (id, other) = (tx.mint().await?, tx.mint().await?);
    let mut tenant = tx.tenant().await?;
    tenant.name = "Gone".to_owned();
    tx.save_tenant(&tenant).await?;
    tx.save_pool(&pool(id, "Gone")).await?;
    tx.save_agent(&agent(other, "Gone")).await?;
    assert_eq!(tx.delete_pool(PoolId::new(kept)).await?, Deleted::Gone);
    drop(tx);
    assert_eq!(desk.configuration().await?, before);
    let mut tx = desk.begin().await?;
    tx.save_pool(&pool(kept, "Renamed")).await?;
    assert_eq!(tx.commit(START).await?, before.revision + 1, "the next one is not in its way");
    Ok(())
}

pub(super) async fn a_transaction_sees_its_own_changes_and_nobody_else_does(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("own.example").await?;
    let before = desk.configuration().await?;
    let mut tx = desk.begin().await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, "Pool")).await?;
    let mut tenant = tx.tenant().await?;
    tenant.name = "Renamed".to_owned();
    tx.save_tenant(&tenant).await?;
    let inside = tx.configuration().await?;
    assert_eq!(inside.pools, [pool(id, "Pool")]);
    assert_eq!((inside.tenant, tx.tenant().await?), (tenant.clone(), tenant));
    assert_eq!(desk.configuration().await?, before);
    let revision = tx.commit(START).await?;
    let after = desk.configuration().await?;
    assert_eq!((after.revision, after.pools), (revision, vec![pool(id, "Pool")]));
    Ok(())
}

pub(super) async fn transactions_of_a_tenant_happen_one_after_the_other(bench: &StoreBench) -> Checked {
    const WRITERS: u64 = 8;
    let desk = bench.tenant("serial.example").await?;
    let start = desk.revision().await?;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let desk = Desk::of(desk.store.clone(), desk.id);
        writers.spawn(async move {
            let mut tx = desk.begin().await?;
            let there = tx.configuration().await?.pools.len();
            tokio::task::yield_now().await;
            let id = tx.mint().await?;
            tx.save_pool(&pool(id, &format!("Pool {there}"))).await?;
            tx.commit(START).await
        });
    }
    let mut revisions = BTreeSet::new();
    while let Some(result) = writers.join_next().await {
        revisions.insert(result??);
    }
    assert_eq!(revisions, (start + 1..=start + WRITERS).collect(), "one revision each");
    let pools = desk.configuration().await?.pools;
    let names: BTreeSet<_> = pools.into_iter().map(|pool| pool.name).collect();
    assert_eq!(names, (0..WRITERS).map(|there| format!("Pool {there}")).collect(), "each saw the one before");
    Ok(())
}

pub(super) async fn minted_ids_never_repeat(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("mint.example").await?;
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        let mut tx = desk.begin().await?;
        let mut minted = Vec::new();
        for _ in 0..3 {
            let id = tx.mint().await?;
            assert!(seen.insert(id), "{id} was given twice, in round {round}");
            assert!((1..1 << 53).contains(&id), "{id} fits JSON's numbers");
            minted.push(id);
        }
        // One is saved, one is saved and deleted at once, one is not used at all.
        tx.save_pool(&pool(minted[0], &format!("Pool {round}"))).await?;
        tx.save_agent(&agent(minted[1], "Agent")).await?;
        tx.delete_agent(AgentId::new(minted[1])).await?;
        tx.commit(START).await?;
        let mut tx = desk.begin().await?;
        tx.delete_pool(PoolId::new(minted[0])).await?;
        tx.commit(START).await?;
    }
    Ok(())
}

pub(super) async fn the_order_of_saves_within_a_transaction_does_not_matter(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("order.example").await?;
    let mut tx = desk.begin().await?;
    let (rule, one, m, a, of) =
        (tx.mint().await?, tx.mint().await?, tx.mint().await?, tx.mint().await?, tx.mint().await?);
    let rule = inbound_rule(rule, "1*", Target::Group(GroupId::new(one)));
    let saved = group(one, "Group", Strategy::Priority, vec![member(m, a)]);
    let mut pooled = agent(a, "A");
    pooled.pool = Some(PoolId::new(of));
    tx.save_inbound_rule(&rule).await?;
    tx.save_group(&saved).await?;
    tx.save_agent(&pooled).await?;
    tx.save_pool(&pool(of, "Pool")).await?;
    tx.commit(START).await?;
    let after = desk.configuration().await?;
    assert_eq!((after.inbound_rules, after.groups, after.agents), (vec![rule], vec![saved], vec![pooled]));

    let mut tx = desk.begin().await?;
    tx.delete_pool(PoolId::new(of)).await?;
    tx.delete_agent(AgentId::new(a)).await?;
    tx.delete_group(GroupId::new(one)).await?;
    for rule in &desk.configuration().await?.inbound_rules {
        tx.delete_inbound_rule(rule.id).await?;
    }
    tx.commit(START).await?;
    Ok(())
}

pub(super) async fn names_and_priorities_can_be_swapped_in_one_transaction(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("swap.example").await?;
    let mut tx = desk.begin().await?;
    let (a, b, first, second) = (tx.mint().await?, tx.mint().await?, tx.mint().await?, tx.mint().await?);
    let rule = |id, priority| {
        let mut rule = inbound_rule(id, "1*", Target::Agent(AgentId::new(a)));
        rule.priority = priority;
        rule
    };
    save_pair(tx.as_mut(), [agent(a, "Left"), agent(b, "Right")], [rule(first, 1), rule(second, 2)]).await?;
    tx.commit(START).await?;
    let mut tx = desk.begin().await?;
    save_pair(tx.as_mut(), [agent(a, "Right"), agent(b, "Left")], [rule(first, 2), rule(second, 1)]).await?;
    tx.commit(START).await?;
    let after = desk.configuration().await?;
    assert_eq!(after.agents, [agent(a, "Right"), agent(b, "Left")]);
    assert_eq!(after.inbound_rules, [rule(first, 2), rule(second, 1)]);
    Ok(())
}

async fn save_pair(
    tx: &mut dyn TenantTx,
    agents: [crate::config::Agent; 2],
    rules: [crate::config::InboundRule; 2],
) -> Checked {
    for agent in &agents {
        tx.save_agent(agent).await?;
    }
    for rule in &rules {
        tx.save_inbound_rule(rule).await?;
    }
    Ok(())
}

async fn kept_pool(desk: &Desk) -> Result<u64, Broken> {
    let mut tx = desk.begin().await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, "Kept")).await?;
    tx.commit(START).await?;
    Ok(id)
}
