//! `Store` in this process: the executable specification of the durable truth, less the durability.

mod calls;
mod ingest;
mod outbox;
mod read;
mod tx;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use rustc_hash::FxHashMap;

use self::calls::Calls;
use self::outbox::Outbox;
use self::read::MemoryRead;
use self::tx::MemoryTx;
use crate::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use crate::call::{CallEvent, Figures, Ingested, RollupKind, Signal};
use crate::config::{Configuration, Domain, GateKeys, Tenant, TenantSettings};
use crate::id::{CallId, TenantId};
use crate::port::{
    Change, Commit, Committed, Names, OutboxId, Outgoing, Store, StoreError, TenantRead, TenantTx, Upkeep,
};
use crate::strategy::Books;
use crate::time::Timestamp;

/// A store in memory. It keeps the newest calls, up to a limit, and the webhooks of those; where upkeep is done, as long as
/// tenants say, and two days after a call's last webhook at least.
///
/// It is the executable specification of [`Store`] in everything but one promise: nothing of it is durable. What it
/// acknowledges, as a `Store` or as a [`Commit`], ends with the process.
#[derive(Debug)]
pub struct MemoryStore {
    tenants: RwLock<FxHashMap<TenantId, Arc<Shelf>>>,
    most_calls: usize,
    /// The last number that was given to an event.
    last_event: AtomicU64,
}

/// One tenant's shelf: configuration and calls behind locks of their own, as the one must not wait for the other.
#[derive(Debug)]
struct Shelf {
    /// Held by a configuration transaction from begin to end.
    writer: Arc<tokio::sync::Mutex<()>>,
    config: RwLock<ConfigShelf>,
    calls: Mutex<CallShelf>,
}

#[derive(Clone, Debug)]
struct ConfigShelf {
    configuration: Arc<Configuration>,
    last_id: u64,
    /// What everything that ever was is called.
    names: Names,
    /// Single rules that changed, by the revision that they led to; a change of anything else clears it.
    changes: Vec<(u64, Change)>,
    /// The log knows every change after this revision.
    changes_after: u64,
}

#[derive(Debug, Default)]
struct CallShelf {
    calls: Calls,
    books: Books,
    rollups: BTreeMap<(RollupKind, i64), Figures>,
    outbox: Outbox,
    audited: u64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// A store that keeps every call.
    pub fn new() -> Self {
        Self::keeping(usize::MAX)
    }

    /// A store that forgets the oldest ended calls beyond so many.
    pub fn keeping(most_calls: usize) -> Self {
        Self { tenants: RwLock::default(), most_calls, last_event: AtomicU64::new(0) }
    }

