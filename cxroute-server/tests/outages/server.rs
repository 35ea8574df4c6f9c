//! Servers that are killed under load: whoever waited there is answered by the other one, and nothing is lost or doubled.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::kept::Answers;
use crate::load::Excuse;
use crate::process::apply;
use crate::records::{Kept, windows};
use crate::webhooks::{cdr, insist, token, voice};
use crate::world::{Conclusion, PlaneOf, World};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_servers_is_killed_and_started_again() {
    let mut world = World::start(PlaneOf::OneRedis, &[]).await;
    let control = world.control().await;
    let load = world.load("one of two servers killed", 8);
    sleep(Duration::from_millis(1_500)).await;
    world.kill(1).await;
    sleep(Duration::from_secs(2)).await;
    world.launch(1);
    let outage = load.end().await;
    assert!(outage.waits.failed_over > 0, "nobody was at the server that was killed: {outage}");
    let (excused, answers) = (&[][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
}

const HELD: &str = "held.cloudonix.net";
const CAP: u64 = 6;
/// So long a choice holds its place that nobody has confirmed.
const LEASE: Duration = Duration::from_secs(30);

const TENANT: &str = r#"
tenant: { name: Held, domain: held.cloudonix.net }
webhook_key: the-key
agents: [ { name: "+901", provider: vapi, service_value: "+901", max_concurrent_calls: 6 } ]
groups:
  - { name: G, strategy: load_balanced, settings: { fallback: { say: "Nobody is there" } }, members: [ { agent: "+901" } ] }
inbound_rules: [ { pattern: "*", target: { group: G } } ]
"#;

/// MySQL is stopped, so that commits hang; as soon as Redis has the choices of six calls, the server that made them is
/// killed. Three of the calls come again, to the other server, and are the calls that they were; three never do.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_killed_between_its_choice_and_its_commit() {
    let mut world = World::start(PlaneOf::OneRedis, &[]).await;
    apply(world.path(), &[TENANT]);
    let [one, other] = world.addresses();
    for (number, address) in [(100, one), (101, other)] {
        let known = token(1, number);
        assert!(insist(address, &voice(HELD, &known, "+1")).await.dialled().is_some());
        insist(address, &cdr(HELD, &known, "ANSWER")).await;
    }
    let log = format!("tenant:{{{}}}:plane:log", world.tenant(HELD).await);
    let control = world.control().await;
    let load = world.load("killed between choice and commit", 6);
    sleep(Duration::from_secs(1)).await;

    // An entry holds what came at once; its words are told from other bytes by their length.
    let read = ["--no-raw", "xrange", &log, "-", "+"];
    let choices = || world.redis[0].says(&read).matches(r"\xa6choose").count() as u64;
    let before = choices();
    assert!(before > 0, "a choice is not told from other operations");
    world.mysql.stop();
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for number in 0..CAP {
        asking.spawn(async move { voice(HELD, &token(1, number), "+1").try_send(other).await.is_some() });
    }
    while choices() < before + CAP && begun.elapsed() < Duration::from_secs(2) {
        sleep(Duration::from_millis(1)).await;
    }
    let chosen = choices() - before;
    world.kill(1).await;
    let killed = Instant::now();
    world.mysql.go_on();
    let answered = asking.join_all().await.into_iter().filter(|answered| *answered).count();
    println!("killed {:?} after the calls came: {chosen} choices, {answered} answers", killed - begun);
    assert!(chosen >= CAP && answered == 0, "it was not killed between choice and commit");

    for number in 0..CAP / 2 {
        let answer = insist(one, &voice(HELD, &token(1, number), "+1")).await;
        assert_eq!(answer.dialled().as_deref(), Some("+901"), "call {number} keeps its place: {answer:?}");
    }
    let seventh = insist(one, &voice(HELD, &token(1, 200), "+1")).await;
    assert_eq!(seventh.dialled(), None, "{CAP} choices hold their places: {seventh:?}");
    let outage = load.end().await;
    world.launch(1);
    let (excused, answers) = (&[Excuse::CopiesUnknown][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
    assert_places_are_free_again(&world, killed).await;
}

/// Once the leases have run out, every call that came again is counted once, and those that did not are not.
async fn assert_places_are_free_again(world: &World, killed: Instant) {
    let [one, other] = world.addresses();
    for number in 0..CAP / 2 {
        insist(other, &cdr(HELD, &token(1, number), "ANSWER")).await;
    }
    insist(one, &cdr(HELD, &token(1, 200), "FAILED")).await;
    let kept = Kept::read(world.path(), HELD).await.counts();
    assert_eq!(kept.get("+901"), Some(&(2 + CAP / 2)), "two before, and those that came again: {kept:?}");
    sleep((LEASE + Duration::from_secs(2)).saturating_sub(killed.elapsed())).await;
    let mut admitted = 0;
    for number in 0..=CAP {
        let address = if number % 2 == 0 { one } else { other };
        let answer = insist(address, &voice(HELD, &token(2, number), "+1")).await;
        admitted += u64::from(answer.dialled().is_some());
    }
    println!("{admitted} of {} calls are admitted once the leases have run out", CAP + 1);
    assert_eq!(admitted, CAP);
    assert_eq!(windows(world.path(), HELD, &["+1"]), Kept::read(world.path(), HELD).await.counts());
}

impl World {
    /// A tenant's id.
    pub(crate) async fn tenant(&self, domain: &str) -> i64 {
        let id = sqlx::query_scalar("SELECT id FROM tenants WHERE domain = ?").bind(domain);
        id.fetch_one(&mut self.mysql.connect().await).await.unwrap()
    }
}
