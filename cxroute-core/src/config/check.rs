//! What spans aggregates: unique names, references that exist, fallbacks without circles, rules without conflicts.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Configuration, Fallback, Group, SettingsError, Target, TenantSettingsError};
use crate::id::{AgentId, GroupId, RuleId};

/// A fallback chain has at most this many groups, the first included.
pub const MAX_FALLBACK_GROUPS: usize = 4;

/// Why a configuration is refused. Names what to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Two aggregates of a kind have one name.
    #[error("two {kind} are named {name:?}; names are unique within a tenant")]
    NameTaken {
        /// `agents`, `groups` or `pools`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Two of a kind have one id.
    #[error("two {kind} have the id {id}; ids are unique within a tenant")]
    IdTaken {
        /// `agents`, `groups`, `memberships`, `pools`, `inbound rules` or `outbound rules`.
        kind: &'static str,
        /// The id.
        id: u64,
    },
    /// A name is empty or too long.
    #[error("{kind}: expected a name of 1 to 255 characters, got {got} characters")]
    NameLength {
        /// The kind of aggregate.
        kind: &'static str,
        /// The length that came.
        got: usize,
    },
    /// A reference leads nowhere.
    #[error("{from} refers to {to}, which does not exist")]
    Dangling {
        /// What refers.
        from: String,
        /// What is missing.
        to: String,
    },
    /// One agent is twice in a group.
    #[error("group {group:?}: agent {agent} is a member twice")]
    MemberTwice {
        /// The group's name.
        group: String,
        /// The agent.
        agent: AgentId,
    },
    /// Fallbacks lead in a circle.
    #[error("group {group:?}: its fallback leads back to itself")]
    FallbackCircle {
        /// The group's name.
        group: String,
    },
    /// Fallbacks lead through too many groups.
    #[error("group {group:?}: its fallback chain has more than {MAX_FALLBACK_GROUPS} groups")]
    FallbackTooLong {
        /// The group's name.
        group: String,
    },
    /// Two enabled rules say different things of the same calls.
    #[error("{direction} rule {second} conflicts with rule {first}: the same pattern {pattern:?}{at}")]
    RuleConflict {
        /// `inbound` or `outbound`.
        direction: &'static str,
        /// The rule that was there first.
        first: RuleId,
        /// The rule that is refused.
        second: RuleId,
        /// The canonical pattern.
        pattern: String,
        /// ` at priority N`, for inbound rules.
        at: String,
    },
    /// A group's setting is out of range.
    #[error("group {group:?}: {source}")]
    GroupSettings {
        /// The group's name.
        group: String,
        /// Which, and why.
        source: SettingsError,
    },
    /// A tenant's setting is out of range.
    #[error(transparent)]
    TenantSettings(#[from] TenantSettingsError),
    /// A trunk configuration is out of range.
    #[error("outbound rule {rule}: trunk_config.{key}: expected {expected}, got {got}")]
    TrunkConfig {
        /// The rule.
        rule: RuleId,
        /// The key.
        key: &'static str,
        /// The range.
        expected: &'static str,
        /// What came.
        got: String,
    },
}

impl Configuration {
    /// Checks everything that no type can: run before anything is saved.
    ///
    /// # Errors
    /// The first thing to mend.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.tenant.settings.check()?;
        names("tenants", std::iter::once(self.tenant.name.as_str()))?;
        names("pools", self.pools.iter().map(|pool| pool.name.as_str()))?;
        names("agents", self.agents.iter().map(|agent| agent.name.as_str()))?;
        names("groups", self.groups.iter().map(|group| group.name.as_str()))?;
        self.check_ids()?;
        self.check_references()?;
        self.check_fallbacks()?;
        self.check_rules()
    }

    fn check_ids(&self) -> Result<(), ConfigError> {
        let members = self.groups.iter().flat_map(|group| &group.members);
        ids("pools", self.pools.iter().map(|pool| pool.id.get()))?;
        ids("agents", self.agents.iter().map(|agent| agent.id.get()))?;
        ids("groups", self.groups.iter().map(|group| group.id.get()))?;
        ids("memberships", members.map(|member| member.id.get()))?;
        ids("inbound rules", self.inbound_rules.iter().map(|rule| rule.id.get()))?;
        ids("outbound rules", self.outbound_rules.iter().map(|rule| rule.id.get()))
    }

    fn check_references(&self) -> Result<(), ConfigError> {
        let agents: BTreeSet<AgentId> = self.agents.iter().map(|agent| agent.id).collect();
        let groups: BTreeSet<GroupId> = self.groups.iter().map(|group| group.id).collect();
        let agent = |from: &dyn Fn() -> String, id: AgentId| match agents.contains(&id) {
            true => Ok(()),
            false => Err(ConfigError::Dangling { from: from(), to: format!("agent {id}") }),
        };
        let group = |from: &dyn Fn() -> String, id: GroupId| match groups.contains(&id) {
            true => Ok(()),
            false => Err(ConfigError::Dangling { from: from(), to: format!("group {id}") }),
        };
        for a in &self.agents {
            if let Some(pool) = a.pool.filter(|pool| self.pools.iter().all(|p| p.id != *pool)) {
                let from = format!("agent {:?}", a.name);
                return Err(ConfigError::Dangling { from, to: format!("pool {pool}") });
            }
        }
        for g in &self.groups {
            let name = || format!("group {:?}", g.name);
            let mut seen = BTreeSet::<AgentId>::new();
            for member in &g.members {
                agent(&name, member.agent)?;
                if !seen.insert(member.agent) {
                    return Err(ConfigError::MemberTwice { group: g.name.clone(), agent: member.agent });
                }
            }
            match &g.settings.fallback {
                Some(Fallback::Agent(id)) => agent(&|| format!("the fallback of group {:?}", g.name), *id)?,
                Some(Fallback::Group(id)) => group(&|| format!("the fallback of group {:?}", g.name), *id)?,
                _ => {}
            }
        }
        for rule in &self.inbound_rules {
            let name = || format!("inbound rule {}", rule.id);
            match rule.target {
                Target::Agent(id) => agent(&name, id)?,
                Target::Group(id) => group(&name, id)?,
            }
        }
        Ok(())
    }

    fn check_fallbacks(&self) -> Result<(), ConfigError> {
        let by_id: BTreeMap<GroupId, &Group> = self.groups.iter().map(|group| (group.id, group)).collect();
        for group in &self.groups {
            group
                .settings
                .check()
                .map_err(|source| ConfigError::GroupSettings { group: group.name.clone(), source })?;
            let mut seen = vec![group.id];
            let mut at = group;
            while let Some(Fallback::Group(next)) = &at.settings.fallback {
                if seen.contains(next) {
                    return Err(ConfigError::FallbackCircle { group: group.name.clone() });
                }
                if seen.len() == MAX_FALLBACK_GROUPS {
                    return Err(ConfigError::FallbackTooLong { group: group.name.clone() });
                }
                seen.push(*next);
                let Some(found) = by_id.get(next) else { break };
                at = found;
            }
        }
        Ok(())
    }

    fn check_rules(&self) -> Result<(), ConfigError> {
        let mut inbound = BTreeMap::new();
        for rule in self.inbound_rules.iter().filter(|rule| rule.enabled) {
            let pattern = rule.pattern.pattern().to_string();
            if let Some(first) = inbound.insert((pattern.clone(), rule.priority), rule.id) {
                let at = format!(" at priority {}", rule.priority);
                return Err(conflict("inbound", first, rule.id, pattern, at));
            }
        }
        let mut outbound = BTreeMap::new();
        for rule in &self.outbound_rules {
            check_trunks(rule)?;
            let pattern = format!("{} → {}", rule.caller_id.pattern(), rule.destination_pattern.pattern());
            if !rule.enabled {
                continue;
            }
            if let Some(first) = outbound.insert(pattern.clone(), rule.id) {
                return Err(conflict("outbound", first, rule.id, pattern, String::new()));
            }
        }
        Ok(())
    }
}

