//! More players than caps allow calls, all at once, through every kill: no cap is exceeded at any time, none of its room
//! is lost, and agents are counted as often as they were decided for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::Stop;
use crate::records::Kept;
use crate::together::Line;
use crate::webhooks::{cdr, insist, result, token, voice};

const DOMAIN: &str = "churn.cloudonix.net";
pub(crate) const PLAYERS: u64 = 8;
const CAPS: [(&str, usize); 2] = [("+701", 2), ("+702", 3)];
const POOL: usize = 4;

pub(crate) const TENANT: &str = r#"
tenant: { name: Churn, domain: churn.cloudonix.net }
webhook_key: the-key
pools: [ { name: account, max_concurrent_calls: 4 } ]
agents:
  - { name: "+701", provider: vapi, service_value: "+701", pool: account, max_concurrent_calls: 2 }
  - { name: "+702", provider: vapi, service_value: "+702", pool: account }
groups:
  - name: G
    strategy: load_balanced
    settings: { fallback: { say: "Nobody is there" }, health: { max_consecutive_failures: 1000 } }
    members: [ { agent: "+701" }, { agent: "+702", max_concurrent_calls: 3 } ]
inbound_rules: [ { pattern: "*", target: { group: G } } ]
"#;

/// What the players have seen.
#[derive(Default)]
pub(crate) struct Churn {
    line: Line,
    decided: Mutex<BTreeMap<String, u64>>,
}

impl Churn {
    /// Plays calls one after the other until it is stopped.
    pub(crate) async fn play(self: Arc<Self>, address: SocketAddr, player: u64, stop: Arc<Stop>) {
        let mut number = 0;
        while !stop.said() {
            number += 1;
            let session = token(7, player * 1_000_000 + number);
            let answer = insist(address, &voice(DOMAIN, &session, "+1")).await;
            let Some(agent) = self.decided(answer.dialled()) else { continue };
            self.line.dialled(&agent, &CAPS, (&["+701", "+702"], POOL));
            tokio::task::yield_now().await;
            self.line.over(&agent);
            match number % 3 {
                0 => insist(address, &cdr(DOMAIN, &session, "ANSWER")).await,
                _ => insist(address, &result(&answer, &session, "completed", 2)).await,
            };
        }
    }

    fn decided(&self, agent: Option<String>) -> Option<String> {
        *self.decided.lock().unwrap().entry(agent.clone()?).or_default() += 1;
        agent
    }

    /// All calls have ended: they are counted as they were decided, and all of the room is free again.
    pub(crate) async fn check(&self, folder: &Path, address: SocketAddr) {
        let kept = Kept::read(folder, DOMAIN).await;
        assert_eq!(kept.counts(), *self.decided.lock().unwrap(), "attempts and decisions");
        assert!(kept.calls.iter().all(|call| call.open_attempt().is_none()), "an attempt is open");
        for number in 0..=POOL as u64 {
            let answer = insist(address, &voice(DOMAIN, &token(9, number), "+1")).await;
            let (dialled, expected) = (answer.dialled().is_some(), number < POOL as u64);
            assert_eq!(dialled, expected, "call {number}: {answer:?}");
        }
    }
}
