//! Embed the engine: a store and an execution plane in memory, one tenant with an agent and a rule, one call.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the example is the service that proves authority, and shows the answer"
)]

use std::sync::Arc;

use cxroute_core::authority::Operator;
use cxroute_core::cloudonix::{Provider, VoiceRequest, Webhook};
use cxroute_core::config::{Agent, Domain, InboundRule, Target};
use cxroute_core::engine::{Arrival, Engine, Parts};
use cxroute_core::id::{AgentId, RuleId};
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::Store;
use cxroute_core::secret::Sealed;
use cxroute_core::time::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The configuration: whole aggregates in, one commit.
    let (store, operator) = (Arc::new(MemoryStore::new()), Operator::assume());
    let now = Timestamp::from_millis(1_767_225_600_000);
    let domain = Domain::parse("example.cloudonix.net")?;
    let tenant = store.create_tenant(&operator, "Example", &domain, now).await?;
    let mut tx = store.begin(&operator.config(tenant)).await?;
    let id = AgentId::new(tx.mint().await?);
    let desk = Agent::new(id, "Desk", Provider::parse("retell")?, Sealed::from_bytes("+12127773456"));
    tx.save_agent(&desk).await?;
    let id = RuleId::new(tx.mint().await?);
    tx.save_inbound_rule(&InboundRule::new(id, "+1212*".parse()?, Target::Agent(desk.id))).await?;
    tx.commit(now).await?;

    // The engine: who may speak for the tenant is admitted once, then its webhooks are answered.
    let engine = Engine::new(Parts::in_memory(store, "https://cx.example.com"), &Operator::assume());
    let gate = engine.gate(&domain).await?.ok_or("the tenant was just created")?;
    let admitted = engine.admit_operator(&gate, &operator);
    let body = r#"{"Session":"s1","From":"+15551230000","To":"+12125550100","Direction":"inbound"}"#;
    let request = VoiceRequest::read(&Webhook::of(body));
    let answer = engine.voice_request(&admitted, &request, Arrival { at: now, random: 7 }).await;
    println!("{}", answer.as_str());
    Ok(())
}
