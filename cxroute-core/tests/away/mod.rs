//! A store and an execution plane that can be away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{EventKey, Ingested, SessionToken, Signal};
use cxroute_core::config::Domain;
use cxroute_core::id::TenantId;
use cxroute_core::memory::{MemoryLive, MemoryStore};
use cxroute_core::port::{LiveError, LiveState, Retry, Store, StoreError, TenantRead, TenantTx};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, PlaneImage, SessionImage, Settle, Settled,
};
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

/// A plane that can be away, and hears what it was told of choices and ends once it is back.
#[derive(Default)]
pub(crate) struct AwayLive {
    live: MemoryLive,
    pub(crate) away: AtomicBool,
    owed: Mutex<Vec<Owed>>,
}

enum Owed {
    Adopt(Box<Adopted>, Timestamp),
    End(SessionToken, Timestamp),
}

impl AwayLive {
    async fn there(&self, scope: &IngestScope) -> Result<&MemoryLive, LiveError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(LiveError::Unavailable { reason: "the test says so".into() });
        }
        let owed = std::mem::take(&mut *self.owed.lock().unwrap());
        for told in owed {
            match told {
                Owed::Adopt(adopted, now) => self.live.adopt(scope, *adopted, now).await?,
                Owed::End(token, now) => self.live.end(scope, &token, now).await?,
            }
        }
        Ok(&self.live)
    }

    fn owe(&self, told: Owed) -> impl FnOnce(&LiveError) {
        move |_| self.owed.lock().unwrap().push(told)
    }
}

#[async_trait::async_trait]
impl LiveState for AwayLive {
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.there(scope).await?.choose(scope, request).await
    }

    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.there(scope).await?.preview(scope, request).await
    }

    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError> {
        self.there(scope).await?.settle(scope, token, settle, now).await
    }

    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError> {
        self.there(scope).await?.complete(scope, token, key, answer, open_until).await
    }

    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError> {
        self.there(scope).await?.retract(scope, token, key).await
    }

    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
        self.there(scope)
            .await
            .inspect_err(self.owe(Owed::End(token.clone(), now)))?
            .end(scope, token, now)
            .await
    }

    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
        self.there(scope).await?.stop_attempts(scope, token).await
    }

    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
        self.there(scope).await?.hydrate(scope, image).await
    }

    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
        let owed = self.owe(Owed::Adopt(Box::new(adopted.clone()), now));
        self.there(scope).await.inspect_err(owed)?.adopt(scope, adopted, now).await
    }

    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
        self.there(scope).await?.restore(scope, image).await
    }
}
