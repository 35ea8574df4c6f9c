//! Laws about what changed: a server that follows the changes has what a server that reads everything has.

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::config::{Configuration, InboundRule, Target};
use crate::conformance::fixture::{START, agent, inbound_rule, outbound_rule, pool};
use crate::id::{AgentId, RuleId};
use crate::port::{Change, Changes, RuleChange};

/// A tenant with one agent, and so many rules to it.
async fn with_rules<const N: usize>(
    bench: &StoreBench,
    domain: &str,
) -> Result<(Desk, [InboundRule; N]), Broken> {
    let desk = bench.tenant(domain).await?;
    let mut tx = desk.begin().await?;
    let a = tx.mint().await?;
    tx.save_agent(&agent(a, "A")).await?;
    let mut rules = Vec::new();
    for n in 0..N {
        let id = tx.mint().await?;
        let rule = inbound_rule(id, &format!("{n}*"), Target::Agent(AgentId::new(a)));
        tx.save_inbound_rule(&rule).await?;
        rules.push(rule);
    }
    tx.commit(START).await?;
    let rules = rules.try_into().map_err(|_| Broken::because("so many rules"))?;
    Ok((desk, rules))
}

async fn changes(desk: &Desk, since: u64) -> Result<Changes, Broken> {
    Ok(desk.read().await?.changes_since(since).await?)
}

pub(super) async fn nothing_has_changed_since_the_present_revision(bench: &StoreBench) -> Checked {
    let (desk, [_]) = with_rules(bench, "present.example").await?;
    let revision = desk.revision().await?;
    let expected = Changes::Rules { revision, changes: Vec::new() };
    assert_eq!(changes(&desk, revision).await?, expected);
    Ok(())
}

pub(super) async fn a_single_rule_that_changed_is_told_alone(bench: &StoreBench) -> Checked {
    let (desk, [first, _second]) = with_rules(bench, "single.example").await?;
    let since = desk.revision().await?;
    let mut changed = first.clone();
    changed.priority = 3;
    let mut tx = desk.begin().await?;
    tx.save_inbound_rule(&changed).await?;
    let revision = tx.commit(START).await?;
    let change = Change::Inbound(RuleChange { before: Some(first), after: Some(changed) });
    assert_eq!(changes(&desk, since).await?, Changes::Rules { revision, changes: vec![change] });
    Ok(())
}

pub(super) async fn rules_that_came_and_went_are_told_with_what_they_were(bench: &StoreBench) -> Checked {
    let (desk, [first]) = with_rules(bench, "came.example").await?;
    let since = desk.revision().await?;
    let mut tx = desk.begin().await?;
    let added = outbound_rule(tx.mint().await?, "*", "44*");
    tx.save_outbound_rule(&added).await?;
    tx.commit(START).await?;
    let mut tx = desk.begin().await?;
    tx.delete_inbound_rule(first.id).await?;
    let revision = tx.commit(START).await?;
    let expected = vec![
        Change::Outbound(RuleChange { before: None, after: Some(added) }),
        Change::Inbound(RuleChange { before: Some(first), after: None }),
    ];
    assert_eq!(changes(&desk, since).await?, Changes::Rules { revision, changes: expected });
    Ok(())
}

pub(super) async fn following_the_changes_leads_to_the_configuration(bench: &StoreBench) -> Checked {
    let (desk, [first, second, third]) = with_rules(bench, "follow.example").await?;
    let mut followed = vec![desk.configuration().await?];
    let steps: [&[(&InboundRule, u32)]; 4] = [
        &[(&first, 1), (&second, 2)],
        &[(&first, 2), (&second, 1)],
        &[(&third, 1), (&third, 7), (&first, 5)],
        &[(&second, 9)],
    ];
    for step in steps {
        let mut tx = desk.begin().await?;
        for (rule, priority) in step {
            tx.save_inbound_rule(&InboundRule { priority: *priority, ..(*rule).clone() }).await?;
        }
        tx.commit(START).await?;
        followed.push(desk.configuration().await?);
    }
    let last = desk.configuration().await?;
    for mut from in followed {
        let since = from.revision;
        let told = changes(&desk, since).await?;
        follow(&mut from, told)?;
        assert_eq!(from, last, "from revision {since}");
    }
    Ok(())
}

pub(super) async fn what_is_no_rule_is_told_as_everything(bench: &StoreBench) -> Checked {
    let (desk, [rule]) = with_rules(bench, "everything.example").await?;
    let since = desk.revision().await?;
    let mut tx = desk.begin().await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, "Pool")).await?;
    tx.save_inbound_rule(&InboundRule { priority: 77, ..rule.clone() }).await?;
    let revision = tx.commit(START).await?;
    assert_eq!(changes(&desk, since).await?, Changes::Everything);
    let mut tx = desk.begin().await?;
    tx.delete_inbound_rule(rule.id).await?;
    tx.commit(START).await?;
    assert_eq!(changes(&desk, since).await?, Changes::Everything, "not only what came after it");
    let told = changes(&desk, revision).await?;
    assert!(matches!(&told, Changes::Rules { changes, .. } if changes.len() == 1), "{told:?}");
    Ok(())
}

pub(super) async fn a_revision_that_never_was_is_told_everything(bench: &StoreBench) -> Checked {
    let (desk, [_]) = with_rules(bench, "future.example").await?;
    let revision = desk.revision().await?;
    assert_eq!(changes(&desk, revision + 1).await?, Changes::Everything, "another store's snapshot");
    assert_eq!(changes(&desk, 0).await?, Changes::Everything, "before the tenant was");
    Ok(())
}

pub(super) async fn changes_that_were_rolled_back_or_refused_are_not_told(bench: &StoreBench) -> Checked {
    let (desk, [first, second]) = with_rules(bench, "untold.example").await?;
    let revision = desk.revision().await?;
    let mut tx = desk.begin().await?;
    tx.save_inbound_rule(&InboundRule { priority: 3, ..first.clone() }).await?;
    drop(tx);
    let mut tx = desk.begin().await?;
    tx.save_inbound_rule(&InboundRule { pattern: first.pattern.clone(), ..second }).await?;
    assert!(tx.commit(START).await.is_err());
    assert_eq!(changes(&desk, revision).await?, Changes::Rules { revision, changes: Vec::new() });
    Ok(())
}

/// Does what a server does with changes.
pub(super) fn follow(configuration: &mut Configuration, told: Changes) -> Checked {
    let Changes::Rules { revision, changes } = told else {
        return Err(Broken::because("only rules have changed"));
    };
    for change in changes {
        match change {
            Change::Inbound(change) => {
                replace(&mut configuration.inbound_rules, change, |rule| rule.id);
            }
            Change::Outbound(change) => {
                replace(&mut configuration.outbound_rules, change, |rule| rule.id);
            }
        }
    }
    configuration.revision = revision;
    Ok(())
}

fn replace<R: PartialEq + std::fmt::Debug>(rules: &mut Vec<R>, change: RuleChange<R>, id: fn(&R) -> RuleId) {
    if let Some(before) = &change.before {
        let there = rules.iter().position(|rule| id(rule) == id(before));
        assert_eq!(there.map(|index| rules.remove(index)).as_ref(), Some(before), "what it was before");
    }
    rules.extend(change.after);
    rules.sort_by_key(id);
}
