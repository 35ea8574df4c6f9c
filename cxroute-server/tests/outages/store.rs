//! MySQL is killed, stopped, and kept away for longer than the spool has room, under load: calls are answered, signals
//! wait in the spool, and go into the store once it is back.

use std::time::Duration;

use tokio::time::sleep;

use crate::kept::Answers;
use crate::load::Excuse;
use crate::world::{Conclusion, PlaneOf, World};

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_killed_and_started_again() {
    let mut world = World::start(PlaneOf::OneRedis, &[]).await;
    let control = world.control().await;
    let load = world.load("mysql killed", 12);
    sleep(Duration::from_millis(1_500)).await;
    world.mysql.kill();
    sleep(Duration::from_secs(2)).await;
    world.mysql.restart().await;
    let outage = load.end().await;
    let (excused, answers) = (&[Excuse::CopiesUnknown][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_stopped_for_ten_seconds() {
    let mut world = World::start(PlaneOf::OneRedis, &[]).await;
    let control = world.control().await;
    let load = world.load("mysql stopped", 14);
    sleep(Duration::from_secs(1)).await;
    world.mysql.stop();
    sleep(Duration::from_secs(10)).await;
    world.mysql.go_on();
    let outage = load.end().await;
    assert!(world.spooled().await > 0, "nothing was spooled");
    let (excused, answers) = (&[Excuse::CopiesUnknown][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
}

/// Updates and CDRs that nobody can keep are refused, so that the platform sends them again; calls are answered.
#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_away_for_longer_than_the_spools_have_room() {
    let mut world = World::start(PlaneOf::OneRedis, &["--spool-mib", "1"]).await;
    let control = world.control().await;
    let load = world.load("spools full", 14);
    sleep(Duration::from_millis(500)).await;
    world.mysql.stop();
    sleep(Duration::from_secs(10)).await;
    let full = world.metrics("cxroute_spool_bytes").await;
    world.mysql.go_on();
    let outage = load.end().await;
    let refused = world.metrics(r#"cxroute_requests_total{endpoint="session_update",status="5xx"}"#).await;
    let not_durable = world.metrics(r#"cxroute_decisions_total{durability="not_durable"}"#).await;
    println!("{full} bytes in the spools, {refused} updates refused, {not_durable} answers not durable");
    assert!(refused > 0, "the spools were never full");
    let (excused, answers) = (&[Excuse::CopiesUnknown, Excuse::Refused][..], Answers::PerhapsNot);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
}
