//! A store that fails on request: away, slow, or panicking.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::Domain;
use cxroute_core::id::TenantId;
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::{OutboxId, Outgoing, Retry, Store, StoreError, TenantRead, TenantTx};
use cxroute_core::time::Timestamp;
use tokio::sync::Semaphore;

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Everything fails.
    Away,
    /// Signals wait for [`Faulty::release`].
    Slow,
    /// Everything waits for it.
    Silent,
    /// Signals panic.
    Panics,
}

/// A store in memory with faults.
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    fault: Mutex<Fault>,
    gate: Semaphore,
    lookups: AtomicU64,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        let (inner, fault) = (MemoryStore::new(), Mutex::new(Fault::None));
        Self { inner, fault, gate: Semaphore::new(0), lookups: AtomicU64::new(0) }
    }

    /// How often somebody has asked whose a domain is.
    pub(crate) fn lookups(&self) -> u64 {
        self.lookups.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Lets everything through that waits, and mends the store.
    pub(crate) fn release(&self) {
        self.set(Fault::None);
        self.gate.add_permits(1_000_000);
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }

    async fn there(&self) -> Result<(), StoreError> {
        match self.fault() {
            Fault::Away => return Err(away()),
            Fault::Silent => self.gate.acquire().await.unwrap().forget(),
            _ => {}
        }
        Ok(())
    }
}

fn away() -> StoreError {
    StoreError::Unavailable { reason: "planted".to_owned(), retry: Retry::Soon }
}

#[async_trait]
impl Store for Faulty {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        match self.fault() {
            Fault::None => {}
            Fault::Away => return batch.iter().map(|_| Err(away())).collect(),
            Fault::Slow | Fault::Silent => self.gate.acquire().await.unwrap().forget(),
            Fault::Panics => panic!("planted"),
        }
        self.inner.ingest(batch).await
    }

    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        self.there().await?;
        self.inner.read(scope).await
    }

    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        self.there().await?;
        self.inner.begin(scope).await
    }

    async fn create_tenant(
        &self,
        operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        self.there().await?;
        self.inner.create_tenant(operator, name, domain, at).await
    }

    async fn tenant_by_domain(
        &self,
        operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        self.there().await?;
        self.lookups.fetch_add(1, Ordering::SeqCst);
        self.inner.tenant_by_domain(operator, domain).await
    }

    async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        self.there().await?;
        self.inner.revisions(operator).await
    }

    async fn outbox(&self, operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.inner.outbox(operator, limit).await
    }

    async fn forget_events(&self, operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        self.inner.forget_events(operator, ids).await
    }
}
