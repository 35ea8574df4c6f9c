//! Copies of one request at the same moment: one decision, and the same bytes for all.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::{Connection, Reply, Request};
use crate::process::{PATIENT, Running, apply, assert_calm};
use crate::records::{Kept, windows};
use crate::webhooks::{result, token, voice};

const DOMAIN: &str = "copies.cloudonix.net";
const ROUNDS: u64 = 50;

const TENANT: &str = r#"
tenant: { name: Copies, domain: copies.cloudonix.net }
webhook_key: the-key
agents:
  - { name: "+501", provider: vapi, service_value: "+501" }
  - { name: "+502", provider: vapi, service_value: "+502" }
  - { name: "+503", provider: vapi, service_value: "+503" }
groups:
  - name: G
    strategy: round_robin
    settings: { health: { max_consecutive_failures: 1000 } }
    members: [ { agent: "+501" }, { agent: "+502" }, { agent: "+503" } ]
inbound_rules: [ { pattern: "*", target: { group: G } } ]
"#;

/// Sends all requests at the same moment, each on a connection of its own that is open before; the one answer.
async fn one_answer(address: SocketAddr, requests: Vec<Request>) -> Reply {
    let together = Arc::new(Barrier::new(requests.len()));
    let mut copies = JoinSet::new();
    for request in requests {
        let together = Arc::clone(&together);
        copies.spawn(async move {
            let mut connection = Connection::open(address).await;
            together.wait().await;
            connection.write(&request.bytes()).await;
            connection.reply().await.expect("an answer")
        });
    }
    let answers = copies.join_all().await;
    for answer in &answers {
        assert_eq!(answer.text(), answers[0].text());
    }
    answers.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_copies_of_a_request_make_one_decision_and_get_identical_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    apply(path, &[TENANT]);
    let server = Running::serve(path, &PATIENT);
    let address = server.address();
    // The turn tells: a decision too many would take somebody else's.
    let agents = ["+501", "+502", "+503"];
    let mut turn = agents.into_iter().cycle();
    for copies in [2, 4] {
        for round in 0..ROUNDS {
            let session = token(copies as u8, round);
            let first = one_answer(address, vec![voice(DOMAIN, &session, "+1"); copies]).await;
            assert_eq!(first.dialled().as_deref(), turn.next(), "{copies} copies, round {round}");
            // Results of one attempt that contradict each other: the first to come decides for all.
            let words = ["busy", "no-answer", "busy", "failed"];
            let results = (0..copies).map(|copy| result(&first, &session, words[copy], 2 + copy));
            let second = one_answer(address, results.collect()).await;
            assert_eq!(second.dialled().as_deref(), turn.next(), "{copies} copies, round {round}");
        }
    }
    let server = server.again(path, &PATIENT);
    let kept = Kept::read(path, DOMAIN).await;
    assert_eq!(kept.calls.len() as u64, 2 * ROUNDS);
    assert!(kept.calls.iter().all(|call| call.attempts.len() == 2), "{:#?}", kept.calls);
    assert_eq!(windows(path, DOMAIN, &["+1"]).values().sum::<u64>(), 4 * ROUNDS);
    assert_calm(&server.kill());
}
