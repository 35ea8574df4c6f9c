//! The in-memory adapters against the conformance kit: the executable specification keeps its own contract.
#![cfg(feature = "conformance")]

use cxroute_core::conformance::Subject;
use cxroute_core::memory::MemoryStore;

async fn store() -> Subject<MemoryStore> {
    Subject::new(MemoryStore::new())
}

cxroute_core::conformance_store!(store);
