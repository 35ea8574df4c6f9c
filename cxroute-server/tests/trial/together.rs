//! Two hundred calls at the same moment to one group with caps of all kinds: the same distribution as one after the
//! other, no cap exceeded at any time, nothing counted twice.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::{Connection, Reply};
use crate::process::{PATIENT, Running, apply, assert_calm};
use crate::records::{Kept, listed, windows};
use crate::webhooks::{cdr, insist, result, token, voice};

const DOMAIN: &str = "caps.cloudonix.net";
const CALLS: u64 = 200;

/// +401 is capped by itself, +402 and +403 by their pool, +403 by its membership too, +404 not at all in the first
/// group and by its membership in the second; then there is an announcement.
const TENANT: &str = r#"
tenant: { name: Caps, domain: caps.cloudonix.net }
webhook_key: the-key
pools: [ { name: account, max_concurrent_calls: 50 } ]
agents:
  - { name: "+401", provider: vapi, service_value: "+401", max_concurrent_calls: 20 }
  - { name: "+402", provider: vapi, service_value: "+402", pool: account }
  - { name: "+403", provider: retell, service_value: "+403", pool: account }
  - { name: "+404", provider: retell, service_value: "+404", max_concurrent_calls: 90 }
groups:
  - name: First
    strategy: load_balanced
    settings: { fallback: { group: Second } }
    members:
      - { agent: "+401", capacity: 1 }
      - { agent: "+402", capacity: 2 }
      - { agent: "+403", capacity: 3, max_concurrent_calls: 17 }
      - { agent: "+404", capacity: 4, max_concurrent_calls: 70 }
  - name: Second
    strategy: round_robin
    settings: { fallback: { say: "Nobody is there" } }
    members: [ { agent: "+404", max_concurrent_calls: 15 }, { agent: "+401" } ]
inbound_rules:
  - { pattern: "+1*", target: { group: First } }
  - { pattern: "+2", target: { group: Second } }
"#;

/// What can be live at one time; the pool's agents together.
const CAPS: [(&str, usize); 4] = [("+401", 20), ("+402", 50), ("+403", 17), ("+404", 85)];
const POOL: usize = 50;

type Counts = BTreeMap<Option<String>, usize>;

fn count(replies: &[Reply]) -> Counts {
    let mut counts = Counts::new();
    for reply in replies {
        *counts.entry(reply.dialled()).or_default() += 1;
    }
    counts
}

fn serve(folder: &Path) -> Running {
    apply(folder, &[TENANT]);
    Running::serve(folder, &PATIENT)
}

fn call(number: u64) -> crate::client::Request {
    voice(DOMAIN, &token(1, number), "+12025559999")
}

/// All calls at the same moment, each on a connection of its own that is open before.
async fn at_once(address: SocketAddr) -> Vec<Reply> {
    let together = Arc::new(Barrier::new(CALLS as usize));
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let together = Arc::clone(&together);
        calls.spawn(async move {
            let mut connection = Connection::open(address).await;
            together.wait().await;
            connection.write(&call(number).bytes()).await;
            connection.reply().await.expect("an answer")
        });
    }
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_simultaneous_calls_are_distributed_as_one_after_the_other_and_keep_every_cap() {
    let folder = tempfile::tempdir().unwrap();
    let sequential = serve(folder.path());
    let mut replies = Vec::new();
    for number in 0..CALLS {
        replies.push(call(number).send(sequential.address()).await);
    }
    let expected = count(&replies);
    // The pool's 50 are its agents' 17 and 33, the rest hears the announcement.
    let agent = |agent: &str| Some(agent.to_owned());
    let whole =
        [(None, 45), (agent("+401"), 20), (agent("+402"), 33), (agent("+403"), 17), (agent("+404"), 85)];
    assert_eq!(expected, whole.into_iter().collect());
    assert_calm(&sequential.kill());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let server = serve(path);
    let replies = at_once(server.address()).await;
    assert_eq!(count(&replies), expected);
    let server = server.again(path, &PATIENT);
    assert_eq!(listed(path, DOMAIN).len() as u64, CALLS);
    let dialled: BTreeMap<String, u64> =
        expected.iter().filter_map(|(agent, count)| Some((agent.clone()?, *count as u64))).collect();
    assert_eq!(Kept::read(path, DOMAIN).await.counts(), dialled);
    assert_eq!(windows(path, DOMAIN, &["+1", "+2"]), dialled);
    assert_calm(&server.kill());
}

/// Calls that the platform has on the line: from the answer that dials to the moment at which the end is told. The
/// server must count at least these.
#[derive(Default)]
pub(crate) struct Line(Mutex<BTreeMap<String, usize>>);

impl Line {
    /// Somebody is dialled; the caps of `caps` and `pool` (the agents that share it, and their limit) are kept.
    pub(crate) fn dialled(&self, agent: &str, caps: &[(&str, usize)], pool: (&[&str], usize)) {
        let mut live = self.0.lock().unwrap();
        *live.entry(agent.to_owned()).or_default() += 1;
        let of = |agent: &str| live.get(agent).copied().unwrap_or(0);
        for (agent, cap) in caps {
            assert!(of(agent) <= *cap, "{agent}: {live:?}");
        }
        assert!(pool.0.iter().map(|agent| of(agent)).sum::<usize>() <= pool.1, "the pool: {live:?}");
    }

    /// Its end is about to be told.
    pub(crate) fn over(&self, agent: &str) {
        *self.0.lock().unwrap().get_mut(agent).unwrap() -= 1;
    }
}

/// Plays calls one after the other, each to its end by a dial result or a CDR.
async fn come_and_go(address: SocketAddr, line: Arc<Line>, player: u64) {
    for number in 0..12 {
        let session = token(2, player * 1_000 + number);
        let answer = insist(address, &voice(DOMAIN, &session, "+12025559999")).await;
        let Some(agent) = answer.dialled() else { continue };
        line.dialled(&agent, &CAPS, (&["+402", "+403"], POOL));
        tokio::task::yield_now().await;
        line.over(&agent);
        let end = match number % 3 {
            0 => cdr(DOMAIN, &session, "ANSWER"),
            _ => result(&answer, &session, "completed", 2),
        };
        insist(address, &end).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_and_go_at_once_keep_every_cap_and_leave_no_trace_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path());
    let (address, line) = (server.address(), Arc::new(Line::default()));
    let mut players = JoinSet::new();
    for player in 0..CALLS {
        players.spawn(come_and_go(address, Arc::clone(&line), player));
    }
    players.join_all().await;
    // Everything has ended, so all of every cap is free again.
    let counts = count(&at_once(address).await);
    let of = |agent: &str| counts.get(&Some(agent.to_owned())).copied().unwrap_or(0);
    assert_eq!((of("+401"), of("+402") + of("+403"), of("+404")), (20, POOL, 85), "{counts:?}");
    assert!(of("+403") <= 17, "{counts:?}");
    assert_calm(&server.kill());
}
