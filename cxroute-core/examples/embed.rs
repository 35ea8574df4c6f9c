//! Embed the engine in ten lines: a store and an execution plane in memory, one tenant, one call.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the example is the service that proves authority, and shows the answer"
)]

use std::sync::Arc;

use bytes::Bytes;
use cxroute_core::authority::Operator;
use cxroute_core::cloudonix::Webhook;
use cxroute_core::config::Domain;
use cxroute_core::engine::{Arrival, Engine, Parts};
use cxroute_core::memory::{MemoryLive, MemoryStore};
use cxroute_core::port::Store;
use cxroute_core::secret::NoVault;
use cxroute_core::time::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (store, operator) = (Arc::new(MemoryStore::new()), Operator::assume());
    let domain = Domain::parse("example.cloudonix.net")?;
    let now = Timestamp::from_millis(1_767_225_600_000);
    store.create_tenant(&operator, "Example", &domain, now).await?;
    let parts = Parts {
        store: store.clone(),
        live: Arc::new(MemoryLive::new()),
        commit: store,
        vault: Arc::new(NoVault),
        authenticator: None,
        spool: None,
        public_url: "https://cx.example.com".to_owned(),
    };
    let engine = Engine::new(parts, Operator::assume());
    let gate = engine.gate(&domain).await?.ok_or("the tenant was just created")?;
    let admitted = engine.admit_operator(&gate, &operator);
    let body = Bytes::from_static(br#"{"Session":"s1","From":"+15551230000","To":"+12125550100"}"#);
    let arrival = Arrival { at: now, random: 7 };
    let answer = engine.voice_request(&admitted, &Webhook::default(), &body, arrival).await;
    // No rule matches yet: the tenant has none, so the call is hung up, and its record says `no_route`.
    println!("{}", std::str::from_utf8(&answer.cxml)?);
    Ok(())
}
