//! The publisher between an outbox and those who listen, and what it does when one of them fails.

#![expect(clippy::unwrap_used, reason = "what cannot be set up has failed the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::Domain;
use cxroute_core::conformance::fixture::{START, Script};
use cxroute_core::engine::{PublishError, Publisher, Round};
use cxroute_core::id::TenantId;
use cxroute_core::memory::{MemoryEvents, MemoryStore};
use cxroute_core::port::{
    Events, EventsError, Heard, OutboxId, Outgoing, Retry, Since, Store, StoreError, Subscription,
    TenantRead, TenantTx, Term,
};
use cxroute_core::time::Timestamp;

/// Both sides of a publisher; each may be told to fail so many times more.
struct Sides {
    store: MemoryStore,
    events: MemoryEvents,
    forgetting_fails: AtomicUsize,
    publishing_fails: AtomicUsize,
    elsewhere: AtomicUsize,
}

fn fails(times: &AtomicUsize) -> bool {
    times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl Store for Sides {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
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
    async fn outbox(&self, operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.store.outbox(operator, limit).await
    }
    async fn forget_events(&self, operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        match fails(&self.forgetting_fails) {
            true => Err(StoreError::Unavailable { reason: "planted".to_owned(), retry: Retry::Soon }),
            false => self.store.forget_events(operator, ids).await,
        }
    }
}

#[async_trait]
impl Events for Sides {
    async fn lead(&self, operator: &Operator) -> Result<Option<Term>, EventsError> {
        if fails(&self.elsewhere) { Ok(None) } else { self.events.lead(operator).await }
    }
    async fn publish(
        &self,
        scope: &IngestScope,
        term: Term,
        waiting: &[Outgoing],
    ) -> Result<(), EventsError> {
        match fails(&self.publishing_fails) {
            true => Err(EventsError::Unavailable { reason: "planted".to_owned() }),
            false => self.events.publish(scope, term, waiting).await,
        }
    }
    async fn subscribe(&self, scope: &ReadScope, since: Since) -> Result<Box<dyn Subscription>, EventsError> {
        self.events.subscribe(scope, since).await
    }
}

/// A publisher, its sides, and two tenants.
struct Desk {
    sides: Arc<Sides>,
    publisher: Publisher,
    operator: Operator,
    tenants: [TenantId; 2],
}

impl Desk {
    #[expect(clippy::disallowed_methods, reason = "the test plays the host")]
    async fn open() -> Self {
        let operator = Operator::assume();
        let sides = Arc::new(Sides {
            store: MemoryStore::new(),
            events: MemoryEvents::starting(START),
            forgetting_fails: AtomicUsize::new(0),
            publishing_fails: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
        });
        let mut tenants = [TenantId::new(0); 2];
        for (tenant, domain) in tenants.iter_mut().zip(["one.example", "two.example"]) {
            let domain = Domain::parse(domain).unwrap();
            *tenant = sides.create_tenant(&operator, "Example", &domain, START).await.unwrap();
        }
        let publisher = Publisher::new(sides.clone(), sides.clone(), &operator);
        Self { sides, publisher, operator, tenants }
    }

    async fn take(&self, tenant: usize, signals: Vec<Signal>) {
        let scope = Arc::new(self.operator.ingest(self.tenants[tenant]));
        let batch = signals.into_iter().map(|signal| (Arc::clone(&scope), signal)).collect();
        for done in self.sides.ingest(batch).await {
            done.unwrap();
        }
    }

    async fn listen(&self, tenant: usize) -> Box<dyn Subscription> {
        self.sides.subscribe(&self.operator.read(self.tenants[tenant]), Since::Now).await.unwrap()
    }

    async fn waiting(&self) -> usize {
        self.sides.outbox(&self.operator, 100_000).await.unwrap().len()
    }
}

/// The next events, in words.
async fn heard(listener: &mut Box<dyn Subscription>, count: usize) -> Vec<String> {
    let mut words = Vec::new();
    for _ in 0..count {
        words.push(match listener.next().await {
            Heard::Event(event) => {
                format!("{} {}", event.data["session_token"].as_str().unwrap(), event.event_type)
            }
            Heard::Gap => "gap".to_owned(),
        });
    }
    words
}

#[tokio::test]
async fn what_was_committed_is_published_in_order_to_its_own_tenant_and_forgotten() {
    let mut desk = Desk::open().await;
    let (mut one, mut two) = (desk.listen(0).await, desk.listen(1).await);
    assert_eq!(desk.publisher.round().await.unwrap(), Round::Idle);
    let script = Script::new("a", 1);
    desk.take(0, vec![script.voice(7)]).await;
    desk.take(1, vec![Script::new("b", 2).voice(7)]).await;
    desk.take(0, vec![script.update("connected"), script.cdr("ANSWER", 42)]).await;
    assert_eq!(desk.publisher.round().await.unwrap(), Round::Published(8));
    assert_eq!(desk.waiting().await, 0);
    let expected =
        ["a call_queued", "a call_started", "a call_routed", "a call_connected", "a call_completed"];
    assert_eq!(heard(&mut one, 5).await, expected);
    assert_eq!(heard(&mut two, 3).await, ["b call_queued", "b call_started", "b call_routed"]);
    assert_eq!(desk.publisher.round().await.unwrap(), Round::Idle);
}

#[tokio::test]
async fn events_that_the_store_could_not_forget_are_not_published_twice() {
    let mut desk = Desk::open().await;
    let mut listener = desk.listen(0).await;
    desk.sides.forgetting_fails.store(2, Ordering::Relaxed);
    desk.take(0, vec![Script::new("a", 1).voice(7)]).await;
    for _ in 0..2 {
        let failed = desk.publisher.round().await;
        assert!(matches!(failed, Err(PublishError::Store(_))), "{failed:?}");
    }
    desk.take(0, vec![Script::new("b", 2).voice(7)]).await;
    assert_eq!(desk.publisher.round().await.unwrap(), Round::Published(3));
    let calls = heard(&mut listener, 6).await;
    assert_eq!((calls[2].as_str(), calls[3].as_str()), ("a call_routed", "b call_queued"));
    assert_eq!(desk.waiting().await, 0);
}

#[tokio::test]
async fn events_that_could_not_be_published_wait_and_hold_up_nobody_else() {
    let mut desk = Desk::open().await;
    let (mut one, mut two) = (desk.listen(0).await, desk.listen(1).await);
    desk.sides.publishing_fails.store(1, Ordering::Relaxed);
    desk.take(0, vec![Script::new("a", 1).voice(7)]).await;
    desk.take(1, vec![Script::new("b", 2).voice(7)]).await;
    let failed = desk.publisher.round().await;
    assert!(matches!(failed, Err(PublishError::Events(_))), "{failed:?}");
    assert_eq!(heard(&mut two, 1).await, ["b call_queued"]);
    assert_eq!(desk.waiting().await, 3);
    assert_eq!(desk.publisher.round().await.unwrap(), Round::Published(3));
    assert_eq!(heard(&mut one, 1).await, ["a call_queued"]);
}

#[tokio::test]
async fn who_does_not_lead_reads_no_outbox() {
    let mut desk = Desk::open().await;
    desk.take(0, vec![Script::new("a", 1).voice(7)]).await;
    desk.sides.elsewhere.store(1, Ordering::Relaxed);
    assert_eq!(desk.publisher.round().await.unwrap(), Round::Elsewhere);
    assert_eq!(desk.waiting().await, 3);
}

#[tokio::test]
async fn of_events_that_nobody_takes_the_last_are_published_behind_a_gap() {
    let mut desk = Desk::open().await;
    let mut listener = desk.listen(0).await;
    let most = 1 << 16;
    desk.take(0, (0..most / 3 + 10).map(|n| Script::new(&format!("call {n}"), n).voice(7)).collect()).await;
    assert_eq!(desk.waiting().await, most as usize + 1, "the last ones, and that there were others");
    let first = desk.publisher.round().await.unwrap();
    assert_eq!(first, Round::Published(Publisher::MOST));
    assert_eq!(heard(&mut listener, 1).await, ["gap"]);
    assert!(heard(&mut listener, 1).await[0].starts_with("call 9 "), "the oldest that was kept");
    assert_eq!(desk.waiting().await, most as usize + 1 - Publisher::MOST);
}
