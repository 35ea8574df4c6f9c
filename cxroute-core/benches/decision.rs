//! The whole decision in process: payload in, CXML out, on the in-memory adapters, with record, history, trace,
//! receipt and audit. `cargo bench -p cxroute-core --bench decision --features seal,country`
//!
//! Prints microseconds and heap allocations a decision, per strategy and number of members. Goal: ≤ 5 µs, ≤ 20
//! allocations at 10 members. A round is 1,000 calls that arrive one after another, are live together, and end before the
//! next round; the ends are not measured. The store keeps the last 4,000 calls.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its table, has no caller, and is the operator"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cxroute_core::authority::Operator;
use cxroute_core::cloudonix::{Cdr, CxHeaders, VoiceRequest, Webhook};
use cxroute_core::config::{
    Agent, AgentField, Capacity, Domain, Group, InboundRule, Member, Strategy, Target,
};
use cxroute_core::engine::{Admitted, Arrival, Engine, Parts};
use cxroute_core::id::{AgentId, GroupId, MembershipId, RuleId, TenantId};
use cxroute_core::memory::{MemoryLive, MemoryStore};
use cxroute_core::port::Store;
use cxroute_core::seal::{Keyring, MasterKey};
use cxroute_core::secret::Vault;
use cxroute_core::time::Timestamp;

const ROUNDS: usize = 60;
const CALLS: usize = 1_000;
/// Between two rounds; ended calls are forgotten by then.
const PAUSE_MILLIS: usize = 400_000;

fn agent(tenant: TenantId, id: u64, vault: &dyn Vault) -> Agent {
    let row = id.to_string();
    Agent {
        id: AgentId::new(id),
        name: format!("agent {id}"),
        provider: serde_json::from_value("vapi".into()).unwrap(),
        service_value: vault.seal(AgentField::ServiceValue.place(tenant, &row), b"+12127773456").unwrap(),
        username: None,
        password: None,
        enabled: true,
        max_concurrent_calls: Some(1_000_000),
        pool: None,
        metadata: serde_json::Map::new(),
    }
}

fn member(id: u64) -> Member {
    Member {
        id: MembershipId::new(id),
        agent: AgentId::new(id),
        priority: Some(1),
        capacity: Capacity::ONE,
        enabled: true,
        max_concurrent_calls: None,
    }
}

async fn desk(strategy: Strategy, members: u64) -> (Engine, Admitted) {
    let store = Arc::new(MemoryStore::keeping(4 * CALLS));
    let vault = Arc::new(Keyring::new(MasterKey::new([7; 32]), []));
    let operator = Operator::assume();
    let domain = Domain::parse("bench.cloudonix.net").unwrap();
    let tenant = store.create_tenant(&operator, "Bench", &domain, Timestamp::EPOCH).await.unwrap();
    let mut tx = store.begin(&operator.config(tenant)).await.unwrap();
    let mut group = Group {
        id: GroupId::new(1),
        name: "Bench".into(),
        strategy,
        settings: Default::default(),
        members: Vec::new(),
    };
    for id in 1..=members {
        tx.save_agent(&agent(tenant, id, vault.as_ref())).await.unwrap();
        group.members.push(member(id));
    }
    tx.save_group(&group).await.unwrap();
    for id in 0..1_000_u64 {
        let rule = InboundRule {
            id: RuleId::new(id + 1),
            pattern: serde_json::from_value(format!("+1{id:03}*").into()).unwrap(),
            target: Target::Group(group.id),
            priority: 1,
            enabled: true,
        };
        tx.save_inbound_rule(&rule).await.unwrap();
    }
    tx.commit(Timestamp::EPOCH).await.unwrap();
    let parts = Parts {
        store: Arc::clone(&store) as Arc<dyn Store>,
        live: Arc::new(MemoryLive::new()),
        commit: store,
        vault,
        authenticator: None,
        spool: None,
        public_url: "https://cx.example.com".into(),
    };
    let engine = Engine::new(parts, &Operator::assume());
    let gate = engine.gate(&domain).await.unwrap().unwrap();
    let admitted = engine.admit_operator(&gate, &Operator::assume());
    (engine, admitted)
}