    fn shelf(&self, tenant: TenantId) -> Result<Arc<Shelf>, StoreError> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.get(&tenant).map(Arc::clone).ok_or(StoreError::NoTenant(tenant))
    }

    /// The events of committed steps that nobody has taken yet, oldest first; of those that nobody takes, the last 65,536
    /// are kept.
    ///
    /// # Errors
    /// [`StoreError::NoTenant`].
    pub fn take_events(&self, scope: &ReadScope) -> Result<Vec<CallEvent>, StoreError> {
        let shelf = self.shelf(scope.tenant())?;
        let mut calls = shelf.calls.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut calls.outbox).into_events())
    }

    /// A tenant's rollup rows.
    ///
    /// # Errors
    /// [`StoreError::NoTenant`].
    pub fn rollups(&self, scope: &ReadScope) -> Result<Vec<(RollupKind, i64, Figures)>, StoreError> {
        let shelf = self.shelf(scope.tenant())?;
        let calls = shelf.calls.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(calls.rollups.iter().map(|((kind, quarter), figures)| (*kind, *quarter, *figures)).collect())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        batch
            .into_iter()
            .map(|(scope, signal)| {
                let shelf = self.shelf(scope.tenant())?;
                let mut calls = shelf.calls.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(calls.ingest(signal, self.most_calls, &self.last_event))
            })
            .collect()
    }

    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        Ok(Box::new(MemoryRead { shelf: self.shelf(scope.tenant())? }))
    }

    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        let shelf = self.shelf(scope.tenant())?;
        let lock = Arc::clone(&shelf.writer).lock_owned().await;
        Ok(Box::new(MemoryTx::new(shelf, lock)))
    }

    async fn create_tenant(
        &self,
        _operator: &Operator,
        name: &str,
        domain: &Domain,
        _at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let id = TenantId::new(tenants.len() as u64 + 1);
        let shelf = Shelf::new(id, name, domain);
        shelf.configuration().check()?;
        if tenants.values().any(|shelf| shelf.configuration().tenant.domain == *domain) {
            return Err(StoreError::Conflict { what: format!("domain {domain}") });
        }
        tenants.insert(id, Arc::new(shelf));
        Ok(id)
    }

    async fn tenant_by_domain(
        &self,
        _operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let found = tenants.iter().find(|(_, shelf)| shelf.configuration().tenant.domain == *domain);
        Ok(found.map(|(id, _)| *id))
    }

    async fn revisions(&self, _operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        Ok(tenants.iter().map(|(id, shelf)| (*id, shelf.configuration().revision)).collect())
    }

    async fn outbox(&self, _operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        let (limit, mut waiting) = (usize::try_from(limit).unwrap_or(usize::MAX), Vec::new());
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        for (tenant, shelf) in &*tenants {
            let calls = shelf.calls.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend(calls.outbox.oldest(*tenant).take(limit));
        }
        waiting.sort_unstable_by_key(|outgoing: &Outgoing| outgoing.id);
        waiting.truncate(limit);
        Ok(waiting)
    }

    async fn forget_events(&self, _operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        let ids = ids.iter().copied().collect();
        for shelf in self.tenants.read().unwrap_or_else(PoisonError::into_inner).values() {
            shelf.calls.lock().unwrap_or_else(PoisonError::into_inner).outbox.forget(&ids);
        }
        Ok(())
    }

    async fn upkeep(&self, _operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
        let shelves: Vec<Arc<Shelf>> = {
            let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
            tenants.values().map(Arc::clone).collect()
        };
        let forget = |shelf: Arc<Shelf>| {
            let oldest = shelf.configuration().tenant.settings.oldest_kept(now);
            let mut kept = shelf.calls.lock().unwrap_or_else(PoisonError::into_inner);
            kept.forget(oldest, now)
        };
        Ok(Upkeep { calls: shelves.into_iter().map(forget).sum(), ..Upkeep::default() })
    }
}

/// A single signal needs no batch, and memory needs no spool.
#[async_trait]
impl Commit for MemoryStore {
    async fn commit(&self, scope: Arc<IngestScope>, signal: Signal) -> Result<Committed, StoreError> {
        let shelf = self.shelf(scope.tenant())?;
        let mut calls = shelf.calls.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Committed::Stored(calls.ingest(signal, self.most_calls, &self.last_event)))
    }
}

impl CallShelf {
    /// Forgets some of the calls before `oldest`; how many.
    fn forget(&mut self, oldest: CallId, now: Timestamp) -> u64 {
        let (calls, webhooks) = self.calls.forget_before(oldest, now);
        self.audited -= webhooks;
        calls
    }
}

impl Shelf {
    fn new(id: TenantId, name: &str, domain: &Domain) -> Self {
        let tenant = Tenant {
            id,
            name: name.to_owned(),
            domain: domain.clone(),
            settings: TenantSettings::default(),
            keys: GateKeys::default(),
        };
        let configuration = Configuration {
            revision: 1,
            tenant,
            pools: Vec::new(),
            agents: Vec::new(),
            groups: Vec::new(),
            inbound_rules: Vec::new(),
            outbound_rules: Vec::new(),
        };
        let config = ConfigShelf {
            configuration: Arc::new(configuration),
            last_id: 0,
            names: Names::default(),
            changes: Vec::new(),
            changes_after: 1,
        };
        Self { writer: Arc::default(), config: RwLock::new(config), calls: Mutex::default() }
    }

    fn configuration(&self) -> Arc<Configuration> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&config.configuration)
    }
}
