//! Rows of configuration as aggregates.

use std::collections::BTreeMap;

use cxroute_core::config::{
    Agent, Configuration, Domain, GateKeys, Group, InboundRule, Member, OutboundRule, Pool, Target, Tenant,
    TenantSettings,
};
use cxroute_core::id::{AgentId, GroupId, MembershipId, PoolId, RuleId, TenantId};
use cxroute_core::port::{Names, StoreError};
use cxroute_core::secret::Sealed;

use crate::codec::{corrupt, document, number, optional, optional_id, word};

/// A row of `tenants`: id, name, domain, settings, webhook keys, sealed signature secret.
pub type TenantColumns = (i64, String, String, String, String, Option<Vec<u8>>);
/// A row of `pools`: id, name, the most calls at once.
pub type PoolColumns = (i64, String, Option<i64>);
/// A row of `voice_agents`: id, name, provider, service value, user name, password (these three sealed), enabled, the
/// most calls at once, pool, metadata.
pub type AgentColumns =
    (i64, String, String, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, i64, Option<i64>, Option<i64>, String);
/// A row of `agent_groups`: id, name, strategy, settings.
pub type GroupColumns = (i64, String, String, String);
/// A row of `agent_group_memberships`: group, id, agent, priority, capacity, enabled, the most calls at once.
pub type MemberColumns = (i64, i64, i64, Option<i64>, i64, i64, Option<i64>);
/// A row of `inbound_routing_rules`: id, pattern, agent, group, priority, enabled.
pub type InboundColumns = (i64, String, Option<i64>, Option<i64>, i64, i64);
/// A row of `outbound_routing_rules`: id, caller, destination, trunk configuration, enabled.
pub type OutboundColumns = (i64, String, String, String, i64);

/// A configuration without its rules, of which there may be a million.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The revision.
    pub revision: u64,
    /// The tenant.
    pub tenant: Tenant,
    /// Pools in order of id.
    pub pools: Vec<Pool>,
    /// Agents in order of id.
    pub agents: Vec<Agent>,
    /// Groups in order of id.
    pub groups: Vec<Group>,
}

impl Frame {
    /// The configuration with these rules.
    pub fn with(self, inbound_rules: Vec<InboundRule>, outbound_rules: Vec<OutboundRule>) -> Configuration {
        let Self { revision, tenant, pools, agents, groups } = self;
        Configuration { revision, tenant, pools, agents, groups, inbound_rules, outbound_rules }
    }
}

/// Checks what a new tenant would be.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn demand_valid(name: &str, domain: &Domain) -> Result<(), StoreError> {
    let (settings, keys) = (TenantSettings::default(), GateKeys::default());
    let tenant =
        Tenant { id: TenantId::new(0), name: name.to_owned(), domain: domain.clone(), settings, keys };
    let (pools, agents, groups) = (Vec::new(), Vec::new(), Vec::new());
    Frame { revision: 1, tenant, pools, agents, groups }.with(Vec::new(), Vec::new()).check()?;
    Ok(())
}

/// Groups with their members.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn groups(rows: Vec<GroupColumns>, members: Vec<MemberColumns>) -> Result<Vec<Group>, StoreError> {
    let mut of_group: BTreeMap<i64, Vec<Member>> = BTreeMap::new();
    for row in members {
        of_group.entry(row.0).or_default().push(member(row)?);
    }
    let what = "agent_groups";
    rows.into_iter()
        .map(|(id, name, strategy, settings)| {
            Ok(Group {
                id: GroupId::new(number(id, what)?),
                name,
                strategy: word(&strategy, what)?,
                settings: document(&settings, what)?,
                members: of_group.remove(&id).unwrap_or_default(),
            })
        })
        .collect()
}

/// The tenant.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn tenant(row: TenantColumns) -> Result<Tenant, StoreError> {
    let what = "tenants";
    let (id, name, domain, settings, keys, secret) = row;
    Ok(Tenant {
        id: TenantId::new(number(id, what)?),
        name,
        domain: Domain::parse(&domain).map_err(|error| corrupt(what, error))?,
        settings: document(&settings, what)?,
        keys: GateKeys {
            webhook_keys: document(&keys, what)?,
            signature_secret: secret.map(Sealed::from_bytes),
        },
    })
}

/// The names of agents and groups.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn names(agents: Vec<(i64, String)>, groups: Vec<(i64, String)>) -> Result<Names, StoreError> {
    let mut names = Names::default();
    for (id, name) in agents {
        names.agents.insert(AgentId::new(number(id, "voice_agents")?), name);
    }
    for (id, name) in groups {
        names.groups.insert(GroupId::new(number(id, "agent_groups")?), name);
    }
    Ok(names)
}

/// A pool.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn pool((id, name, most): PoolColumns) -> Result<Pool, StoreError> {
    let what = &format!("pools {id}");
    Ok(Pool { id: PoolId::new(number(id, what)?), name, max_concurrent_calls: optional(most, what)? })
}

/// An agent.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn agent(row: AgentColumns) -> Result<Agent, StoreError> {
    let (id, name, provider, service_value, username, password, enabled, most, pool, metadata) = row;
    let what = &format!("voice_agents {id}");
    Ok(Agent {
        id: AgentId::new(number(id, what)?),
        name,
        provider: word(&provider, what)?,
        service_value: Sealed::from_bytes(service_value),
        username: username.map(Sealed::from_bytes),
        password: password.map(Sealed::from_bytes),
        enabled: enabled != 0,
        max_concurrent_calls: optional(most, what)?,
        pool: optional_id(pool, what, PoolId::new)?,
        metadata: document(&metadata, what)?,
    })
}

fn member((_, id, agent, priority, capacity, enabled, most): MemberColumns) -> Result<Member, StoreError> {
    let what = &format!("agent_group_memberships {id}");
    let capacity: u32 = number(capacity, what)?;
    Ok(Member {
        id: MembershipId::new(number(id, what)?),
        agent: AgentId::new(number(agent, what)?),
        priority: optional(priority, what)?,
        capacity: capacity.try_into().map_err(|error| corrupt(what, error))?,
        enabled: enabled != 0,
        max_concurrent_calls: optional(most, what)?,
    })
}

/// An inbound rule.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn inbound_rule(row: InboundColumns) -> Result<InboundRule, StoreError> {
    let (id, pattern, agent, group, priority, enabled) = row;
    let what = &format!("inbound_routing_rules {id}");
    let target = match (agent, group) {
        (Some(agent), None) => Target::Agent(AgentId::new(number(agent, what)?)),
        (None, Some(group)) => Target::Group(GroupId::new(number(group, what)?)),
        _ => return Err(corrupt(what, "it has neither or both of agent and group")),
    };
    Ok(InboundRule {
        id: RuleId::new(number(id, what)?),
        pattern: word(&pattern, what)?,
        target,
        priority: number(priority, what)?,
        enabled: enabled != 0,
    })
}

/// An outbound rule.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn outbound_rule(row: OutboundColumns) -> Result<OutboundRule, StoreError> {
    let (id, caller, destination, trunks, enabled) = row;
    let what = &format!("outbound_routing_rules {id}");
    Ok(OutboundRule {
        id: RuleId::new(number(id, what)?),
        caller_id: word(&caller, what)?,
        destination_pattern: word(&destination, what)?,
        trunk_config: document(&trunks, what)?,
        enabled: enabled != 0,
    })
}
