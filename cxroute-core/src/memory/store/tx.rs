//! A configuration transaction in memory: a private copy, swapped in on commit.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use tokio::sync::OwnedMutexGuard;

use super::Shelf;
use super::read::MemoryRead;
use crate::call::{Call, EventKey, SessionToken};
use crate::config::{Agent, Configuration, Group, InboundRule, OutboundRule, Pool, Tenant};
use crate::id::{AgentId, GroupId, PoolId, RuleId};
use crate::port::{
    AgentWriter, AuditEntry, CallDetail, CallFilter, CallReader, Change, Changes, ConfigReader, Deleted,
    GroupWriter, Names, Page, PoolWriter, RuleChange, RuleWriter, StoreError, TenantTx, TenantWriter,
};
use crate::secret::Sealed;
use crate::strategy::PlaneImage;
use crate::time::Timestamp;

/// The log of single rules is kept this long; who is further behind reads everything.
const MOST_CHANGES: usize = 10_000;

pub(super) struct MemoryTx {
    read: MemoryRead,
    draft: Configuration,
    last_id: u64,
    /// Single rules that were saved; none once anything else was.
    changes: Option<Vec<Change>>,
    _writer: OwnedMutexGuard<()>,
}

impl MemoryTx {
    pub(super) fn new(shelf: Arc<Shelf>, writer: OwnedMutexGuard<()>) -> Self {
        let config = shelf.config.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            draft: Configuration::clone(&config.configuration),
            last_id: config.last_id,
            changes: Some(Vec::new()),
            read: MemoryRead { shelf },
            _writer: writer,
        }
    }
}

/// Saves into a list that is kept in order of id; what was there before.
fn save<T: Clone>(list: &mut Vec<T>, item: &T, id: impl Fn(&T) -> u64) -> Option<T> {
    match list.binary_search_by_key(&id(item), &id) {
        Ok(index) => Some(std::mem::replace(&mut list[index], item.clone())),
        Err(index) => {
            list.insert(index, item.clone());
            None
        }
    }
}

fn delete<T>(list: &mut Vec<T>, wanted: u64, id: impl Fn(&T) -> u64) -> Option<T> {
    list.binary_search_by_key(&wanted, id).ok().map(|index| list.remove(index))
}

fn deleted<T>(gone: Option<T>) -> Deleted {
    gone.map_or(Deleted::NotFound, |_| Deleted::Gone)
}

#[async_trait]
impl TenantTx for MemoryTx {
    async fn mint(&mut self) -> Result<u64, StoreError> {
        self.last_id += 1;
        Ok(self.last_id)
    }

    async fn commit(self: Box<Self>, _at: Timestamp) -> Result<u64, StoreError> {
        let Self { read, mut draft, last_id, changes, .. } = *self;
        draft.check()?;
        let mut config = read.shelf.config.write().unwrap_or_else(PoisonError::into_inner);
        config.last_id = last_id;
        if draft == *config.configuration {
            return Ok(draft.revision);
        }
        config.names.agents.extend(draft.agents.iter().map(|agent| (agent.id, agent.name.clone())));
        config.names.groups.extend(draft.groups.iter().map(|group| (group.id, group.name.clone())));
        draft.revision += 1;
        let revision = draft.revision;
        match changes.filter(|changes| config.changes.len() + changes.len() <= MOST_CHANGES) {
            Some(changes) => config.changes.extend(changes.into_iter().map(|change| (revision, change))),
            None => {
                config.changes.clear();
                config.changes_after = revision;
            }
        }
        config.configuration = Arc::new(draft);
        Ok(revision)
    }
}

#[async_trait]
impl TenantWriter for MemoryTx {
    async fn save_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        let (id, domain) = (self.draft.tenant.id, self.draft.tenant.domain.clone());
        self.draft.tenant = Tenant { id, domain, ..tenant.clone() };
        self.changes = None;
        Ok(())
    }
}

#[async_trait]
impl PoolWriter for MemoryTx {
    async fn save_pool(&mut self, pool: &Pool) -> Result<(), StoreError> {
        save(&mut self.draft.pools, pool, |pool| pool.id.get());
        self.changes = None;
        Ok(())
    }

    async fn delete_pool(&mut self, id: PoolId) -> Result<Deleted, StoreError> {
        self.changes = None;
        Ok(deleted(delete(&mut self.draft.pools, id.get(), |pool| pool.id.get())))
    }
}

