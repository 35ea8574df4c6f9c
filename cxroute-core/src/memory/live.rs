//! `LiveState` in this process: one [`Plane`] per tenant, each behind its own lock.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use rustc_hash::FxHashMap;

use crate::authority::IngestScope;
use crate::call::{EventKey, SessionToken};
use crate::id::TenantId;
use crate::port::{LiveError, LiveState};
use crate::secret::Sealed;
use crate::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, Plane, PlaneImage, SessionImage, Settle, Settled,
};
use crate::time::Timestamp;

/// The execution plane in memory. It loses everything with the process; the store's image brings it back.
#[derive(Debug, Default)]
pub struct MemoryLive {
    tenants: RwLock<FxHashMap<TenantId, Arc<Mutex<Plane>>>>,
}

impl MemoryLive {
    /// A plane that knows no tenant yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets a tenant's plane.
    pub(crate) fn forget(&self, scope: &IngestScope) {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(&scope.tenant());
    }

    /// Runs `operation` on the tenant's plane, alone. No operation leaves a plane half changed, so that a lock that a
    /// panic poisoned is as good as any.
    fn with<T>(&self, scope: &IngestScope, operation: impl FnOnce(&mut Plane) -> T) -> Result<T, LiveError> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let plane = Arc::clone(tenants.get(&scope.tenant()).ok_or(LiveError::Lost)?);
        drop(tenants);
        let mut plane = plane.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(operation(&mut plane))
    }
}

#[async_trait]
impl LiveState for MemoryLive {
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.with(scope, |plane| plane.choose(request))
    }

    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.with(scope, |plane| plane.preview(request))
    }

    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError> {
        self.with(scope, |plane| plane.settle(token, settle, now))
    }

    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.complete(token, key, answer, open_until))
    }

    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.retract(token, key))
    }

    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.end(token, now))
    }

    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.stop_attempts(token))
    }

    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.hydrate(image))
    }

    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.adopt(adopted, now))
    }

    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(scope.tenant()).or_insert_with(|| Arc::new(Mutex::new(Plane::restore(image))));
        Ok(())
    }
}
