//! The ports through which core meets the world: [`Store`], the durable truth, [`LiveState`], the execution plane, and
//! [`Spool`], where signals wait while the store is away. All are object-safe; the in-memory adapters of
//! [`crate::memory`] are their executable specification, and the conformance kit (feature `conformance`) holds any
//! adapter against their contracts.
//!
//! # Writing an adapter
//!
//! The ports are `#[async_trait]` traits: take the crate `async-trait` and put its attribute over each `impl`, then the
//! methods are written as plain `async fn`s. A [`LiveState`] is one trait of ten methods; its whole behaviour is that of
//! [`crate::strategy::Plane`], method for method. A [`Store`] opens two kinds of handles: one that implements
//! [`ConfigReader`] and [`CallReader`] is a [`TenantRead`], one that implements these and [`TenantWriter`],
//! [`PoolWriter`], [`AgentWriter`], [`GroupWriter`] and [`RuleWriter`] can be a [`TenantTx`]. Its heart is
//! [`Store::ingest`], for each signal of the batch, in order:
//!
//! 1. A signal without a token is written to the audit ([`crate::call::Audit::payload`]), and that is all.
//! 2. If there is a receipt with its token and key, the audit is written, and the receipt is the answer.
//! 3. The call is locked and read; [`crate::call::step`] says what becomes of it. A conflict writes nothing.
//! 4. The call, its attempts, the step's history and events (outbox), the decision's trace, the receipt with the sealed
//!    answer, and the audit are written; what [`crate::call::rollup`] says is added to the rollups.
//! 5. If the step took a decision, its delta is booked as [`crate::strategy::Books`] does it.
//!
//! Then let the kit find out what is wrong: module `conformance` says how.

mod commit;
mod live;
mod spool;
mod store;

pub use commit::{Commit, Committed};
pub use live::{LiveError, LiveState};
pub use spool::{Spool, SpoolError, SpoolId, SpoolLevel, Spooled};
pub use store::{
    AgentWriter, AuditEntry, CallDetail, CallFilter, CallReader, Change, Changes, ConfigReader, Deleted,
    GroupWriter, Names, Page, PoolWriter, Retry, RuleChange, RuleWriter, Store, StoreError, TenantRead,
    TenantTx, TenantWriter,
};
