//! The ports through which core meets the world: [`Store`], the durable truth, [`LiveState`], the execution plane,
//! [`Events`], which tell of what happened, and [`Spool`], where signals wait while the store is away. All are object-safe;
//! the in-memory adapters of [`memory`](crate::memory) are the executable specification of the first three, and the
//! conformance kit (feature `conformance`) holds any adapter against their contracts.
//!
//! # Writing an adapter
//!
//! The ports are `#[async_trait]` traits: take the crate `async-trait` and put its attribute over each `impl`, then the
//! methods are written as plain `async fn`s. A [`LiveState`] is one trait of nine methods; its whole behaviour is that of
//! [`Plane`](crate::strategy::Plane), method for method. A [`Store`] opens two kinds of handles: one that implements
//! [`ConfigReader`] and [`CallReader`] is a [`TenantRead`], one that implements these and [`TenantWriter`],
//! [`PoolWriter`], [`AgentWriter`], [`GroupWriter`] and [`RuleWriter`] can be a [`TenantTx`]. Its heart is
//! [`Store::ingest`], for each signal of the batch, in order:
//!
//! 1. A signal without a token is written to the audit ([`Audit::payload`](crate::call::Audit::payload)), and that is all.
//! 2. If there is a receipt with its token and key, the audit is written, and the receipt is the answer.
//! 3. The call is locked and read; [`step`](crate::call::step) says what becomes of it. A conflict writes nothing.
//! 4. The call, its attempts, the step's history and events (outbox), the decision's trace, the receipt with the sealed
//!    answer, and the audit are written; what [`rollup`](crate::call::rollup) says is added to the rollups.
//! 5. If the step took a decision, its delta is booked as [`Books`](crate::strategy::Books) does it.
//!
//! Then let the kit find out what is wrong: module `conformance` says how.
//!
//! # The traits as they are written
//!
//! The signatures below are shown without what `async_trait` makes of them. These adapters hand everything on to another;
//! put your own in its place. [`Store`] and [`LiveState`] are implemented for `Arc`s of adapters too, so that a wrapper can
//! hold an `Arc<dyn Store>`.
//!
//! Four methods are provided: [`Spool::is_empty`], which follows from [`Spool::level`], and [`Store::outbox`],
//! [`Store::forget_events`] and [`Store::upkeep`], which do nothing. **A wrapper must forward these**: without them
//! everything compiles, but events get stuck and the store within is never tidied; the kit's laws find both out.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
//! use cxroute_core::call::{EventKey, Ingested, SessionToken, Signal};
//! use cxroute_core::config::{Configuration, Domain};
//! use cxroute_core::id::TenantId;
//! use cxroute_core::port::{
//!     LiveError, LiveState, Outgoing, OutboxId, Spool, SpoolError, SpoolId, SpoolLevel, Spooled, Store, StoreError,
//!     TenantRead, TenantTx, Upkeep,
//! };
//! use cxroute_core::secret::Sealed;
//! use cxroute_core::strategy::{Adopted, Choice, ChooseRequest, LedgerDelta, PlaneImage, SessionImage, Settle, Settled};
//! use cxroute_core::time::Timestamp;
//!
//! struct MyStore<S>(S);
//!
//! #[async_trait]
//! impl<S: Store> Store for MyStore<S> {
//!     async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
//!         self.0.ingest(batch).await
//!     }
//!     async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
//!         self.0.read(scope).await
//!     }
//!     async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
//!         self.0.begin(scope).await
//!     }
//!     async fn create_tenant(
//!         &self, operator: &Operator, name: &str, domain: &Domain, at: Timestamp,
//!     ) -> Result<TenantId, StoreError> {
//!         self.0.create_tenant(operator, name, domain, at).await
//!     }
//!     async fn tenant_by_domain(&self, operator: &Operator, domain: &Domain) -> Result<Option<TenantId>, StoreError> {
//!         self.0.tenant_by_domain(operator, domain).await
//!     }
//!     async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
//!         self.0.revisions(operator).await
//!     }
//!     async fn outbox(&self, operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
//!         self.0.outbox(operator, limit).await
//!     }
//!     async fn forget_events(&self, operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
//!         self.0.forget_events(operator, ids).await
//!     }
//!     async fn upkeep(&self, operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
//!         self.0.upkeep(operator, now).await
//!     }
//! }
//!
//! struct MyPlane<L>(L);
//!
//! #[async_trait]
//! impl<L: LiveState> LiveState for MyPlane<L> {
//!     async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
//!         self.0.choose(scope, request).await
//!     }
//!     async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
//!         self.0.preview(scope, request).await
//!     }
//!     async fn settle(
//!         &self, scope: &IngestScope, token: &SessionToken, settle: Settle, now: Timestamp,
//!     ) -> Result<(Settled, LedgerDelta), LiveError> {
//!         self.0.settle(scope, token, settle, now).await
//!     }
//!     async fn complete(
//!         &self, scope: &IngestScope, token: &SessionToken, key: EventKey, answer: &Sealed, open_until: Timestamp,
//!     ) -> Result<(), LiveError> {
//!         self.0.complete(scope, token, key, answer, open_until).await
//!     }
//!     async fn retract(&self, scope: &IngestScope, token: &SessionToken, key: EventKey) -> Result<(), LiveError> {
//!         self.0.retract(scope, token, key).await
//!     }
//!     async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
//!         self.0.end(scope, token, now).await
//!     }
//!     async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
//!         self.0.stop_attempts(scope, token).await
//!     }
//!     async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
//!         self.0.hydrate(scope, image).await
//!     }
//!     async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
//!         self.0.adopt(scope, adopted, now).await
//!     }
//!     async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
//!         self.0.restore(scope, image).await
//!     }
//! }
//!
//! struct MySpool<S>(S);
//!
//! #[async_trait]
//! impl<S: Spool> Spool for MySpool<S> {
//!     async fn append(&self, batch: &[(Arc<IngestScope>, Signal)]) -> Result<(), SpoolError> {
//!         self.0.append(batch).await
//!     }
//!     async fn oldest(&self, limit: usize) -> Result<Vec<Spooled>, SpoolError> {
//!         self.0.oldest(limit).await
//!     }
//!     async fn remove(&self, ids: &[SpoolId]) -> Result<(), SpoolError> {
//!         self.0.remove(ids).await
//!     }
//!     async fn set_aside(&self, id: SpoolId, reason: &str) -> Result<(), SpoolError> {
//!         self.0.set_aside(id, reason).await
//!     }
//!     fn holds(&self, scope: &IngestScope, token: &SessionToken) -> bool {
//!         self.0.holds(scope, token)
//!     }
//!     fn level(&self) -> SpoolLevel {
//!         self.0.level()
//!     }
//!     async fn save_snapshot(&self, configuration: &Configuration) -> Result<(), SpoolError> {
//!         self.0.save_snapshot(configuration).await
//!     }
//!     async fn snapshot(&self, domain: &Domain) -> Result<Option<Configuration>, SpoolError> {
//!         self.0.snapshot(domain).await
//!     }
//!     async fn domains(&self, most: usize) -> Result<Vec<Domain>, SpoolError> {
//!         self.0.domains(most).await
//!     }
//! }
//! ```

mod commit;
mod events;
mod live;
mod shared;
mod spool;
mod store;

pub use commit::{Commit, Committed};
pub use events::{
    Event, EventId, EventIdError, Events, EventsError, Heard, News, Next, OutboxId, Outgoing, Since,
    Subscription, Term, hear,
};
pub use live::{LiveError, LiveState};
pub use spool::{Spool, SpoolError, SpoolId, SpoolLevel, Spooled};
pub use store::{
    AgentWriter, AuditEntry, CallDetail, CallFilter, CallReader, Change, Changes, ConfigReader, Deleted,
    GroupWriter, Names, Page, PoolWriter, Retry, RuleChange, RuleWriter, Store, StoreError, TenantRead,
    TenantTx, TenantWriter, Upkeep,
};
