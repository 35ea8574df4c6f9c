//! The in-memory adapters against the conformance kit: the executable specification keeps its own contract.

#[cfg(feature = "runtime")]
mod committing;
mod frozen_live;
mod memory_spool;
mod publishing;

use std::sync::Arc;

use cxroute_core::authority::Operator;
use cxroute_core::config::Domain;
use cxroute_core::conformance::Subject;
use cxroute_core::conformance::fixture::{START, Script};
use cxroute_core::memory::{MemoryEvents, MemoryLive, MemoryStore};
use cxroute_core::port::{LiveState, Store as _};

use self::memory_spool::MemorySpool;

async fn store() -> Subject<MemoryStore> {
    Subject::new(MemoryStore::new())
}

cxroute_core::conformance_store!(store);

/// As an engine has it, known by its trait alone: the `Arc` keeps every law too.
async fn plane() -> Subject<Arc<dyn LiveState>> {
    Subject::new(Arc::new(MemoryLive::new()))
}

cxroute_core::conformance_live!(plane);

/// A plane that is serialised and read back between any two operations.
mod frozen {
    use cxroute_core::conformance::Subject;

    use crate::frozen_live::FrozenLive;

    async fn plane() -> Subject<FrozenLive> {
        Subject::new(FrozenLive::default())
    }

    cxroute_core::conformance_live!(plane);
}

async fn events() -> Subject<MemoryEvents> {
    Subject::new(MemoryEvents::keeping(START, 500))
}

cxroute_core::conformance_events!(events);

async fn spool() -> Subject<MemorySpool> {
    Subject::new(MemorySpool::default())
}

cxroute_core::conformance_spool!(spool);

/// What the kit does not ask, as it is this adapter's own: a host that takes no events does not pay for them for ever.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test plays the host")]
async fn of_events_that_nobody_takes_the_last_ones_are_kept() {
    let (store, operator) = (MemoryStore::keeping(10), Operator::assume());
    let domain = Domain::parse("example.cloudonix.net").unwrap();
    let tenant = store.create_tenant(&operator, "Example", &domain, START).await.unwrap();
    let scope = Arc::new(operator.ingest(tenant));
    let most = 1 << 16;
    for call in 0..most + 10 {
        let signal = Script::new(&format!("call {call}"), call as u32).voice(7);
        store.ingest(vec![(scope.clone(), signal)]).await.pop().unwrap().unwrap();
    }
    let events = store.take_events(&operator.read(tenant)).unwrap();
    assert_eq!(events.len(), most);
    assert_eq!(events.last().unwrap().session_token.as_str(), format!("call {}", most + 9));
    assert!(store.take_events(&operator.read(tenant)).unwrap().is_empty());
}
