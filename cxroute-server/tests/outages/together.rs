//! Two servers on one MySQL and one Redis are one service: 2,000 calls over both, with copies to the other one.

use std::collections::BTreeMap;

use crate::kept::Answers;
use crate::load::Told;
use crate::records::assert_windows;
use crate::simulation::{decisions, spread};
use crate::world::{PlaneOf, World, slow};

/// What can be live at one time of the tenant with caps, and its pool's agents together.
const CAPS: [(&str, usize); 2] = [("+302", 4), ("+303", 3)];
const POOL: (&[&str], usize) = (&["+301", "+302"], 6);

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_mysql_and_one_redis_are_one_service() {
    // Whether deadlines are kept is measured elsewhere: here as many calls come at once as can, and one that is sent round
    // by it would be another call to judge.
    let mut world = World::start(PlaneOf::OneRedis, &["--deadline-ms", "10000"]).await;
    let rest = ["--rate", "0", "--deadline-ms", "100000"];
    let level = [&["--calls", "1000", "--concurrency", "12"], &rest[..]].concat();
    let turns = [&["--calls", "500", "--concurrency", "8"], &rest[..]].concat();
    // Calls of some length, and more of them than the caps allow.
    let many = ["--calls", "500", "--concurrency", "24", "--speed", "250", "--to", "+1", "--to", "+2"];
    let chain = [&many[..], &rest[..]].concat();
    let both = world.play("both", [&level, &turns, &chain]).end().await;
    // What a slow machine did not commit in time waits in a spool, where another server does not see it.
    let spooled = world.spooled().await;
    println!("{spooled} signals spooled");
    world.note(both.faults(&both, slow(spooled)));
    world.recovered().await;
    let counts = world.check_kept(&[&both], Answers::Durable).await;
    for (calls, counts) in both.calls.iter().zip(&counts) {
        world.attempt("attempts and decisions", || assert_eq!(decisions(&calls.report), *counts));
    }
    println!("{counts:?}");
    world.attempt("level", || assert!(spread(&counts[0], 3) <= 1));
    world.attempt("turns", || assert!(spread(&counts[1], 5) <= 1));
    let path = world.path().to_owned();
    world.attempt("windows", || assert_windows(&path, &counts));
    let most = most_live(&both.calls[2].told);
    let of = |agents: &[&str]| most.get(&agents.join("+")).copied().unwrap_or(0);
    println!("at most live at one time: {most:?}");
    for (agent, cap) in CAPS {
        assert!(of(&[agent]) <= cap, "{agent}: {most:?}");
    }
    assert!(of(POOL.0) <= POOL.1, "the pool: {most:?}");
    assert!(CAPS.iter().any(|(agent, cap)| of(&[agent]) == *cap), "no cap was ever reached: {most:?}");
    let degraded = world.degraded_since(0).await;
    world.note((degraded > 0).then(|| format!("{degraded} decisions without the plane")));
    let shares = [world.served(0).await, world.served(1).await];
    println!("voice requests by server: {shares:?}");
    assert!(shares[0] * 3 > shares[1] && shares[1] * 3 > shares[0], "{shares:?}");
    world.assert_faultless();
}

impl World {
    async fn served(&self, server: usize) -> u64 {
        self.metric(server, r#"cxroute_requests_total{endpoint="voice",status="2xx"}"#).await
    }
}

/// How many calls each agent, and the pool's agents together, had on the line at one time at most: from the answer that
/// dials to the moment at which the end is told. The servers must count at least these.
fn most_live(calls: &[Told]) -> BTreeMap<String, usize> {
    let mut events: Vec<(f64, bool, &str)> = Vec::new();
    for call in calls {
        for (agent, from, to) in spans(call) {
            if to > from {
                events.push((from, true, agent));
                events.push((to, false, agent));
            }
        }
    }
    // At the same moment ends come first.
    events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut live, mut most) = (BTreeMap::<&str, usize>::new(), BTreeMap::<String, usize>::new());
    for (_, begins, agent) in events {
        let now = live.entry(agent).or_default();
        *now = if begins { *now + 1 } else { *now - 1 };
        let pool: usize = POOL.0.iter().filter_map(|agent| live.get(agent)).sum();
        for (name, now) in [(agent.to_owned(), live[agent]), (POOL.0.join("+"), pool)] {
            let so_far = most.entry(name).or_default();
            *so_far = now.max(*so_far);
        }
    }
    most
}

/// Whom a call dialled, and from when to when it was on the line, in milliseconds.
fn spans(call: &Told) -> Vec<(&'static str, f64, f64)> {
    let sent: Vec<_> = call.webhooks.iter().filter(|hook| hook.copy.is_none()).collect();
    let asked: Vec<_> = sent.iter().filter(|hook| hook.asks()).collect();
    assert_eq!(asked.len(), call.documents.len(), "{call:#?}");
    let mut spans = Vec::new();
    for (at, (hook, document)) in asked.iter().zip(&call.documents).enumerate() {
        let answered = hook.sent_ms + hook.waited_ms;
        let next = asked.get(at + 1).map(|next| next.sent_ms);
        let ended = sent.iter().filter(|hook| hook.kind == "cdr").map(|hook| hook.sent_ms).next();
        let over = next.into_iter().chain(ended).fold(f64::INFINITY, f64::min);
        let agents = ["+301", "+302", "+303", "+304"];
        let dialled = agents.into_iter().filter(|agent| document.cxml.contains(&format!(">{agent}<")));
        spans.extend(dialled.map(|agent| (agent, answered, over)));
    }
    spans
}
