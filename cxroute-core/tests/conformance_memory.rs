//! The in-memory adapters against the conformance kit: the executable specification keeps its own contract.

mod memory_spool;

use cxroute_core::conformance::Subject;
use cxroute_core::memory::{MemoryLive, MemoryStore};

use self::memory_spool::MemorySpool;

async fn store() -> Subject<MemoryStore> {
    Subject::new(MemoryStore::new())
}

cxroute_core::conformance_store!(store);

async fn plane() -> Subject<MemoryLive> {
    Subject::new(MemoryLive::new())
}

cxroute_core::conformance_live!(plane);

async fn spool() -> Subject<MemorySpool> {
    Subject::new(MemorySpool::default())
}

cxroute_core::conformance_spool!(spool);
