//! A configuration is changed; both servers route by it within a second.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sqlx::MySqlConnection;
use tokio::time::sleep;

use crate::process::apply;
use crate::webhooks::{token, voice};
use crate::world::{PlaneOf, World};

const DOMAIN: &str = "change.cloudonix.net";
const PROMISED: Duration = Duration::from_secs(1);
const CHANGES: u64 = 6;

fn tenant(agent: &str) -> String {
    format!(
        r#"
tenant: {{ name: Change, domain: change.cloudonix.net }}
webhook_key: the-key
agents: [ {{ name: A, provider: vapi, service_value: "{agent}" }} ]
groups: [ {{ name: G, strategy: round_robin, members: [ {{ agent: A }} ] }} ]
inbound_rules: [ {{ pattern: "*", target: {{ group: G }} }} ]
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_routed_by_on_both_servers_within_a_second() {
    let world = World::start(PlaneOf::OneRedis, &[]).await;
    apply(world.path(), &[&tenant("+970")]);
    for (kind, address) in [1, 2].into_iter().zip(world.addresses()) {
        routed_by(address, kind, 0, "+970").await;
    }
    let mut slowest = Duration::ZERO;
    for change in 1..=CHANGES {
        let agent = format!("+97{change}");
        let (path, yaml) = (world.path().to_owned(), tenant(&agent));
        let [one, other] = world.addresses();
        let mut mysql = world.mysql.connect().await;
        let before = revision(&mut mysql).await;
        let applying = tokio::task::spawn_blocking(move || apply(&path, &[&yaml]));
        let committed = async {
            while revision(&mut mysql).await == before {
                sleep(Duration::from_millis(2)).await;
            }
            Instant::now()
        };
        let (committed, one, other) = futures_util::future::join3(
            committed,
            routed_by(one, 1, change, &agent),
            routed_by(other, 2, change, &agent),
        )
        .await;
        applying.await.unwrap();
        let after = [one, other].map(|routed| routed.saturating_duration_since(committed));
        println!("change {change}: routed by after {after:?}");
        slowest = slowest.max(after[0]).max(after[1]);
    }
    println!("{CHANGES} changes, the slowest routed by after {slowest:?}");
    assert!(slowest <= PROMISED, "{slowest:?}");
}

/// Calls a server until it dials this agent; when the first such call was sent.
async fn routed_by(address: SocketAddr, kind: u8, change: u64, agent: &str) -> Instant {
    let begun = Instant::now();
    for number in 0.. {
        let sent = Instant::now();
        let session = token(kind, change * 100_000 + number);
        let answer = voice(DOMAIN, &session, "+1").send(address).await;
        if answer.dialled().as_deref() == Some(agent) {
            return sent;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "never routed by {agent}: {answer:?}");
        sleep(Duration::from_millis(15)).await;
    }
    unreachable!("numbers do not end")
}

async fn revision(mysql: &mut MySqlConnection) -> i64 {
    let revision =
        "SELECT r.revision FROM tenant_revisions r JOIN tenants t ON t.id = r.tenant_id WHERE t.domain = ?";
    sqlx::query_scalar(revision).bind(DOMAIN).fetch_one(mysql).await.unwrap()
}
