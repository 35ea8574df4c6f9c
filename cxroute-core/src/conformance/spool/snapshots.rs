//! Laws about snapshots: the last configuration known of each tenant.

use super::super::Checked;
use super::SpoolBench;
use crate::config::{Configuration, Domain, Strategy, Target};
use crate::conformance::fixture::{
    agent, empty_configuration, group, inbound_rule, member, outbound_rule, pool, sealed,
};
use crate::id::{GroupId, TenantId};

fn configuration(tenant: u64, domain: &Domain, revision: u64) -> Configuration {
    let mut configuration = empty_configuration(TenantId::new(tenant), "Example", domain, revision);
    configuration.tenant.keys.webhook_keys = vec![[7; 32]];
    configuration.tenant.keys.signature_secret = Some(sealed("signature"));
    configuration.pools = vec![pool(1, "Pool")];
    configuration.agents = vec![agent(2, "Ägent")];
    configuration.groups = vec![group(3, "Group", Strategy::Priority, vec![member(4, 2)])];
    configuration.inbound_rules = vec![inbound_rule(5, "1*", Target::Group(GroupId::new(3)))];
    configuration.outbound_rules = vec![outbound_rule(6, "*", "44*")];
    configuration
}

pub(super) async fn an_unknown_domain_has_no_snapshot(bench: &SpoolBench) -> Checked {
    assert_eq!(bench.spool.snapshot(&Domain::parse("nobody.example")?).await?, None);
    Ok(())
}

pub(super) async fn a_snapshot_comes_back_whole(bench: &SpoolBench) -> Checked {
    let (one, two) = (Domain::parse("one.example")?, Domain::parse("two.example")?);
    let (first, second) = (configuration(1, &one, 5), configuration(2, &two, 3));
    bench.spool.save_snapshot(&first).await?;
    bench.spool.save_snapshot(&second).await?;
    assert_eq!(bench.spool.snapshot(&one).await?, Some(first));
    assert_eq!(bench.spool.snapshot(&two).await?, Some(second));
    assert!(bench.spool.is_empty(), "snapshots are no signals");
    Ok(())
}

pub(super) async fn a_newer_snapshot_replaces_an_older_one_and_never_the_reverse(
    bench: &SpoolBench,
) -> Checked {
    let domain = Domain::parse("one.example")?;
    bench.spool.save_snapshot(&configuration(1, &domain, 5)).await?;
    let mut newer = configuration(1, &domain, 6);
    newer.agents[0].name = "Newer".to_owned();
    bench.spool.save_snapshot(&newer).await?;
    assert_eq!(bench.spool.snapshot(&domain).await?.as_ref(), Some(&newer));
    newer.agents[0].name = "Sealed anew".to_owned();
    bench.spool.save_snapshot(&newer).await?;
    assert_eq!(bench.spool.snapshot(&domain).await?.as_ref(), Some(&newer), "of the same revision");
    bench.spool.save_snapshot(&configuration(1, &domain, 4)).await?;
    assert_eq!(bench.spool.snapshot(&domain).await?, Some(newer), "an older one changes nothing");
    Ok(())
}

pub(super) async fn domains_are_told_largest_first_and_no_more_than_are_asked_for(
    bench: &SpoolBench,
) -> Checked {
    let small = Domain::parse("small.example")?;
    let (large, middle) = (Domain::parse("large.example")?, Domain::parse("middle.example")?);
    for (tenant, domain, agents) in [(1, &small, 1), (2, &large, 300), (3, &middle, 30)] {
        let mut configuration = configuration(tenant, domain, 5);
        configuration.agents = (0..agents).map(|id| agent(id + 10, "Agent")).collect();
        bench.spool.save_snapshot(&configuration).await?;
    }
    assert_eq!(bench.spool.domains(10).await?, [large.clone(), middle.clone(), small]);
    assert_eq!(bench.spool.domains(2).await?, [large, middle]);
    assert!(bench.spool.domains(0).await?.is_empty());
    Ok(())
}
