//! Reading configuration: rows to aggregates.

use std::collections::BTreeMap;

use cxroute_core::config::{
    Agent, Configuration, Domain, GateKeys, Group, InboundRule, Member, OutboundRule, Pool, Target, Tenant,
};
use cxroute_core::id::{AgentId, GroupId, MembershipId, PoolId, RuleId, TenantId};
use cxroute_core::port::{Names, StoreError};
use cxroute_core::secret::Sealed;
use sqlx::FromRow;
use sqlx::sqlite::SqliteRow;

use super::Scoped;
use crate::codec::{document, number, optional, optional_id, word};
use crate::error::{Fault, corrupt};

/// A configuration without its rules, of which there may be a million.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) revision: u64,
    pub(crate) tenant: Tenant,
    pub(crate) pools: Vec<Pool>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) groups: Vec<Group>,
}

impl Frame {
    /// The configuration with these rules.
    pub(crate) fn with(
        self,
        inbound_rules: Vec<InboundRule>,
        outbound_rules: Vec<OutboundRule>,
    ) -> Configuration {
        let Self { revision, tenant, pools, agents, groups } = self;
        Configuration { revision, tenant, pools, agents, groups, inbound_rules, outbound_rules }
    }
}

type TenantRow = (i64, String, String, String, String, Option<Vec<u8>>);
type AgentRow =
    (i64, String, String, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, i64, Option<i64>, Option<i64>, String);
type MemberRow = (i64, i64, i64, Option<i64>, i64, i64, Option<i64>);
pub(super) type InboundRow = (i64, String, Option<i64>, Option<i64>, i64, i64);
pub(super) type OutboundRow = (i64, String, String, String, i64);

impl Scoped<'_> {
    /// Every row of a statement whose only parameter is the tenant.
    pub(super) async fn all<T>(&mut self, sql: &'static str, what: &str) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        sqlx::query_as(sql)
            .bind(self.tenant)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store(what))
    }

    pub(super) async fn configuration(&mut self) -> Result<Configuration, StoreError> {
        let (frame, _) = self.frame().await?;
        let inbound = self
            .all(
                "SELECT id, pattern, agent_id, group_id, priority, enabled FROM inbound_routing_rules
                 WHERE tenant_id = ? ORDER BY id",
                "inbound_routing_rules",
            )
            .await?;
        let outbound = self
            .all(
                "SELECT id, caller_id, destination_pattern, trunk_config, enabled FROM outbound_routing_rules
                 WHERE tenant_id = ? ORDER BY id",
                "outbound_routing_rules",
            )
            .await?;
        let inbound: Result<_, _> = inbound.into_iter().map(inbound_rule).collect();
        let outbound: Result<_, _> = outbound.into_iter().map(outbound_rule).collect();
        Ok(frame.with(inbound?, outbound?))
    }

    pub(super) async fn frame(&mut self) -> Result<(Frame, u64), StoreError> {
        let tenant = self.tenant().await?;
        let (revision, last_id, _) = self.revision_row().await?;
        let pools = self
            .all(
                "SELECT id, name, max_concurrent_calls FROM pools
                 WHERE tenant_id = ? AND deleted_at IS NULL ORDER BY id",
                "pools",
            )
            .await?;
        let agents = self
            .all(
                "SELECT id, name, provider, service_value, username, password, enabled, max_concurrent_calls, pool_id,
                 metadata FROM voice_agents WHERE tenant_id = ? AND deleted_at IS NULL ORDER BY id",
                "voice_agents",
            )
            .await?;
        let pools: Result<_, _> = pools.into_iter().map(pool).collect();
        let agents: Result<_, _> = agents.into_iter().map(agent).collect();
        let groups = self.groups().await?;
        Ok((Frame { revision, tenant, pools: pools?, agents: agents?, groups }, last_id))
    }

    pub(super) async fn tenant(&mut self) -> Result<Tenant, StoreError> {
        let what = "tenants";
        let rows: Vec<TenantRow> = self
            .all(
                "SELECT id, name, domain, settings, webhook_keys, signature_secret FROM tenants WHERE id = ?",
                what,
            )
            .await?;
        let row = rows.into_iter().next();
        let (id, name, domain, settings, keys, secret) =
            row.ok_or_else(|| corrupt(what, "its row is gone"))?;
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

    /// The revision, the last id given, and the revision after which every change is in the log.
    pub(super) async fn revision_row(&mut self) -> Result<(u64, u64, u64), StoreError> {
        let what = "tenant_revisions";
        let rows: Vec<(i64, i64, i64)> = self
            .all("SELECT revision, last_id, changes_after FROM tenant_revisions WHERE tenant_id = ?", what)
            .await?;
        let (revision, last_id, after) = *rows.first().ok_or_else(|| corrupt(what, "its row is gone"))?;
        Ok((number(revision, what)?, number(last_id, what)?, number(after, what)?))
    }

    pub(super) async fn revision(&mut self) -> Result<u64, StoreError> {
        Ok(self.revision_row().await?.0)
    }

    async fn groups(&mut self) -> Result<Vec<Group>, StoreError> {
        let what = "agent_groups";
        let rows: Vec<(i64, String, String, String)> = self
            .all(
                "SELECT id, name, strategy, settings FROM agent_groups
                 WHERE tenant_id = ? AND deleted_at IS NULL ORDER BY id",
                what,
            )
            .await?;
        let members: Vec<MemberRow> = self
            .all(
                "SELECT group_id, id, agent_id, priority, capacity, enabled, max_concurrent_calls
                 FROM agent_group_memberships WHERE tenant_id = ? ORDER BY group_id, id",
                "agent_group_memberships",
            )
            .await?;
        let mut of_group: BTreeMap<i64, Vec<Member>> = BTreeMap::new();
        for row in members {
            of_group.entry(row.0).or_default().push(member(row)?);
        }
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

    pub(super) async fn names(&mut self) -> Result<Names, StoreError> {
        let agents: Vec<(i64, String)> =
            self.all("SELECT id, name FROM voice_agents WHERE tenant_id = ?", "voice_agents").await?;
        let groups: Vec<(i64, String)> =
            self.all("SELECT id, name FROM agent_groups WHERE tenant_id = ?", "agent_groups").await?;
        let mut names = Names::default();
        for (id, name) in agents {
            names.agents.insert(AgentId::new(number(id, "voice_agents")?), name);
        }
        for (id, name) in groups {
            names.groups.insert(GroupId::new(number(id, "agent_groups")?), name);
        }
        Ok(names)
    }
}

fn pool((id, name, most): (i64, String, Option<i64>)) -> Result<Pool, StoreError> {
    let what = &format!("pools {id}");
    Ok(Pool { id: PoolId::new(number(id, what)?), name, max_concurrent_calls: optional(most, what)? })
}

fn agent(row: AgentRow) -> Result<Agent, StoreError> {
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

fn member((_, id, agent, priority, capacity, enabled, most): MemberRow) -> Result<Member, StoreError> {
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

pub(super) fn inbound_rule(row: InboundRow) -> Result<InboundRule, StoreError> {
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

pub(super) fn outbound_rule(row: OutboundRow) -> Result<OutboundRule, StoreError> {
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
