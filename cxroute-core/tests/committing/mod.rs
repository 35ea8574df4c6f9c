//! Which signals share a transaction of the committer, and which wait for another's end.

#![expect(clippy::unwrap_used, reason = "what cannot be set up has failed the test")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::Domain;
use cxroute_core::conformance::fixture::{START, Script};
use cxroute_core::engine::{Committer, CommitterOptions};
use cxroute_core::id::TenantId;
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::{Commit as _, Committed, Store, StoreError, TenantRead, TenantTx};
use cxroute_core::time::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, yield_now};

/// A store whose transactions end when they are told to, in the order in which they began.
struct Slow {
    store: MemoryStore,
    /// The calls of each that has begun.
    begun: Mutex<Vec<Vec<String>>>,
    ends: Semaphore,
}

#[async_trait]
impl Store for Slow {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        let calls = batch.iter().filter_map(|(_, signal)| signal.token.as_ref());
        self.begun.lock().unwrap().push(calls.map(|token| token.as_str().to_owned()).collect());
        self.ends.acquire().await.unwrap().forget();
        self.store.ingest(batch).await
    }
    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        self.store.read(scope).await
    }
    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        self.store.begin(scope).await
    }
    async fn create_tenant(
        &self,
        operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        self.store.create_tenant(operator, name, domain, at).await
    }
    async fn tenant_by_domain(
        &self,
        operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        self.store.tenant_by_domain(operator, domain).await
    }
    async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        self.store.revisions(operator).await
    }
}

/// A committer in front of a slow store.
struct Desk {
    store: Arc<Slow>,
    committer: Arc<Committer>,
    scope: Arc<IngestScope>,
}

impl Desk {
    #[expect(clippy::disallowed_methods, reason = "the test plays the host")]
    async fn open(most_at_once: usize) -> Self {
        let operator = Operator::assume();
        let (begun, ends) = (Mutex::default(), Semaphore::new(0));
        let store = Arc::new(Slow { store: MemoryStore::new(), begun, ends });
        let domain = Domain::parse("one.example.net").unwrap();
        let tenant = store.create_tenant(&operator, "One", &domain, START).await.unwrap();
        let options = CommitterOptions {
            most_at_once,
            store_budget: std::time::Duration::from_secs(60),
            ..CommitterOptions::default()
        };
        let scope = Arc::new(operator.ingest(tenant));
        let committer = Committer::start(Arc::clone(&store) as _, None, None, operator, options);
        Self { store, committer, scope }
    }

    /// Hands in a signal; what became of it, once it is known.
    async fn hand_in(&self, signal: Signal) -> JoinHandle<Result<Committed, StoreError>> {
        let (committer, scope) = (Arc::clone(&self.committer), Arc::clone(&self.scope));
        let handed_in = tokio::spawn(async move { committer.commit(scope, signal).await });
        self.settle().await;
        handed_in
    }

    /// Whoever can do something on this one thread has done it.
    async fn settle(&self) {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    async fn end_one(&self) {
        self.store.ends.add_permits(1);
        self.settle().await;
    }

    fn begun(&self) -> Vec<Vec<String>> {
        self.store.begun.lock().unwrap().clone()
    }
}

fn call(number: u32) -> Script {
    Script::new(&format!("call {number}"), number)
}

#[tokio::test]
async fn a_second_transaction_begins_once_enough_signals_wait_and_without_the_calls_of_the_first() {
    let desk = Desk::open(2).await;
    let first = desk.hand_in(call(0).voice(7)).await;
    let update = desk.hand_in(call(0).update("connected")).await;
    let mut others = Vec::new();
    for number in 1..31 {
        others.push(desk.hand_in(call(number).voice(7)).await);
    }
    assert_eq!(desk.begun(), [vec!["call 0"]], "31 signals are few");
    others.push(desk.hand_in(call(31).voice(7)).await);
    let others_calls: BTreeSet<String> = (1..32).map(|number| format!("call {number}")).collect();
    assert_eq!(desk.begun().len(), 2);
    assert_eq!(desk.begun()[1].iter().cloned().collect::<BTreeSet<_>>(), others_calls);
    for number in 40..80 {
        others.push(desk.hand_in(call(number).voice(7)).await);
    }
    assert_eq!(desk.begun().len(), 2, "no third one beside them");
    desk.end_one().await;
    assert_eq!(desk.begun()[2][0], "call 0", "what has waited longest goes first");
    desk.store.ends.add_permits(10);
    for done in std::iter::once(first).chain(others) {
        assert!(matches!(done.await.unwrap(), Ok(Committed::Stored(Ingested::Committed(Some(_))))));
    }
    let Ok(Committed::Stored(Ingested::Committed(Some(call)))) = update.await.unwrap() else {
        panic!("the update was not taken")
    };
    assert_eq!(call.state.as_str(), "connected", "after the signal before it");
}

#[tokio::test]
async fn one_at_a_time_is_one_at_a_time_and_closing_takes_what_was_handed_in() {
    let desk = Desk::open(1).await;
    let mut handed_in = Vec::new();
    for number in 0..300 {
        handed_in.push(desk.hand_in(call(number).voice(7)).await);
    }
    assert_eq!(desk.begun().len(), 1);
    let closing = tokio::spawn({
        let committer = Arc::clone(&desk.committer);
        async move { committer.close().await }
    });
    desk.settle().await;
    for _ in 0..3 {
        desk.end_one().await;
    }
    closing.await.unwrap();
    assert_eq!(desk.begun().iter().map(Vec::len).collect::<Vec<_>>(), [1, 256, 43]);
    for done in handed_in {
        assert!(done.await.unwrap().is_ok());
    }
    let late = desk.hand_in(call(400).voice(7)).await;
    assert!(matches!(late.await.unwrap(), Err(StoreError::Unavailable { .. })));
}
