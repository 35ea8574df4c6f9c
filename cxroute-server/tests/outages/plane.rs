//! Redis is killed, stopped, or fails over, under load: servers decide by themselves, and share again once it is back.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::kept::Answers;
use crate::load::DOMAINS;
use crate::world::{Conclusion, PlaneOf, World};

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_and_started_again_empty() {
    let mut world = World::start(PlaneOf::OneRedis, &[]).await;
    let control = world.control().await;
    let load = world.load("redis killed", 9);
    sleep(Duration::from_millis(1_500)).await;
    world.redis[0].kill();
    sleep(Duration::from_secs(3)).await;
    world.redis[0].restart();
    assert_eq!(world.redis[0].says(&["get", "nothing"]), "");
    let outage = load.end().await;
    let (excused, answers) = (&[][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_stopped_for_ten_seconds() {
    let mut world = World::start(PlaneOf::OneRedis, &[]).await;
    let control = world.control().await;
    let load = world.load("redis stopped", 14);
    sleep(Duration::from_secs(1)).await;
    world.redis[0].stop();
    sleep(Duration::from_secs(10)).await;
    world.redis[0].go_on();
    let outage = load.end().await;
    let (excused, answers) = (&[][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clusters_master_is_killed_and_its_replica_takes_over() {
    let mut world = World::start(PlaneOf::SixNodes, &[]).await;
    let control = world.control().await;
    let key = format!("tenant:{{{}}}:plane", world.tenant(DOMAINS[0]).await);
    let master = world.redis.iter().position(|node| node.is_master_of(&key)).expect("a master");
    let load = world.load("cluster master killed", 12);
    sleep(Duration::from_secs(1)).await;
    world.redis[master].kill();
    let killed = Instant::now();
    let taken_over = loop {
        let living = world.redis.iter().enumerate().filter(|(at, _)| *at != master);
        if let Some((at, _)) = living.into_iter().find(|(_, node)| node.is_master_of(&key)) {
            break at;
        }
        assert!(killed.elapsed() < Duration::from_secs(20), "nobody takes over");
        sleep(Duration::from_millis(50)).await;
    };
    println!("node {taken_over} took over from {master} after {:.1} s", killed.elapsed().as_secs_f64());
    // It stays dead: servers have to find the new one.
    let outage = load.end().await;
    let (excused, answers) = (&[][..], Answers::Durable);
    world.conclude(Conclusion { control: &control, outage: &outage, excused, answers }).await;
}
