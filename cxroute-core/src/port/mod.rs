//! The ports through which core meets the world: [`Store`], the durable truth, [`LiveState`], the execution plane, and
//! [`Spool`], where signals wait while the store is away. All are object-safe; the in-memory adapters of
//! [`crate::memory`] are their executable specification, and the conformance kit (feature `conformance`) holds any
//! adapter against their contracts.

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
