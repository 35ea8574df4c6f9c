//! Calls one after the other, each request sent until it is answered: what a server answers that is killed again and
//! again is, to the byte, what one answers that lives. So turns, windows, caps and tried agents have gone on where they
//! were, and a decision that was lost with its server was made again as if it never had been.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::Stop;
use crate::client::{Reply, Request};
use crate::dice::Dice;
use crate::process::{PATIENT, Running};
use crate::webhooks::{cdr, insist, result, store_was_away, token, voice};

const DOMAIN: &str = "mirror.cloudonix.net";
/// So many calls are open at one time: more than the caps of some agents.
const OPEN: usize = 8;

pub(crate) const TENANT: &str = r#"
tenant: { name: Mirror, domain: mirror.cloudonix.net }
webhook_key: the-key
pools: [ { name: account, max_concurrent_calls: 4 } ]
agents:
  - { name: "+601", provider: vapi, service_value: "+601", username: me, password: hunter2, max_concurrent_calls: 2 }
  - { name: "+602", provider: vapi, service_value: "+602", pool: account }
  - { name: "+603", provider: vapi, service_value: "+603", pool: account }
  - { name: "+604", provider: retell, service_value: "+604" }
  - { name: "+605", provider: retell, service_value: "+605", max_concurrent_calls: 3 }
groups:
  - name: Shares
    strategy: load_balanced
    settings: { fallback: { group: Turns }, health: { max_consecutive_failures: 1000 } }
    members:
      - { agent: "+601", capacity: 3 }
      - { agent: "+602", capacity: 2, max_concurrent_calls: 3 }
      - { agent: "+603" }
      - { agent: "+605", capacity: 2 }
  - name: Turns
    strategy: round_robin
    settings: { fallback: { say: "Nobody is there" }, health: { max_consecutive_failures: 1000 } }
    members: [ { agent: "+601" }, { agent: "+602" }, { agent: "+603" }, { agent: "+604" }, { agent: "+605" } ]
  - name: Levels
    strategy: priority
    settings: { max_attempts: 4, fallback: { number: "+699", trunks: [out] }, health: { max_consecutive_failures: 1000 } }
    members:
      - { agent: "+601", priority: 1 }
      - { agent: "+602", priority: 1 }
      - { agent: "+603", priority: 1 }
      - { agent: "+604", priority: 2 }
      - { agent: "+605", priority: 2 }
inbound_rules:
  - { pattern: "+1", target: { group: Shares } }
  - { pattern: "+2", target: { group: Turns } }
  - { pattern: "+3", target: { group: Levels } }
"#;

/// A request and what it was answered.
#[derive(Clone)]
struct Exchange {
    request: Request,
    reply: Reply,
    answer: Answer,
}

/// What a copy is answered with.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    /// The same document.
    Cxml,
    /// That it is a copy.
    Acknowledgement,
}

/// Everything that was asked and answered.
#[derive(Default)]
pub(crate) struct Mirror {
    exchanges: Mutex<Vec<Exchange>>,
    /// Held while something is asked. A copy of a request of a call that is over is decided before its receipt is found,
    /// and taken back: nothing is to be asked meanwhile.
    alone: tokio::sync::Mutex<()>,
}

impl Mirror {
    pub(crate) fn len(&self) -> usize {
        self.exchanges.lock().unwrap().len()
    }

    /// Plays calls until it is stopped: some fail over, some stay open for a while.
    pub(crate) async fn play(self: Arc<Self>, address: SocketAddr, mut dice: Dice, stop: Arc<Stop>) {
        let mut open: Vec<(String, Reply, usize)> = Vec::new();
        let mut number = 0;
        while !stop.said() {
            number += 1;
            let (session, to) = (token(6, number), *dice.pick(&["+1", "+2", "+3"]));
            let mut stage = 1;
            let mut reply = self.ask(address, voice(DOMAIN, &session, to)).await;
            while reply.dialled().is_some() && dice.one_in(3) {
                stage += 1;
                let word = dice.pick(&["busy", "no-answer", "failed"]);
                reply = self.ask(address, result(&reply, &session, word, stage)).await;
            }
            if reply.dialled().is_some() {
                open.push((session, reply, stage));
            }
            if open.len() > OPEN {
                let (session, reply, stage) = open.swap_remove(dice.below(OPEN));
                let ends_by_its_result = dice.one_in(2);
                if ends_by_its_result {
                    self.ask(address, result(&reply, &session, "completed", stage + 1)).await;
                }
                if !ends_by_its_result || dice.one_in(2) {
                    self.tell(address, cdr(DOMAIN, &session, "ANSWER")).await;
                }
            }
        }
    }

    async fn ask(&self, address: SocketAddr, request: Request) -> Reply {
        let _alone = self.alone.lock().await;
        let reply = insist(address, &request).await;
        reply.document();
        self.exchanges.lock().unwrap().push(Exchange { request, reply: reply.clone(), answer: Answer::Cxml });
        reply
    }

    async fn tell(&self, address: SocketAddr, request: Request) {
        let _alone = self.alone.lock().await;
        let reply = insist(address, &request).await;
        self.exchanges.lock().unwrap().push(Exchange { request, reply, answer: Answer::Acknowledgement });
    }

    /// Sends copies of the last requests and of some at random, `most` in all: each gets the bytes that the first got.
    pub(crate) async fn repeat(&self, address: SocketAddr, dice: &mut Dice, most: usize) {
        let _alone = self.alone.lock().await;
        let mut exchanges = self.exchanges.lock().unwrap().clone();
        if exchanges.len() > most {
            let mut recent = exchanges.split_off(exchanges.len() - most / 2);
            recent.extend((0..most / 2).map(|_| dice.pick(&exchanges).clone()));
            exchanges = recent;
        }
        for Exchange { request, reply, answer } in exchanges {
            let again = insist(address, &request).await;
            match answer {
                Answer::Cxml => assert_eq!(again.text(), reply.text(), "{}", request.shown()),
                Answer::Acknowledgement if again.text() == r#"{"status":"duplicate"}"# => {}
                Answer::Acknowledgement => {
                    assert!(store_was_away(address).await, "{}: {again:?}", request.shown());
                }
            }
        }
    }

    /// Asks a server the same that nobody kills, in the store as it was at the beginning.
    pub(crate) async fn compare_with_one_that_lives(&self, folder: &Path) {
        let server = Running::serve(folder, &PATIENT);
        let exchanges = std::mem::take(&mut *self.exchanges.lock().unwrap());
        assert!(exchanges.len() > 100, "{} exchanges are too few to tell", exchanges.len());
        for (at, Exchange { request, reply, answer }) in exchanges.iter().enumerate() {
            let living = request.send(server.address()).await;
            if *answer == Answer::Cxml {
                assert_eq!(
                    reply.text(),
                    living.text(),
                    "the killed server's answer {at} to {}",
                    request.shown()
                );
            }
        }
    }
}
