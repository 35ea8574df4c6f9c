//! Laws about isolation: a tenant's scope leads to that tenant and nowhere else, whatever ids it is asked for.

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::call::{Ingested, Outcome};
use crate::config::{ConfigError, Fallback, Strategy, Target};
use crate::conformance::fixture::{
    Exchange, START, Script, agent, group, inbound_rule, member, outbound_rule, pool, roster, sealed, seat,
    seconds,
};
use crate::id::{AgentId, CallId, GroupId, PoolId, RuleId};
use crate::port::{CallFilter, Deleted, Page, StoreError};

/// Two tenants; the second has an agent, a pool, a group and rules of ids that the first has not.
struct Neighbours {
    mine: Desk,
    theirs: Desk,
    agent: u64,
    pool: u64,
    group: u64,
    inbound: u64,
    outbound: u64,
}

async fn neighbours(bench: &StoreBench, name: &str) -> Result<Neighbours, Broken> {
    let mine = bench.tenant(&format!("mine-{name}.example")).await?;
    let theirs = bench.tenant(&format!("theirs-{name}.example")).await?;
    let mut tx = theirs.begin().await?;
    // Ids are the tenants' own: high ones, that the first tenant cannot have.
    for _ in 0..20 {
        tx.mint().await?;
    }
    let (a, p, g) = (tx.mint().await?, tx.mint().await?, tx.mint().await?);
    let (inbound, outbound) = (tx.mint().await?, tx.mint().await?);
    tx.save_pool(&pool(p, "Pool")).await?;
    tx.save_agent(&agent(a, "Agent")).await?;
    let id = tx.mint().await?;
    tx.save_group(&group(g, "Group", Strategy::Priority, vec![member(id, a)])).await?;
    tx.save_inbound_rule(&inbound_rule(inbound, "1*", Target::Agent(AgentId::new(a)))).await?;
    tx.save_outbound_rule(&outbound_rule(outbound, "*", "1*")).await?;
    let mut tenant = tx.tenant().await?;
    (tenant.name, tenant.keys.signature_secret) = ("Theirs".to_owned(), Some(sealed("theirs")));
    tx.save_tenant(&tenant).await?;
    tx.commit(START).await?;
    Ok(Neighbours { mine, theirs, agent: a, pool: p, group: g, inbound, outbound })
}

pub(super) async fn configuration_is_read_of_the_own_tenant_only(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "read").await?;
    let mine = house.mine.configuration().await?;
    assert_eq!((mine.tenant.id, mine.tenant.name.as_str()), (house.mine.id, "Example"));
    assert_eq!(mine.tenant.keys.signature_secret, None);
    let lists = (&mine.pools, &mine.agents, &mine.groups, &mine.inbound_rules, &mine.outbound_rules);
    assert_eq!(lists, (&vec![], &vec![], &vec![], &vec![], &vec![]));
    let mut read = house.mine.read().await?;
    assert_eq!(read.names().await?, crate::port::Names::default());
    assert!(mine.revision < house.theirs.revision().await?, "its revision is its own");
    assert_eq!(read.revision().await?, mine.revision);
    Ok(())
}

pub(super) async fn another_tenants_ids_delete_nothing(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "delete").await?;
    let before = house.theirs.configuration().await?;
    let mut tx = house.mine.begin().await?;
    assert_eq!(tx.delete_pool(PoolId::new(house.pool)).await?, Deleted::NotFound);
    assert_eq!(tx.delete_agent(AgentId::new(house.agent)).await?, Deleted::NotFound);
    assert_eq!(tx.delete_group(GroupId::new(house.group)).await?, Deleted::NotFound);
    assert_eq!(tx.delete_inbound_rule(RuleId::new(house.inbound)).await?, Deleted::NotFound);
    assert_eq!(tx.delete_outbound_rule(RuleId::new(house.outbound)).await?, Deleted::NotFound);
    tx.commit(START).await?;
    assert_eq!(house.theirs.configuration().await?, before);
    Ok(())
}

pub(super) async fn another_tenants_ids_are_no_references(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "refer").await?;
    let before = house.mine.configuration().await?;
    let theirs = AgentId::new(house.agent);
    for case in 0..6 {
        let mut tx = house.mine.begin().await?;
        let id = tx.mint().await?;
        let mut own = group(id, "Own", Strategy::Priority, Vec::new());
        let mut pooled = agent(id, "Own");
        match case {
            0 => {
                pooled.pool = Some(PoolId::new(house.pool));
                tx.save_agent(&pooled).await?;
            }
            1 => {
                own.members.push(member(tx.mint().await?, house.agent));
                tx.save_group(&own).await?;
            }
            2 => {
                own.settings.fallback = Some(Fallback::Agent(theirs));
                tx.save_group(&own).await?;
            }
            3 => {
                own.settings.fallback = Some(Fallback::Group(GroupId::new(house.group)));
                tx.save_group(&own).await?;
            }
            4 => tx.save_inbound_rule(&inbound_rule(id, "1*", Target::Agent(theirs))).await?,
            _ => {
                let target = Target::Group(GroupId::new(house.group));
                tx.save_inbound_rule(&inbound_rule(id, "1*", target)).await?;
            }
        }
        let refused = tx.commit(START).await;
        let dangling = matches!(refused, Err(StoreError::Invalid(ConfigError::Dangling { .. })));
        assert!(dangling, "case {case}: the same answer as for an unknown id, got {refused:?}");
        assert_eq!(house.mine.configuration().await?, before);
    }
    Ok(())
}

