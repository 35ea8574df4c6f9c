//! Write a custom strategy: callers stay with the agent they know, and a share of new calls tries a new agent out.
//!
//! Two wishes that vendors of voice agents' customers have, as one [`CustomStrategy`] over the agents' own notes
//! (`metadata`). Caps, health, fail-over, windows and traces stay what they are: the group's own strategy picks among
//! the members that the call prefers equally.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the example is the service that proves authority, and shows the answers"
)]

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use cxroute_core::authority::Operator;
use cxroute_core::cloudonix::{Provider, VoiceRequest, Webhook};
use cxroute_core::config::{Agent, Domain, Group, InboundRule, Member, Strategy, Target};
use cxroute_core::engine::{Arrival, Engine, Origin, Parts, Question};
use cxroute_core::id::{AgentId, GroupId, MembershipId, RuleId};
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::Store;
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{CallFacts, Candidate, CustomStrategy, Preference};
use cxroute_core::time::Timestamp;

/// Each caller prefers one agent, always the same (rendezvous hashing: an agent that leaves moves only its own
/// callers), and an agent on trial gets only the callers of its percentage.
struct Loyal;

impl CustomStrategy for Loyal {
    fn preference(&self, call: &CallFacts<'_>, candidate: &Candidate<'_>) -> Preference {
        let percent = candidate.agent.metadata.get("trial_percent").and_then(serde_json::Value::as_u64);
        if percent.is_some_and(|percent| u64::from(draw(call.from, "trial")) % 100 >= percent) {
            return Preference::Never;
        }
        Preference::Rank(draw(call.from, &candidate.agent.name))
    }
}

/// The same number for the same caller, whenever and wherever it is drawn.
fn draw(caller: &str, what: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    (caller, what).hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = Timestamp::from_millis(1_767_225_600_000);
    let (store, operator) = (Arc::new(MemoryStore::new()), Operator::assume());
    let domain = Domain::parse("example.cloudonix.net")?;
    let tenant = store.create_tenant(&operator, "Example", &domain, now).await?;
    let mut tx = store.begin(&operator.config(tenant)).await?;
    let mut members = Vec::new();
    for (id, name) in (1..).zip(["Ada", "Grace", "Newcomer"]) {
        let number = Sealed::from_bytes(format!("+1212777000{id}"));
        let mut agent = Agent::new(AgentId::new(id), name, Provider::parse("vapi")?, number);
        if name == "Newcomer" {
            agent.metadata.insert("trial_percent".to_owned(), 20.into());
        }
        tx.save_agent(&agent).await?;
        members.push(Member::new(MembershipId::new(id), agent.id));
    }
    let group = Group::new(GroupId::new(10), "Support", Strategy::LoadBalanced, members);
    tx.save_group(&group).await?;
    tx.save_inbound_rule(&InboundRule::new(RuleId::new(20), "*".parse()?, Target::Group(group.id))).await?;
    tx.commit(now).await?;

    let engine = Engine::new(Parts::in_memory(store, "https://cx.example.com"), &Operator::assume())
        .with_strategy(Arc::new(Loyal));
    let gate = engine.gate(&domain).await?.ok_or("the tenant was just created")?;
    let admitted = engine.admit_operator(&gate, &operator);
    for (call, caller) in (1..).zip(["+15551230001", "+15551230002", "+15551230001", "+15551230003"]) {
        let body = format!(r#"{{"Session":"s{call}","From":"{caller}","To":"+1212","Direction":"inbound"}}"#);
        let request = VoiceRequest::read(&Webhook::of(&body));
        let answer = engine.voice_request(&admitted, &request, Arrival { at: now, random: call }).await;
        println!("{caller}: {}", answer.as_str());
    }
    // A dry run asks the strategy too: its trace says who was less preferred, and who was kept out.
    let question =
        Question { to: "+1212".into(), from: "+15551230002".into(), origin: Origin::Inbound, at: now };
    let explanation = engine.explain(&admitted, &question, None).await?;
    for member in explanation.trace.stages.iter().flat_map(|stage| &stage.members) {
        println!("agent {}: {:?}", member.agent, member.verdict);
    }
    Ok(())
}
