//! The way back: a configuration as a form, without secrets. Applying it changes nothing.
//!
//! Webhook keys, the signature secret, user names and passwords are left out: absent means kept. A service value is
//! sealed in the store, since it can hold a token, but the form requires it and an operator cannot do without it; it
//! is what the operator dials, so it is written out.

use std::collections::HashMap;

use cxroute_core::config::{
    Agent, AgentField, Configuration, Group, InboundRule, OutboundRule, Pool, Target,
};
use cxroute_core::id::{AgentId, GroupId, PoolId};
use cxroute_core::seal::Keyring;
use cxroute_core::secret::{SealError, Vault as _};

use super::form::{
    AgentForm, Form, GroupForm, InboundForm, MemberForm, OutboundForm, PoolForm, TargetForm, TenantForm,
};
use super::value::{At, Given, Secret};

/// Why a configuration cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A service value does not open.
    #[error("the service value of agent {agent:?} does not open")]
    Sealed {
        /// The agent's name.
        agent: String,
        /// Why.
        source: SealError,
    },
    /// Something refers to what is not there.
    #[error("{what} refers to something that does not exist")]
    Dangling {
        /// What refers.
        what: String,
    },
}

/// The form that says what `configuration` is.
///
/// # Errors
/// [`ExportError`] if the stored configuration is damaged, or the master key is another one.
pub fn export(configuration: &Configuration, keyring: &Keyring) -> Result<Form, ExportError> {
    let names = Names::of(configuration);
    let agent = |agent| agent_form(agent, configuration, &names, keyring).map(At::from);
    let group = |group| group_form(group, &names).map(At::from);
    let rule = |rule| inbound_form(rule, &names).map(At::from);
    Ok(Form {
        tenant: TenantForm {
            name: configuration.tenant.name.clone(),
            domain: configuration.tenant.domain.clone(),
            settings: Some(configuration.tenant.settings.clone()),
        },
        webhook_key: Given::Absent,
        webhook_keys: Given::Absent,
        signature_secret: Given::Absent,
        pools: Some(configuration.pools.iter().map(|pool| pool_form(pool).into()).collect()),
        agents: Some(configuration.agents.iter().map(agent).collect::<Result<_, _>>()?),
        groups: Some(configuration.groups.iter().map(group).collect::<Result<_, _>>()?),
        inbound_rules: Some(configuration.inbound_rules.iter().map(rule).collect::<Result<_, _>>()?),
        outbound_rules: Some(configuration.outbound_rules.iter().map(|r| outbound_form(r).into()).collect()),
    })
}

struct Names<'a> {
    pools: HashMap<PoolId, &'a str>,
    agents: HashMap<AgentId, &'a str>,
    groups: HashMap<GroupId, &'a str>,
}

impl<'a> Names<'a> {
    fn of(configuration: &'a Configuration) -> Self {
        Self {
            pools: configuration.pools.iter().map(|pool| (pool.id, pool.name.as_str())).collect(),
            agents: configuration.agents.iter().map(|agent| (agent.id, agent.name.as_str())).collect(),
            groups: configuration.groups.iter().map(|group| (group.id, group.name.as_str())).collect(),
        }
    }

    fn agent(&self, id: AgentId, what: &str) -> Result<String, ExportError> {
        named(self.agents.get(&id), what)
    }

    fn group(&self, id: GroupId, what: &str) -> Result<String, ExportError> {
        named(self.groups.get(&id), what)
    }
}

fn named(name: Option<&&str>, what: &str) -> Result<String, ExportError> {
    name.map(|name| (*name).to_owned()).ok_or_else(|| ExportError::Dangling { what: what.to_owned() })
}

fn pool_form(pool: &Pool) -> PoolForm {
    PoolForm { name: pool.name.clone(), max_concurrent_calls: pool.max_concurrent_calls }
}

fn agent_form(
    agent: &Agent,
    configuration: &Configuration,
    names: &Names<'_>,
    keyring: &Keyring,
) -> Result<AgentForm, ExportError> {
    let row = agent.id.to_string();
    let place = AgentField::ServiceValue.place(configuration.tenant.id, &row);
    let sealed = |source| ExportError::Sealed { agent: agent.name.clone(), source };
    let value = keyring.open(place, &agent.service_value).map_err(sealed)?;
    let what = format!("agent {:?}", agent.name);
    Ok(AgentForm {
        name: agent.name.clone(),
        provider: agent.provider.clone(),
        service_value: Secret::from(value),
        username: Given::Absent,
        password: Given::Absent,
        enabled: agent.enabled,
        max_concurrent_calls: agent.max_concurrent_calls,
        pool: agent.pool.map(|id| named(names.pools.get(&id), &what)).transpose()?,
        metadata: Some(agent.metadata.clone()),
    })
}

fn group_form(group: &Group, names: &Names<'_>) -> Result<GroupForm, ExportError> {
    let what = format!("group {:?}", group.name);
    let settings =
        group.settings.clone().try_map(|id| names.agent(id, &what), |id| names.group(id, &what))?;
    let member = |member: &cxroute_core::config::Member| {
        Ok(At::from(MemberForm {
            agent: names.agent(member.agent, &what)?,
            priority: member.priority,
            capacity: member.capacity,
            enabled: member.enabled,
            max_concurrent_calls: member.max_concurrent_calls,
        }))
    };
    Ok(GroupForm {
        name: group.name.clone(),
        strategy: group.strategy,
        settings: Some(settings),
        members: Some(group.members.iter().map(member).collect::<Result<_, _>>()?),
    })
}

fn inbound_form(rule: &InboundRule, names: &Names<'_>) -> Result<InboundForm, ExportError> {
    let what = || format!("inbound rule {}", rule.id);
    Ok(InboundForm {
        pattern: rule.pattern.clone(),
        target: match rule.target {
            Target::Agent(id) => TargetForm::Agent(names.agent(id, &what())?),
            Target::Group(id) => TargetForm::Group(names.group(id, &what())?),
        },
        priority: rule.priority,
        enabled: rule.enabled,
    })
}

fn outbound_form(rule: &OutboundRule) -> OutboundForm {
    OutboundForm {
        caller_id: rule.caller_id.clone(),
        destination_pattern: rule.destination_pattern.clone(),
        trunk_config: rule.trunk_config.clone(),
        enabled: rule.enabled,
    }
}
