//! The bench that a store is tried on: the store, and desks for its tenants.

use std::future::Future;
use std::sync::Arc;

use super::super::{Broken, Checked, Guard, Subject, operator};
use crate::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use crate::call::{Call, Ingested, SessionToken, Signal};
use crate::config::{Configuration, Domain};
use crate::conformance::fixture::START;
use crate::id::TenantId;
use crate::port::{CallDetail, Store, StoreError, TenantRead, TenantTx};

/// A store under test.
pub struct StoreBench {
    pub(super) store: Arc<dyn Store>,
    pub(super) operator: Operator,
    _guard: Guard,
}

impl StoreBench {
    /// A bench for this store.
    pub fn of<S: Store + 'static>(subject: Subject<S>) -> Self {
        Self { store: subject.adapter, operator: operator(), _guard: subject.guard }
    }

    /// A new tenant of this domain, and the desk at which it is served.
    pub(super) async fn tenant(&self, domain: &str) -> Result<Desk, Broken> {
        let domain = Domain::parse(domain)?;
        let id = self.store.create_tenant(&self.operator, "Example", &domain, START).await?;
        Ok(Desk::of(Arc::clone(&self.store), id))
    }
}

/// Holds a store that `make` gives against one law.
///
/// # Errors
/// The law does not hold.
pub fn hold<S, M, L>(make: impl FnOnce() -> M, law: impl FnOnce(StoreBench) -> L) -> Checked
where
    S: Store + 'static,
    M: Future<Output = Subject<S>>,
    L: Future<Output = Checked>,
{
    crate::conformance::hold(async { law(StoreBench::of(make().await)).await })
}

/// One tenant, with every authority over it.
pub(super) struct Desk {
    pub(super) store: Arc<dyn Store>,
    pub(super) id: TenantId,
    pub(super) scope: Arc<IngestScope>,
    pub(super) config: ConfigScope,
}

impl Desk {
    pub(super) fn of(store: Arc<dyn Store>, id: TenantId) -> Self {
        let operator = operator();
        Self { store, id, scope: Arc::new(operator.ingest(id)), config: operator.config(id) }
    }

    pub(super) fn read_scope(&self) -> &ReadScope {
        self.config.read()
    }

    pub(super) async fn read(&self) -> Result<Box<dyn TenantRead>, StoreError> {
        self.store.read(self.read_scope()).await
    }

    pub(super) async fn begin(&self) -> Result<Box<dyn TenantTx>, StoreError> {
        self.store.begin(&self.config).await
    }

    pub(super) async fn configuration(&self) -> Result<Configuration, StoreError> {
        self.read().await?.configuration().await
    }

    pub(super) async fn revision(&self) -> Result<u64, StoreError> {
        self.read().await?.revision().await
    }

    /// Commits one signal by itself.
    pub(super) async fn take(&self, signal: Signal) -> Result<Ingested, Broken> {
        let mut results = self.take_all(vec![signal]).await?;
        results.pop().ok_or_else(|| Broken::because("a batch of one signal has one result"))
    }

    /// Commits signals in one batch.
    pub(super) async fn take_all(&self, signals: Vec<Signal>) -> Result<Vec<Ingested>, Broken> {
        let count = signals.len();
        let batch = signals.into_iter().map(|signal| (Arc::clone(&self.scope), signal)).collect();
        let results = self.store.ingest(batch).await;
        assert_eq!(results.len(), count, "one result per signal");
        Ok(results.into_iter().collect::<Result<_, _>>()?)
    }

    pub(super) async fn call(&self, token: &SessionToken) -> Result<Option<Call>, StoreError> {
        self.read().await?.call(token).await
    }

    pub(super) async fn detail(&self, token: &SessionToken) -> Result<Option<CallDetail>, StoreError> {
        self.read().await?.call_detail(token).await
    }
}
