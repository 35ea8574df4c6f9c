//! Aggregates as the rows that a plan's statements write.

use cxroute_core::config::{Agent, Group, InboundRule, Member, OutboundRule, Pool, Target};
use cxroute_core::id::{GroupId, PoolId};
use cxroute_core::port::StoreError;
use cxroute_core::secret::Sealed;
use serde::Serialize;

use crate::codec::{hex, to_document, word_of};

/// Whose rows, and when they are written.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Stamp {
    pub(super) tenant: u64,
    pub(super) at: i64,
}

#[derive(Serialize)]
pub(super) struct PoolRow<'a> {
    #[serde(flatten)]
    stamp: Stamp,
    id: u64,
    name: &'a str,
    most: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct AgentRow<'a> {
    #[serde(flatten)]
    stamp: Stamp,
    id: u64,
    name: &'a str,
    provider: String,
    service_value: String,
    username: Option<String>,
    password: Option<String>,
    enabled: u8,
    most: Option<u32>,
    pool: Option<u64>,
    metadata: String,
}

#[derive(Serialize)]
pub(super) struct GroupRow<'a> {
    #[serde(flatten)]
    stamp: Stamp,
    id: u64,
    name: &'a str,
    strategy: &'static str,
    settings: String,
}

#[derive(Serialize)]
pub(super) struct MemberRow {
    #[serde(flatten)]
    stamp: Stamp,
    group: u64,
    id: u64,
    agent: u64,
    priority: Option<u32>,
    capacity: u32,
    enabled: u8,
    most: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct InboundRow {
    #[serde(flatten)]
    stamp: Stamp,
    id: u64,
    pattern: String,
    canonical: String,
    agent: Option<u64>,
    group: Option<u64>,
    priority: u32,
    enabled: u8,
}

#[derive(Serialize)]
pub(super) struct OutboundRow {
    #[serde(flatten)]
    stamp: Stamp,
    id: u64,
    caller: String,
    caller_canonical: String,
    destination: String,
    destination_canonical: String,
    trunks: String,
    enabled: u8,
}

pub(super) fn pool(stamp: Stamp, pool: &Pool) -> PoolRow<'_> {
    PoolRow { stamp, id: pool.id.get(), name: &pool.name, most: pool.max_concurrent_calls }
}

pub(super) fn agent(stamp: Stamp, agent: &Agent) -> Result<AgentRow<'_>, StoreError> {
    let sealed = |value: &Sealed| hex(value.as_bytes());
    Ok(AgentRow {
        stamp,
        id: agent.id.get(),
        name: &agent.name,
        provider: word_of(&agent.provider)?,
        service_value: sealed(&agent.service_value),
        username: agent.username.as_ref().map(sealed),
        password: agent.password.as_ref().map(sealed),
        enabled: agent.enabled.into(),
        most: agent.max_concurrent_calls,
        pool: agent.pool.map(PoolId::get),
        metadata: to_document(&agent.metadata, "voice_agents.metadata")?,
    })
}

pub(super) fn group(stamp: Stamp, group: &Group) -> Result<GroupRow<'_>, StoreError> {
    let settings = to_document(&group.settings, "agent_groups.settings")?;
    let strategy = group.strategy.as_str();
    Ok(GroupRow { stamp, id: group.id.get(), name: &group.name, strategy, settings })
}

pub(super) fn member(stamp: Stamp, group: GroupId, member: &Member) -> MemberRow {
    MemberRow {
        stamp,
        group: group.get(),
        id: member.id.get(),
        agent: member.agent.get(),
        priority: member.priority,
        capacity: member.capacity.get(),
        enabled: member.enabled.into(),
        most: member.max_concurrent_calls,
    }
}

pub(super) fn inbound(stamp: Stamp, rule: &InboundRule) -> Result<InboundRow, StoreError> {
    let (agent, group) = match rule.target {
        Target::Agent(agent) => (Some(agent.get()), None),
        Target::Group(group) => (None, Some(group.get())),
    };
    Ok(InboundRow {
        stamp,
        id: rule.id.get(),
        pattern: word_of(&rule.pattern)?,
        canonical: rule.pattern.pattern().to_string(),
        agent,
        group,
        priority: rule.priority,
        enabled: rule.enabled.into(),
    })
}

pub(super) fn outbound(stamp: Stamp, rule: &OutboundRule) -> Result<OutboundRow, StoreError> {
    Ok(OutboundRow {
        stamp,
        id: rule.id.get(),
        caller: word_of(&rule.caller_id)?,
        caller_canonical: rule.caller_id.pattern().to_string(),
        destination: word_of(&rule.destination_pattern)?,
        destination_canonical: rule.destination_pattern.pattern().to_string(),
        trunks: to_document(&rule.trunk_config, "outbound_routing_rules.trunk_config")?,
        enabled: rule.enabled.into(),
    })
}
