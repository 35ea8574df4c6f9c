//! What is deleted must not be in use by what the file leaves untouched. Said with names, which a check by ids cannot.

use std::collections::HashMap;
use std::hash::Hash;

use cxroute_core::config::{Configuration, Fallback, Target};

use crate::config_file::read::FormError;

/// Refuses a plan in which something deleted is still referred to.
pub(super) fn check(before: &Configuration, after: &Configuration) -> Result<(), FormError> {
    let agents = deleted(&before.agents, &after.agents, |agent| (agent.id, &agent.name));
    let groups = deleted(&before.groups, &after.groups, |group| (group.id, &group.name));
    let pools = deleted(&before.pools, &after.pools, |pool| (pool.id, &pool.name));
    for agent in &after.agents {
        if let Some(name) = agent.pool.and_then(|id| pools.get(&id)) {
            return refused("pool", name, &format!("agent {:?} belongs to it", agent.name));
        }
    }
    for group in &after.groups {
        if let Some(name) = group.members.iter().find_map(|member| agents.get(&member.agent)) {
            return refused("agent", name, &format!("it is a member of group {:?}", group.name));
        }
        let fallback = format!("it is the fallback of group {:?}", group.name);
        match &group.settings.fallback {
            Some(Fallback::Agent(id)) => {
                agents.get(id).map_or(Ok(()), |name| refused("agent", name, &fallback))?
            }
            Some(Fallback::Group(id)) => {
                groups.get(id).map_or(Ok(()), |name| refused("group", name, &fallback))?
            }
            _ => {}
        }
    }
    for rule in &after.inbound_rules {
        let target = || format!("it is the target of inbound rule {:?}", rule.pattern.typed());
        match rule.target {
            Target::Agent(id) => agents.get(&id).map_or(Ok(()), |name| refused("agent", name, &target()))?,
            Target::Group(id) => groups.get(&id).map_or(Ok(()), |name| refused("group", name, &target()))?,
        }
    }
    Ok(())
}

fn refused(kind: &str, name: &str, why: &str) -> Result<(), FormError> {
    Err(FormError::new(None, format!("{kind} {name:?} is not in {kind}s any more, but {why}")))
}

fn deleted<'a, T, Id: Hash + Eq>(
    before: &'a [T],
    after: &[T],
    key: impl Fn(&T) -> (Id, &String),
) -> HashMap<Id, &'a str>
where
    T: 'a,
{
    let kept: std::collections::HashSet<Id> = after.iter().map(|item| key(item).0).collect();
    let gone = before.iter().map(&key).filter(|(id, _)| !kept.contains(id));
    gone.map(|(id, name)| (id, name.as_str())).collect()
}
