//! What people read with `redis-cli` of choices: it follows within moments, and an older view never replaces a newer one.

use std::time::{Duration, Instant};

use cxroute_core::config::Strategy;
use cxroute_core::conformance::fixture::{roster, seat, token};
use cxroute_core::port::LiveState as _;

use crate::private_redis::PrivateRedis;
use crate::{KEY, Line, turns};

/// Asks until this is said.
async fn says(redis: &PrivateRedis, command: &[&str], expected: &str) {
    let patience = Instant::now();
    loop {
        let said = redis.says(command).lines().collect::<Vec<_>>().join(" ");
        if said == expected {
            return;
        }
        assert!(
            patience.elapsed() < Duration::from_secs(20),
            "{command:?}: expected {expected:?}, got {said:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_who_had_how_many_calls_and_whose_turn_it_is() {
    let redis = PrivateRedis::start();
    let (one, two) = (Line::patient(&redis), Line::patient(&redis));
    one.restore().await.unwrap();
    let mut double = seat(8);
    double.capacity = cxroute_core::config::Capacity::new(2).unwrap();
    let balanced = [roster(21, Strategy::LoadBalanced, vec![seat(7), double])];
    for call in 0..6 {
        one.agent(&format!("one {call}"), &balanced).await;
        two.agent(&format!("two {call}"), &balanced).await;
    }
    let calls = ["zrange", "tenant:{5}:group:21:load_balanced:calls", "0", "-1", "withscores"];
    says(&redis, &calls, "7 4 8 8").await;
    let window = redis.says(&["zrange", "tenant:{5}:group:21:load_balanced:window", "0", "-1", "withscores"]);
    let lines: Vec<&str> = window.lines().collect();
    assert!(!lines.is_empty() && lines.len() <= 8, "one or two steps of two agents: {lines:?}");
    for pair in lines.chunks(2) {
        let (from, agent) = pair[0].split_once(':').unwrap();
        assert_eq!(from, pair[1], "a step's members are scored by when it began");
        assert!(["7", "8"].contains(&agent) && from.parse::<i64>().unwrap() % 900 == 0, "{pair:?}");
    }
    for (call, agent) in [("a", "7"), ("b", "8"), ("c", "9"), ("d", "7")] {
        assert_eq!(two.agent(call, &turns()).await.to_string(), agent);
        says(&redis, &["get", "tenant:{5}:group:20:round_robin:current"], agent).await;
    }
    assert_eq!(redis.says(&["exists", "tenant:{5}:group:20:load_balanced:calls"]), "0", "it takes turns");
    two.live.retract(&two.scope, &token("d"), KEY).await.unwrap();
    says(&redis, &["get", "tenant:{5}:group:20:round_robin:current"], "9").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_which_choices_are_not_durable_yet_and_which_webhooks_are() {
    let redis = PrivateRedis::start();
    let line = Line::patient(&redis);
    line.restore().await.unwrap();
    let lock = "tenant:{5}:routing:lock:a call";
    let idempotent = format!("tenant:{{5}}:webhook:idempotent:voice_request:a call:{:032x}", KEY.hash);
    line.agent("a call", &turns()).await;
    says(&redis, &["get", lock], "voice_request").await;
    says(&redis, &["get", &idempotent], "processing").await;
    for key in [lock, &*idempotent] {
        let left: i64 = redis.says(&["pttl", key]).parse().unwrap();
        assert!((1..=30_000).contains(&left), "{key}: {left} ms");
    }
    line.complete("a call", "an answer").await;
    says(&redis, &["get", &idempotent], "completed").await;
    assert_eq!(redis.says(&["exists", lock]), "0");
    let left: i64 = redis.says(&["ttl", &idempotent]).parse().unwrap();
    assert!((200..=300).contains(&left), "{left} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_an_older_place_in_the_log_never_replaces_a_newer_one() {
    let redis = PrivateRedis::start();
    let line = Line::patient(&redis);
    line.restore().await.unwrap();
    let turn = ["get", "tenant:{5}:group:20:round_robin:current"];
    line.agent("a", &turns()).await;
    says(&redis, &turn, "7").await;
    let shown = redis.says(&["hget", "tenant:{5}:plane", "shown:20"]);
    assert_eq!(shown, redis.says(&["hget", "tenant:{5}:plane", "n"]), "as of the last entry of the log");
    // Somebody has shown what will be.
    redis.says(&["hset", "tenant:{5}:plane", "shown:20", "9000000000000000"]);
    line.agent("b", &turns()).await;
    // By the time that another group's books are shown, this one's have been tried.
    for call in ["c", "d"] {
        line.agent(call, &[roster(22, Strategy::RoundRobin, vec![seat(7), seat(8)])]).await;
        let agent = if call == "c" { "7" } else { "8" };
        says(&redis, &["get", "tenant:{5}:group:22:round_robin:current"], agent).await;
    }
    assert_eq!(redis.says(&turn), "7", "it was newer than what came");
    redis.says(&["hset", "tenant:{5}:plane", "shown:20", &shown]);
    line.agent("e", &turns()).await;
    says(&redis, &turn, "9").await;
}
