//! Pools and agents.

use std::collections::HashMap;

use cxroute_core::config::{Agent, AgentField, Pool};
use cxroute_core::id::{AgentId, PoolId};
use cxroute_core::secret::Sealed;

use super::diff::Differences;
use super::named::{by_name, resolve};
use super::{PlanError, Planner, Saved};
use crate::config_file::form::{AgentForm, PoolForm};
use crate::config_file::value::{At, Given};

impl Planner<'_> {
    pub(super) fn pools(&mut self, form: Option<&[At<PoolForm>]>) -> Result<(), PlanError> {
        let Some(form) = form else { return Ok(()) };
        let matched = by_name("pools", form, |pool| &pool.name, &self.current.pools, |pool| &pool.name)?;
        let mut pools = Vec::with_capacity(form.len());
        for (entry, stored) in matched.entries {
            let id = stored.map_or_else(|| self.ids.next().map(PoolId::new), |pool| Ok(pool.id))?;
            let pool =
                Pool { id, name: entry.name.clone(), max_concurrent_calls: entry.max_concurrent_calls };
            let mut differences = Differences::default();
            match stored {
                None => differences = Differences::created(),
                Some(old) => differences.field(
                    "max_concurrent_calls",
                    &old.max_concurrent_calls,
                    &pool.max_concurrent_calls,
                ),
            }
            if self.note(&format!("pool {:?}", pool.name), differences) == Saved::Yes {
                self.edits.pools.save.push(id);
            }
            pools.push(pool);
        }
        for pool in matched.gone {
            self.changes.push(format!("pool {:?}: deleted", pool.name));
            self.edits.pools.delete.push(pool.id);
        }
        pools.sort_unstable_by_key(|pool| pool.id);
        self.configuration.pools = pools;
        Ok(())
    }

    pub(super) fn agents(&mut self, form: Option<&[At<AgentForm>]>) -> Result<(), PlanError> {
        let Some(form) = form else { return Ok(()) };
        let current = self.current;
        let matched = by_name("agents", form, |agent| &agent.name, &current.agents, |agent| &agent.name)?;
        let planned = std::mem::take(&mut self.configuration.pools);
        let pools = planned.iter().map(|pool| (pool.name.as_str(), pool.id)).collect();
        let mut agents = Vec::with_capacity(form.len());
        for (entry, stored) in matched.entries {
            let agent = self.agent(entry, stored, &pools)?;
            agents.push(agent);
        }
        self.configuration.pools = planned;
        for agent in matched.gone {
            self.changes.push(format!("agent {:?}: deleted", agent.name));
            self.edits.agents.delete.push(agent.id);
        }
        agents.sort_unstable_by_key(|agent| agent.id);
        self.configuration.agents = agents;
        Ok(())
    }

    fn agent(
        &mut self,
        entry: &At<AgentForm>,
        stored: Option<&Agent>,
        pools: &HashMap<&str, PoolId>,
    ) -> Result<Agent, PlanError> {
        let what = format!("agent {:?}", entry.name);
        if !entry.provider.is_known() {
            let provider = entry.provider.as_str();
            self.warnings
                .push(format!("{what}: provider {provider:?} is not one that Cloudonix is known to have"));
        }
        let id = stored.map_or_else(|| self.ids.next().map(AgentId::new), |agent| Ok(agent.id))?;
        let pool = entry.pool.as_deref();
        let pool = pool.map(|name| resolve(pools, "pool", name, entry.line, &what)).transpose()?;
        let mut sealing = Differences::default();
        let secrets = self.credentials(entry, id, stored, &mut sealing)?;
        let [Some(service_value), username, password] = secrets else {
            return Err(cxroute_core::secret::SealError::Malformed { len: 0 }.into());
        };
        let kept = stored.map(|agent| agent.metadata.clone());
        let agent = Agent {
            id,
            name: entry.name.clone(),
            provider: entry.provider.clone(),
            service_value,
            username,
            password,
            enabled: entry.enabled,
            max_concurrent_calls: entry.max_concurrent_calls,
            pool,
            metadata: entry.metadata.clone().or(kept).unwrap_or_default(),
        };
        let differences = match stored {
            None => Differences::created(),
            Some(old) => self.agent_differences(old, &agent, pools, sealing),
        };
        if self.note(&what, differences) == Saved::Yes {
            self.edits.agents.save.push(id);
        }
        Ok(agent)
    }

    /// Service value, user name and password as they are sealed afterwards.
    fn credentials(
        &self,
        entry: &AgentForm,
        id: AgentId,
        stored: Option<&Agent>,
        differences: &mut Differences,
    ) -> Result<[Option<Sealed>; 3], PlanError> {
        let row = id.to_string();
        let place = |field: AgentField| field.place(self.current.tenant.id, &row);
        let value = stored.map(|agent| &agent.service_value);
        let username = stored.and_then(|agent| agent.username.as_ref());
        let password = stored.and_then(|agent| agent.password.as_ref());
        let service_value = Given::Value(&entry.service_value);
        Ok([
            self.secret(place(AgentField::ServiceValue), value, service_value, differences)?,
            self.secret(place(AgentField::Username), username, entry.username.as_ref(), differences)?,
            self.secret(place(AgentField::Password), password, entry.password.as_ref(), differences)?,
        ])
    }

    fn agent_differences(
        &self,
        old: &Agent,
        new: &Agent,
        pools: &HashMap<&str, PoolId>,
        sealing: Differences,
    ) -> Differences {
        let mut differences = Differences::default();
        differences.field("provider", &old.provider, &new.provider);
        differences.field("enabled", &old.enabled, &new.enabled);
        differences.field("max_concurrent_calls", &old.max_concurrent_calls, &new.max_concurrent_calls);
        if old.pool != new.pool {
            let before = self.current.pools.iter().find(|pool| Some(pool.id) == old.pool);
            let after = pools.iter().find(|(_, id)| Some(**id) == new.pool);
            differences.field("pool", &before.map(|pool| pool.name.as_str()), &after.map(|(name, _)| *name));
        }
        if old.metadata != new.metadata {
            differences.say("metadata changed");
        }
        if let Some(words) = sealing.into_text() {
            differences.say(words);
        }
        differences
    }
}
