//! An adapter behind an `Arc` is an adapter, so that a wrapper can hold one that is known by its trait alone.
//!
//! Every method is forwarded, those that are provided too.

use std::sync::Arc;

use async_trait::async_trait;

use super::events::{Events, EventsError, OutboxId, Outgoing, Since, Subscription, Term};
use super::live::{LiveError, LiveState};
use super::store::{Store, StoreError, TenantRead, TenantTx, Upkeep};
use crate::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use crate::call::{EventKey, Ingested, SessionToken, Signal};
use crate::config::Domain;
use crate::id::TenantId;
use crate::secret::Sealed;
use crate::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, PlaneImage, SessionImage, Settle, Settled,
};
use crate::time::Timestamp;

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        (**self).ingest(batch).await
    }

    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        (**self).read(scope).await
    }

    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        (**self).begin(scope).await
    }

    async fn create_tenant(
        &self,
        operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        (**self).create_tenant(operator, name, domain, at).await
    }

    async fn tenant_by_domain(
        &self,
        operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        (**self).tenant_by_domain(operator, domain).await
    }

    async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        (**self).revisions(operator).await
    }

    async fn outbox(&self, operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        (**self).outbox(operator, limit).await
    }

    async fn forget_events(&self, operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        (**self).forget_events(operator, ids).await
    }

    async fn upkeep(&self, operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
        (**self).upkeep(operator, now).await
    }
}

#[async_trait]
impl<E: Events + ?Sized> Events for Arc<E> {
    async fn lead(&self, operator: &Operator) -> Result<Option<Term>, EventsError> {
        (**self).lead(operator).await
    }

    async fn publish(
        &self,
        scope: &IngestScope,
        term: Term,
        waiting: &[Outgoing],
    ) -> Result<(), EventsError> {
        (**self).publish(scope, term, waiting).await
    }

    async fn subscribe(&self, scope: &ReadScope, since: Since) -> Result<Box<dyn Subscription>, EventsError> {
        (**self).subscribe(scope, since).await
    }
}

#[async_trait]
impl<L: LiveState + ?Sized> LiveState for Arc<L> {
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        (**self).choose(scope, request).await
    }

    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        (**self).preview(scope, request).await
    }

    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError> {
        (**self).settle(scope, token, settle, now).await
    }

    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError> {
        (**self).complete(scope, token, key, answer, open_until).await
    }

    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError> {
        (**self).retract(scope, token, key).await
    }

    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
        (**self).end(scope, token, now).await
    }

    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
        (**self).stop_attempts(scope, token).await
    }

    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
        (**self).hydrate(scope, image).await
    }

    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
        (**self).adopt(scope, adopted, now).await
    }

    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
        (**self).restore(scope, image).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    /// Forwards everything, and says of its upkeep that it deleted one receipt more.
    struct Tidying<S>(S);

    #[async_trait]
    impl<S: Store> Store for Tidying<S> {
        async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
            self.0.ingest(batch).await
        }

        async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
            self.0.read(scope).await
        }

        async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
            self.0.begin(scope).await
        }

        async fn create_tenant(
            &self,
            operator: &Operator,
            name: &str,
            domain: &Domain,
            at: Timestamp,
        ) -> Result<TenantId, StoreError> {
            self.0.create_tenant(operator, name, domain, at).await
        }

        async fn tenant_by_domain(
            &self,
            operator: &Operator,
            domain: &Domain,
        ) -> Result<Option<TenantId>, StoreError> {
            self.0.tenant_by_domain(operator, domain).await
        }

        async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
            self.0.revisions(operator).await
        }

        async fn upkeep(&self, operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
            let within = self.0.upkeep(operator, now).await?;
            Ok(Upkeep { receipts: within.receipts + 1, ..within })
        }
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test plays the host")]
    async fn a_store_known_by_its_trait_alone_can_be_wrapped_and_its_upkeep_is_done() {
        let shared: Arc<dyn Store> = Arc::new(Tidying(MemoryStore::new()));
        let (store, operator) = (Tidying(Arc::clone(&shared)), Operator::assume());
        let domain = Domain::parse("example.cloudonix.net").unwrap();
        let tenant = store.create_tenant(&operator, "Example", &domain, Timestamp::EPOCH).await.unwrap();
        assert_eq!(shared.tenant_by_domain(&operator, &domain).await.unwrap(), Some(tenant));
        assert_eq!(store.revisions(&operator).await.unwrap(), [(tenant, 1)]);
        assert_eq!(
            store.upkeep(&operator, Timestamp::EPOCH).await.unwrap().receipts,
            2,
            "its own and one within"
        );
    }
}