pub(super) async fn equal_ids_names_and_patterns_of_two_tenants_are_apart(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "equal").await?;
    let before = house.theirs.configuration().await?;
    let mut tx = house.mine.begin().await?;
    let mut own = agent(house.agent, "Agent");
    own.service_value = sealed("mine");
    tx.save_agent(&own).await?;
    let own_group = group(house.group, "Group", Strategy::RoundRobin, vec![member(1, house.agent)]);
    tx.save_group(&own_group).await?;
    tx.save_inbound_rule(&inbound_rule(house.inbound, "1*", Target::Group(own_group.id))).await?;
    tx.save_outbound_rule(&outbound_rule(house.outbound, "*", "1*")).await?;
    tx.commit(START).await?;
    assert_eq!(house.theirs.configuration().await?, before);
    let mut tx = house.mine.begin().await?;
    tx.delete_inbound_rule(RuleId::new(house.inbound)).await?;
    tx.delete_group(own_group.id).await?;
    tx.commit(START).await?;
    assert_eq!(house.theirs.configuration().await?, before);
    assert_eq!(house.mine.configuration().await?.agents, [own]);
    Ok(())
}

pub(super) async fn changes_are_told_of_the_own_tenant_only(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "changes").await?;
    let since = house.mine.revision().await?;
    let mut tx = house.theirs.begin().await?;
    tx.delete_inbound_rule(RuleId::new(house.inbound)).await?;
    tx.commit(START).await?;
    let told = house.mine.read().await?.changes_since(since).await?;
    assert_eq!(told, crate::port::Changes::Rules { revision: since, changes: Vec::new() });
    Ok(())
}

pub(super) async fn transactions_of_two_tenants_do_not_share_what_they_save(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "tx").await?;
    let mut mine = house.mine.begin().await?;
    let id = mine.mint().await?;
    mine.save_pool(&pool(id, "Mine")).await?;
    let revision = house.theirs.revision().await?;
    mine.commit(START).await?;
    assert_eq!(house.theirs.revision().await?, revision);
    assert!(house.theirs.configuration().await?.pools.iter().all(|pool| pool.name != "Mine"));
    Ok(())
}

pub(super) async fn equal_tokens_in_two_tenants_are_two_calls(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "tokens").await?;
    let script = Script::new("the-same", 1);
    let (mine, theirs) = (script.voice(7), script.voice_through(20, 8));
    assert_eq!(mine.key, theirs.key);
    let batch = vec![(house.mine.scope.clone(), mine), (house.theirs.scope.clone(), theirs)];
    for result in house.mine.store.ingest(batch).await {
        assert!(matches!(result?, Ingested::Committed(Some(_))), "not a copy of the other tenant's");
    }
    house.theirs.take(script.fail_over(1, Outcome::Busy, 20, 9)).await?;
    house.theirs.take(script.cdr("ANSWER", 5)).await?;
    let mine = house.mine.detail(script.token()).await?.ok_or_else(|| Broken::because("my call"))?;
    let theirs = house.theirs.detail(script.token()).await?.ok_or_else(|| Broken::because("their call"))?;
    assert_eq!((mine.call.attempts.len(), mine.call.state.is_terminal()), (1, false));
    assert_eq!((theirs.call.attempts.len(), theirs.call.state.is_terminal()), (2, true));
    assert_eq!((mine.traces.len(), theirs.traces.len()), (1, 2));
    assert!(mine.history.len() < theirs.history.len());
    assert_eq!(mine.call.id, theirs.call.id, "ids are the tenant's own too");
    Ok(())
}

pub(super) async fn calls_receipts_and_audit_are_read_of_the_own_tenant_only(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "calls").await?;
    let script = Script::new("theirs", 1);
    let signal = script.voice_through(20, 7);
    house.theirs.take(signal.clone()).await?;
    let mut read = house.mine.read().await?;
    assert_eq!(read.call(script.token()).await?, None);
    assert_eq!(read.call_detail(script.token()).await?, None);
    assert_eq!(read.answer(script.token(), signal.key).await?, None);
    assert_eq!(read.audit(script.token()).await?, []);
    assert_eq!(read.audit_count().await?, 0);
    for filter in [
        CallFilter::default(),
        CallFilter { agent: Some(AgentId::new(7)), ..CallFilter::default() },
        CallFilter { group: Some(GroupId::new(20)), ..CallFilter::default() },
        CallFilter { from: Some(START), until: Some(seconds(100)), ..CallFilter::default() },
    ] {
        let newest = Page { after: None, limit: 10 };
        assert_eq!(read.calls(&filter, newest).await?, []);
        let after = Page { after: Some(CallId::new(script.id().get() + 1)), limit: 10 };
        assert_eq!(read.calls(&filter, after).await?, []);
    }
    drop(read);
    assert_eq!(house.mine.take(script.update("connected")).await?, Ingested::Committed(None));
    let theirs = house.theirs.call(script.token()).await?;
    assert_ne!(theirs.map(|call| call.state), Some(crate::call::CallState::Connected));
    Ok(())
}

pub(super) async fn a_plane_image_holds_the_own_tenants_books_only(bench: &StoreBench) -> Checked {
    let house = neighbours(bench, "image").await?;
    let mut exchange = Exchange::new(vec![roster(20, Strategy::RoundRobin, vec![seat(7), seat(8)])]);
    for n in 0..3 {
        house.theirs.take(exchange.voice(&format!("call {n}"))).await?;
    }
    let image = house.mine.read().await?.plane_image(exchange.now()).await?;
    let empty = crate::strategy::PlaneImage { at: exchange.now(), ..Default::default() };
    assert_eq!(image, empty);
    let image = house.theirs.read().await?.plane_image(exchange.now()).await?;
    assert_eq!((image.seq, image.sessions.len()), (3, 3));
    Ok(())
}
