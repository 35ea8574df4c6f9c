//! The two ports through which core meets the world: [`Store`], the durable truth, and [`LiveState`], the execution
//! plane. Both are object-safe; the in-memory adapters of [`crate::memory`] are their executable specification, and
//! the conformance kit (feature `conformance`) holds any adapter against their contracts.

mod live;
mod store;

pub use live::{LiveError, LiveState};
pub use store::{
    AgentWriter, AuditEntry, CallDetail, CallFilter, CallReader, Change, Changes, ConfigReader, Deleted,
    GroupWriter, Page, PoolWriter, Retry, RuleWriter, Store, StoreError, TenantRead, TenantTx, TenantWriter,
};
