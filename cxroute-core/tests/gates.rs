//! Gates whose configuration the spool kept: what the store says later goes before it, and what the store said last is
//! what is kept.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests, which are the operator"
)]

#[path = "away/store.rs"]
mod away;
mod memory_spool;
#[cfg(feature = "runtime")]
#[path = "away/slow_spool.rs"]
mod slow_spool;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cxroute_core::authority::Operator;
use cxroute_core::config::{Domain, OutboundRule};
use cxroute_core::engine::{Direct, Engine, Parts};
use cxroute_core::id::{RuleId, TenantId};
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::{Spool, Store};
use cxroute_core::time::Timestamp;

use crate::away::Away;
use crate::memory_spool::MemorySpool;

const T0: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn domain(name: &str) -> Domain {
    Domain::parse(&format!("{name}.cloudonix.net")).unwrap()
}

async fn tenant(store: &MemoryStore, name: &str) -> TenantId {
    store.create_tenant(&Operator::assume(), name, &domain(name), T0).await.unwrap()
}

/// An engine on this store and spool, as after a start.
fn engine<S: Spool + 'static>(store: &Arc<Away>, spool: &Arc<S>) -> Engine {
    let parts = Parts::in_memory(Arc::new(MemoryStore::new()), "https://cx.example.com");
    let commit = Arc::new(Direct::new(store.clone()));
    let spool: Arc<dyn Spool> = spool.clone();
    Engine::new(Parts { store: store.clone(), commit, spool: Some(spool), ..parts }, &Operator::assume())
}

#[cfg(feature = "runtime")]
#[tokio::test(start_paused = true)]
async fn a_gate_that_is_late_because_its_snapshot_is_being_kept_is_there_once_it_is() {
    use std::time::Duration;
    let inner = Arc::new(MemoryStore::new());
    tenant(&inner, "one").await;
    let spool = slow_spool::SlowSpool::new(MemorySpool::default(), Duration::from_secs(1));
    let engine = engine(&Arc::new(Away::new(inner)), &Arc::new(spool));
    let engine = engine.with_store_patience(Duration::from_millis(100));
    let began = tokio::time::Instant::now();
    let one = domain("one");
    let gate =
        tokio::time::timeout(Duration::from_secs(60), engine.gate(&one)).await.expect("it never comes");
    assert!(gate.unwrap().is_some());
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}

#[tokio::test]
async fn what_another_stores_spool_says_of_a_domain_is_forgotten_once_the_store_is_there() {
    let (here, elsewhere) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    let spool = Arc::new(MemorySpool::default());
    tenant(&elsewhere, "one").await;
    assert!(engine(&Arc::new(Away::new(elsewhere)), &spool).gate(&domain("one")).await.unwrap().is_some());
    // Here, that number is another tenant's.
    let (other, one) = (tenant(&here, "other").await, tenant(&here, "one").await);
    let store = Arc::new(Away::new(here));
    store.away.store(true, Ordering::Relaxed);
    let engine = engine(&store, &spool);
    let gate = engine.gate(&domain("one")).await.unwrap().unwrap();
    assert_eq!(gate.tenant(), other, "nobody can know better");
    assert!(engine.prove_gate(&gate).await.is_err());
    assert_eq!(engine.unproven_gates().len(), 1);
    store.away.store(false, Ordering::Relaxed);
    engine.refresh().await.unwrap();
    assert_eq!(
        gate.snapshot().tenant().domain,
        domain("one"),
        "what is not proven is not brought up to date"
    );
    engine.prove_gate(&gate).await.unwrap();
    assert!(engine.unproven_gates().is_empty());
    assert_eq!(engine.gate(&domain("one")).await.unwrap().unwrap().tenant(), one);
}

#[tokio::test]
async fn a_gate_of_the_spool_is_proven_by_what_the_store_says_now() {
    let (inner, spool) = (Arc::new(MemoryStore::new()), Arc::new(MemorySpool::default()));
    let tenant = tenant(&inner, "one").await;
    let store = Arc::new(Away::new(inner.clone()));
    engine(&store, &spool).gate(&domain("one")).await.unwrap().unwrap();
    let before = spool.snapshot(&domain("one")).await.unwrap().unwrap().revision;
    change(&inner, tenant).await;
    store.away.store(true, Ordering::Relaxed);
    let engine = engine(&store, &spool);
    let gate = engine.gate(&domain("one")).await.unwrap().unwrap();
    assert_eq!(gate.snapshot().revision(), before);
    store.away.store(false, Ordering::Relaxed);
    engine.prove_gate(&gate).await.unwrap();
    assert_eq!(gate.snapshot().revision(), before + 1);
    assert!(Arc::ptr_eq(&gate, &engine.gate(&domain("one")).await.unwrap().unwrap()));
    change(&inner, tenant).await;
    assert_eq!(engine.refresh().await.unwrap(), 1, "what is proven is brought up to date");
}

/// Adds a rule.
async fn change(store: &MemoryStore, tenant: TenantId) {
    let mut tx = store.begin(&Operator::assume().config(tenant)).await.unwrap();
    let revision = tx.revision().await.unwrap();
    let rule = OutboundRule {
        id: RuleId::new(1_000 + revision),
        caller_id: serde_json::from_value("*".into()).unwrap(),
        destination_pattern: serde_json::from_value(format!("+4{revision}*").into()).unwrap(),
        trunk_config: serde_json::from_str(r#"{"trunks": ["a"]}"#).unwrap(),
        enabled: true,
    };
    tx.save_outbound_rule(&rule).await.unwrap();
    tx.commit(T0).await.unwrap();
}

#[tokio::test]
async fn rules_that_have_changed_since_a_tenant_was_loaded_are_in_the_spool_after_a_while() {
    let (inner, spool) = (Arc::new(MemoryStore::new()), Arc::new(MemorySpool::default()));
    let tenant = tenant(&inner, "one").await;
    let store = Arc::new(Away::new(inner.clone()));
    let engine = engine(&store, &spool);
    let gate = engine.gate(&domain("one")).await.unwrap().unwrap();
    assert_eq!(engine.save_snapshots().await.unwrap(), 0);
    change(&inner, tenant).await;
    engine.refresh().await.unwrap();
    let kept = async || spool.snapshot(&domain("one")).await.unwrap().unwrap();
    assert!(kept().await.revision < gate.snapshot().revision());
    store.away.store(true, Ordering::Relaxed);
    assert!(engine.save_snapshots().await.is_err());
    store.away.store(false, Ordering::Relaxed);
    assert_eq!((engine.save_snapshots().await.unwrap(), engine.save_snapshots().await.unwrap()), (1, 0));
    assert_eq!((kept().await.revision, kept().await.outbound_rules.len()), (gate.snapshot().revision(), 1));
}
