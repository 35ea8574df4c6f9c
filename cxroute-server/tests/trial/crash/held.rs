//! Calls that are live over many lives of the server: they count against their cap until they end, and no longer.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::client::Reply;
use crate::webhooks::{cdr, insist, result, token, voice};

const DOMAIN: &str = "held.cloudonix.net";
const CAP: usize = 3;

pub(crate) const TENANT: &str = r#"
tenant: { name: Held, domain: held.cloudonix.net }
webhook_key: the-key
agents: [ { name: "+801", provider: vapi, service_value: "+801", max_concurrent_calls: 3 } ]
groups:
  - { name: G, strategy: round_robin, settings: { fallback: { say: "Nobody is there" } }, members: [ { agent: "+801" } ] }
inbound_rules: [ { pattern: "*", target: { group: G } } ]
"#;

/// As many live calls as the cap allows, oldest first.
pub(crate) struct Held {
    live: VecDeque<(String, Reply)>,
    calls: u64,
}

impl Held {
    pub(crate) async fn fill(address: SocketAddr) -> Self {
        let mut held = Self { live: VecDeque::new(), calls: 0 };
        for _ in 0..CAP {
            held.admitted(address).await;
        }
        held
    }

    /// The cap is full; a call that ends makes room for one.
    pub(crate) async fn check(&mut self, address: SocketAddr, round: usize) {
        for (session, answer) in &self.live {
            assert_eq!(
                insist(address, &voice(DOMAIN, session, "+1")).await.text(),
                answer.text(),
                "{session}"
            );
        }
        self.refused(address).await;
        let (session, answer) = self.live.pop_front().unwrap();
        match round % 3 {
            0 => insist(address, &result(&answer, &session, "completed", 2)).await,
            1 => insist(address, &cdr(DOMAIN, &session, "ANSWER")).await,
            // The only agent has been tried: nobody is left for this call.
            _ => insist(address, &result(&answer, &session, "busy", 2)).await,
        };
        self.admitted(address).await;
        self.refused(address).await;
    }

    async fn admitted(&mut self, address: SocketAddr) {
        let (session, answer) = self.call(address).await;
        assert_eq!(answer.dialled().as_deref(), Some("+801"), "{session}: {answer:?}");
        self.live.push_back((session, answer));
    }

    async fn refused(&mut self, address: SocketAddr) {
        let (session, answer) = self.call(address).await;
        assert!(answer.text().contains("Nobody is there"), "{session}: {answer:?}");
    }

    async fn call(&mut self, address: SocketAddr) -> (String, Reply) {
        self.calls += 1;
        let session = token(8, self.calls);
        let answer = insist(address, &voice(DOMAIN, &session, "+1")).await;
        (session, answer)
    }
}
