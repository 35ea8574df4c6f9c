//! Saving and deleting in the draft: whole aggregates, lists in order of id.

use async_trait::async_trait;
use cxroute_core::config::{Agent, Group, InboundRule, OutboundRule, Pool, Tenant};
use cxroute_core::id::{AgentId, GroupId, PoolId, RuleId};
use cxroute_core::port::{
    AgentWriter, Change, Deleted, GroupWriter, PoolWriter, RuleChange, RuleWriter, StoreError, TenantWriter,
};

use super::{Draft, Edit, Original};

fn save<T: Clone>(list: &mut Vec<T>, item: &T, id: impl Fn(&T) -> u64) {
    match list.binary_search_by_key(&id(item), &id) {
        Ok(index) => list[index] = item.clone(),
        Err(index) => list.insert(index, item.clone()),
    }
}

fn delete<T>(list: &mut Vec<T>, wanted: u64, id: impl Fn(&T) -> u64) -> Deleted {
    match list.binary_search_by_key(&wanted, id) {
        Ok(index) => {
            list.remove(index);
            Deleted::Gone
        }
        Err(_) => Deleted::NotFound,
    }
}

impl<T: Clone> Edit<T> {
    /// Sets the rule; what happened, unless it was not there before nor after.
    fn set(&mut self, after: Option<T>) -> Option<RuleChange<T>> {
        let before = std::mem::replace(&mut self.now, after.clone());
        (before.is_some() || after.is_some()).then_some(RuleChange { before, after })
    }
}

impl<O: Original> Draft<O> {
    async fn inbound(&mut self, id: RuleId) -> Result<&mut Edit<InboundRule>, StoreError> {
        let before = match self.inbound.get(&id) {
            Some(edit) => edit.before.clone(),
            None if self.has_minted(id) => None,
            None => self.original.inbound_rule(id).await?,
        };
        let now = before.clone();
        Ok(self.inbound.entry(id).or_insert(Edit { before, now }))
    }

    async fn outbound(&mut self, id: RuleId) -> Result<&mut Edit<OutboundRule>, StoreError> {
        let before = match self.outbound.get(&id) {
            Some(edit) => edit.before.clone(),
            None if self.has_minted(id) => None,
            None => self.original.outbound_rule(id).await?,
        };
        let now = before.clone();
        Ok(self.outbound.entry(id).or_insert(Edit { before, now }))
    }

    /// Whether this draft gave the id, so that there is nothing to read under it: it has the tenant's turn.
    fn has_minted(&self, id: RuleId) -> bool {
        (self.first_id + 1..=*self.last_id).contains(&id.get())
    }
}

#[async_trait]
impl<O: Original> TenantWriter for Draft<O> {
    async fn save_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        let (id, domain) = (self.draft.tenant.id, self.draft.tenant.domain.clone());
        self.draft.tenant = Tenant { id, domain, ..tenant.clone() };
        Ok(())
    }
}

#[async_trait]
impl<O: Original> PoolWriter for Draft<O> {
    async fn save_pool(&mut self, pool: &Pool) -> Result<(), StoreError> {
        save(&mut self.draft.pools, pool, |pool| pool.id.get());
        Ok(())
    }

    async fn delete_pool(&mut self, id: PoolId) -> Result<Deleted, StoreError> {
        Ok(delete(&mut self.draft.pools, id.get(), |pool| pool.id.get()))
    }
}

#[async_trait]
impl<O: Original> AgentWriter for Draft<O> {
    async fn save_agent(&mut self, agent: &Agent) -> Result<(), StoreError> {
        save(&mut self.draft.agents, agent, |agent| agent.id.get());
        Ok(())
    }

    async fn delete_agent(&mut self, id: AgentId) -> Result<Deleted, StoreError> {
        Ok(delete(&mut self.draft.agents, id.get(), |agent| agent.id.get()))
    }
}

#[async_trait]
impl<O: Original> GroupWriter for Draft<O> {
    async fn save_group(&mut self, group: &Group) -> Result<(), StoreError> {
        let mut group = group.clone();
        group.members.sort_by_key(|member| member.id);
        save(&mut self.draft.groups, &group, |group| group.id.get());
        Ok(())
    }

    async fn delete_group(&mut self, id: GroupId) -> Result<Deleted, StoreError> {
        Ok(delete(&mut self.draft.groups, id.get(), |group| group.id.get()))
    }
}

#[async_trait]
impl<O: Original> RuleWriter for Draft<O> {
    async fn save_inbound_rule(&mut self, rule: &InboundRule) -> Result<(), StoreError> {
        let change = self.inbound(rule.id).await?.set(Some(rule.clone()));
        self.changes.extend(change.map(Change::Inbound));
        Ok(())
    }

    async fn delete_inbound_rule(&mut self, id: RuleId) -> Result<Deleted, StoreError> {
        let change = self.inbound(id).await?.set(None);
        let deleted = deleted(change.as_ref());
        self.changes.extend(change.map(Change::Inbound));
        Ok(deleted)
    }

    async fn save_outbound_rule(&mut self, rule: &OutboundRule) -> Result<(), StoreError> {
        let change = self.outbound(rule.id).await?.set(Some(rule.clone()));
        self.changes.extend(change.map(Change::Outbound));
        Ok(())
    }

    async fn delete_outbound_rule(&mut self, id: RuleId) -> Result<Deleted, StoreError> {
        let change = self.outbound(id).await?.set(None);
        let deleted = deleted(change.as_ref());
        self.changes.extend(change.map(Change::Outbound));
        Ok(deleted)
    }
}

fn deleted<T>(change: Option<&RuleChange<T>>) -> Deleted {
    change.map_or(Deleted::NotFound, |_| Deleted::Gone)
}
