//! A store that can be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::Domain;
use cxroute_core::id::TenantId;
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::{Retry, Store, StoreError, TenantRead, TenantTx};
use cxroute_core::time::Timestamp;

/// A store that can be away.
pub(crate) struct Away {
    store: Arc<MemoryStore>,
    pub(crate) away: AtomicBool,
}

impl Away {
    pub(crate) fn new(store: Arc<MemoryStore>) -> Self {
        Self { store, away: AtomicBool::new(false) }
    }

    fn there(&self) -> Result<&MemoryStore, StoreError> {
        let away = || StoreError::Unavailable { reason: "the test says so".into(), retry: Retry::Soon };
        (!self.away.load(Ordering::Relaxed)).then_some(&*self.store).ok_or_else(away)
    }
}

#[async_trait::async_trait]
impl Store for Away {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        let signals = batch.len();
        match self.there() {
            Ok(store) => store.ingest(batch).await,
            Err(_) => (0..signals).map(|_| self.there().map(|_| Ingested::Committed(None))).collect(),
        }
    }

    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        self.there()?.read(scope).await
    }

    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        self.there()?.begin(scope).await
    }

    async fn create_tenant(
        &self,
        operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        self.there()?.create_tenant(operator, name, domain, at).await
    }

    async fn tenant_by_domain(
        &self,
        operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        self.there()?.tenant_by_domain(operator, domain).await
    }

    async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        self.there()?.revisions(operator).await
    }
}