#[async_trait]
impl AgentWriter for MemoryTx {
    async fn save_agent(&mut self, agent: &Agent) -> Result<(), StoreError> {
        save(&mut self.draft.agents, agent, |agent| agent.id.get());
        self.changes = None;
        Ok(())
    }

    async fn delete_agent(&mut self, id: AgentId) -> Result<Deleted, StoreError> {
        self.changes = None;
        Ok(deleted(delete(&mut self.draft.agents, id.get(), |agent| agent.id.get())))
    }
}

#[async_trait]
impl GroupWriter for MemoryTx {
    async fn save_group(&mut self, group: &Group) -> Result<(), StoreError> {
        let mut group = group.clone();
        group.members.sort_by_key(|member| member.id);
        save(&mut self.draft.groups, &group, |group| group.id.get());
        self.changes = None;
        Ok(())
    }

    async fn delete_group(&mut self, id: GroupId) -> Result<Deleted, StoreError> {
        self.changes = None;
        Ok(deleted(delete(&mut self.draft.groups, id.get(), |group| group.id.get())))
    }
}

impl MemoryTx {
    fn note(&mut self, change: Change) {
        if let Some(changes) = &mut self.changes {
            changes.push(change);
        }
    }
}

#[async_trait]
impl RuleWriter for MemoryTx {
    async fn save_inbound_rule(&mut self, rule: &InboundRule) -> Result<(), StoreError> {
        let before = save(&mut self.draft.inbound_rules, rule, |rule| rule.id.get());
        self.note(Change::Inbound(RuleChange { before, after: Some(rule.clone()) }));
        Ok(())
    }

    async fn delete_inbound_rule(&mut self, id: RuleId) -> Result<Deleted, StoreError> {
        let before = delete(&mut self.draft.inbound_rules, id.get(), |rule| rule.id.get());
        Ok(before.map_or(Deleted::NotFound, |rule| {
            self.note(Change::Inbound(RuleChange { before: Some(rule), after: None }));
            Deleted::Gone
        }))
    }

    async fn save_outbound_rule(&mut self, rule: &OutboundRule) -> Result<(), StoreError> {
        let before = save(&mut self.draft.outbound_rules, rule, |rule| rule.id.get());
        self.note(Change::Outbound(RuleChange { before, after: Some(rule.clone()) }));
        Ok(())
    }

    async fn delete_outbound_rule(&mut self, id: RuleId) -> Result<Deleted, StoreError> {
        let before = delete(&mut self.draft.outbound_rules, id.get(), |rule| rule.id.get());
        Ok(before.map_or(Deleted::NotFound, |rule| {
            self.note(Change::Outbound(RuleChange { before: Some(rule), after: None }));
            Deleted::Gone
        }))
    }
}

#[async_trait]
impl ConfigReader for MemoryTx {
    async fn tenant(&mut self) -> Result<Tenant, StoreError> {
        Ok(self.draft.tenant.clone())
    }

    async fn revision(&mut self) -> Result<u64, StoreError> {
        Ok(self.draft.revision)
    }

    async fn configuration(&mut self) -> Result<Configuration, StoreError> {
        Ok(self.draft.clone())
    }

    async fn names(&mut self) -> Result<Names, StoreError> {
        self.read.names().await
    }

    async fn changes_since(&mut self, revision: u64) -> Result<Changes, StoreError> {
        self.read.changes_since(revision).await
    }
}

#[async_trait]
impl CallReader for MemoryTx {
    async fn call(&mut self, token: &SessionToken) -> Result<Option<Call>, StoreError> {
        self.read.call(token).await
    }

    async fn call_detail(&mut self, token: &SessionToken) -> Result<Option<CallDetail>, StoreError> {
        self.read.call_detail(token).await
    }

    async fn calls(&mut self, filter: &CallFilter, page: Page) -> Result<Vec<Call>, StoreError> {
        CallReader::calls(&mut self.read, filter, page).await
    }

    async fn answer(&mut self, token: &SessionToken, key: EventKey) -> Result<Option<Sealed>, StoreError> {
        self.read.answer(token, key).await
    }

    async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError> {
        self.read.plane_image(now).await
    }

    async fn audit(&mut self, token: &SessionToken) -> Result<Vec<AuditEntry>, StoreError> {
        self.read.audit(token).await
    }

    async fn audit_count(&mut self) -> Result<u64, StoreError> {
        self.read.audit_count().await
    }
}