fn conflict(
    direction: &'static str,
    first: RuleId,
    second: RuleId,
    pattern: String,
    at: String,
) -> ConfigError {
    ConfigError::RuleConflict { direction, first, second, pattern, at }
}

fn check_trunks(rule: &super::OutboundRule) -> Result<(), ConfigError> {
    let refused = |key, expected, got| Err(ConfigError::TrunkConfig { rule: rule.id, key, expected, got });
    let config = &rule.trunk_config;
    if let Some(timeout) = config.timeout.filter(|seconds| !(5..=600).contains(seconds)) {
        return refused("timeout", "5 to 600 s", timeout.to_string());
    }
    if let Some(strip) = config.strip.filter(|digits| *digits > 32) {
        return refused("strip", "0 to 32 digits", strip.to_string());
    }
    match config.trunks.iter().find(|name| name.is_empty() || name.contains(',')) {
        Some(name) => refused("trunks", "names without a comma", format!("{name:?}")),
        None => Ok(()),
    }
}

fn ids(kind: &'static str, mut ids: impl Iterator<Item = u64>) -> Result<(), ConfigError> {
    let mut seen = HashSet::new();
    ids.find(|id| !seen.insert(*id)).map_or(Ok(()), |id| Err(ConfigError::IdTaken { kind, id }))
}

fn names<'a>(kind: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for name in names {
        let length = name.chars().count();
        if !(1..=255).contains(&length) {
            return Err(ConfigError::NameLength { kind, got: length });
        }
        if !seen.insert(name) {
            return Err(ConfigError::NameTaken { kind, name: name.to_owned() });
        }
    }
    Ok(())
}
