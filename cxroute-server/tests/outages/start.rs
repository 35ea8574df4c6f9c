//! Servers that are started while MySQL is away: they answer by what their spools keep, and once it is back everything goes
//! on by itself.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;

use crate::client::Request;
use crate::kept::Answers;
use crate::load::Excuse;
use crate::process::apply;
use crate::records::Kept;
use crate::webhooks::{cdr, insist, token, voice};
use crate::world::{Conclusion, PlaneOf, World};

const KNOWN: &str = "known.cloudonix.net";
const CALLS: u64 = 5;

const TENANT: &str = r#"
tenant: { name: Known, domain: known.cloudonix.net }
webhook_key: the-key
agents: [ { name: "+951", provider: vapi, service_value: "+951" } ]
inbound_rules: [ { pattern: "*", target: { agent: "+951" } } ]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_while_mysql_is_away_answer_by_their_spools_and_lose_nothing() {
    let mut world = World::start(PlaneOf::OneRedis, &[]).await;
    apply(world.path(), &[TENANT]);
    for (kind, address) in [1, 2].into_iter().zip(world.addresses()) {
        calls(address, kind).await;
    }
    let control = world.control().await;
    let load = world.load("started without mysql", 20);
    sleep(Duration::from_millis(1_500)).await;
    world.mysql.kill();
    for (server, address) in world.addresses().into_iter().enumerate() {
        // The spool has something of the other server's calls by now.
        world.kill(server).await;
        world.launch(server);
        let ready = Request::new("GET", "/readyz").send(address).await;
        assert_eq!(ready.status, 503);
        assert!(ready.text().contains(r#""store":"away""#), "{}", ready.text());
        calls(address, 3 + server as u8).await;
    }
    world.mysql.restart().await;
    let outage = load.end().await;
    let (excused, answers) = (&[Excuse::CopiesUnknown][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
    let kept = Kept::read(world.path(), KNOWN).await;
    assert_eq!(kept.calls.len() as u64, 4 * CALLS);
    assert_eq!(kept.counts().into_iter().collect::<Vec<_>>(), [("+951".to_owned(), 4 * CALLS)]);
}

/// Calls that are dialled, and end.
async fn calls(address: SocketAddr, kind: u8) {
    for number in 0..CALLS {
        let call = token(kind, number);
        let answer = insist(address, &voice(KNOWN, &call, "+1")).await;
        assert_eq!(answer.dialled().as_deref(), Some("+951"), "{answer:?}");
        insist(address, &cdr(KNOWN, &call, "ANSWER")).await;
    }
}