fn body(call: usize) -> Bytes {
    let token = format!("{call:032x}");
    let to = 12_000_000_000_u64 + (call as u64 * 7_919) % 9_999_999;
    Bytes::from(format!(
        r#"{{"ApiVersion":"1","CallStatus":"in-progress","From":"+15551230000","CallSid":"{token}","To":"+{to}","SessionData":{{"id":10048287,"domainId":755,"destination":"{to}","callerId":"15551230000","token":"{token}","profile":{{"trunk-sip-headers":{{}},"callId":["28293431436702-395851086431570@192.168.2.161"]}},"callStartTime":1719354316138,"status":"processing","vappServer":"10.0.0.1","ringing":false,"domainNameOrId":"bench.cloudonix.net"}},"Domain":"bench.cloudonix.net","CallerName":"15551230000","Direction":"inbound","AccountSid":"bench.cloudonix.net","Session":"{token}"}}"#
    ))
}

async fn round(engine: &Engine, admitted: &Admitted, first: usize) -> f64 {
    let bodies = payloads(first);
    let start = Instant::now();
    for (call, (body, stage)) in bodies.iter().enumerate() {
        let headers = CxHeaders { stage_id: Some(stage.as_str().into()), ..CxHeaders::default() };
        let webhook = Webhook {
            path: "/api/voice/application/bench.cloudonix.net",
            headers: Some(&headers),
            ..Webhook::of(body)
        };
        let request = VoiceRequest::read(&webhook);
        black_box(engine.voice_request(admitted, &request, arrival(first, call)).await);
    }
    let elapsed = start.elapsed().as_nanos() as f64 / CALLS as f64;
    drop(bodies);
    elapsed
}

fn arrival(first: usize, call: usize) -> Arrival {
    let millis = 1_767_225_600_000 + first / CALLS * PAUSE_MILLIS + call;
    Arrival { at: Timestamp::from_millis(millis as i64), random: (first + call) as u64 }
}

/// Ends the calls of a round.
async fn end(engine: &Engine, admitted: &Admitted, first: usize) {
    for call in 0..CALLS {
        let token = first + call;
        let body = format!(r#"{{"session":{{"token":"{token:032x}"}},"disposition":"ANSWER","billsec":1}}"#);
        let cdr = Cdr::read(&Webhook::of(&body));
        engine.cdr(admitted, &cdr, arrival(first, 2_000 + call)).await.unwrap();
    }
}

/// Heap allocations of one decision: those of a round less those of making its payloads.
fn allocations(runtime: &tokio::runtime::Runtime, engine: &Engine, admitted: &Admitted) -> f64 {
    let first = ROUNDS * CALLS;
    let made = allocation_counter::measure(|| {
        runtime.block_on(async { drop(black_box(payloads(first))) });
    });
    let all = allocation_counter::measure(|| {
        runtime.block_on(async { black_box(round(engine, admitted, first).await) });
    });
    (all.count_total - made.count_total) as f64 / CALLS as f64
}

fn payloads(first: usize) -> Vec<(Bytes, String)> {
    (first..first + CALLS).map(|call| (body(call), format!("{call:016x}"))).collect()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    println!("{:<16}{:>8}{:>14}{:>14}{:>14}", "strategy", "members", "min µs", "median µs", "allocations");
    for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
        for members in [1, 10, 100] {
            let (mut times, engine, admitted) = runtime.block_on(async {
                let (engine, admitted) = desk(strategy, members).await;
                let mut times = Vec::new();
                for index in 0..ROUNDS {
                    times.push(round(&engine, &admitted, index * CALLS).await);
                    end(&engine, &admitted, index * CALLS).await;
                }
                (times, engine, admitted)
            });
            let allocations = allocations(&runtime, &engine, &admitted);
            times.sort_by(f64::total_cmp);
            println!(
                "{:<16}{members:>8}{:>14.2}{:>14.2}{allocations:>14.1}",
                strategy.as_str(),
                times[0] / 1_000.0,
                times[ROUNDS / 2] / 1_000.0,
            );
        }
    }
}
