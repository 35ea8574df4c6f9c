//! Laws about atomicity: no interleaving double-counts, skips, or exceeds a cap.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Broken, Checked};
use super::LiveBench;
use super::bench::{Ask, Line, agent_of};
use crate::config::Strategy;
use crate::conformance::fixture::{START, answer, roster, seat, seconds};
use crate::id::PoolId;
use crate::strategy::{Choice, Pick, Roster};

const CALLS: u64 = 200;

/// Two hundred calls at once; the choices by number.
async fn all_at_once(line: &Line, stages: &[Arc<Roster>]) -> Result<BTreeMap<u64, Arc<Pick>>, Broken> {
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..CALLS {
        let (live, scope) = (Arc::clone(&line.live), Arc::clone(&line.scope));
        let ask = Ask::new(&format!("call {n}"), START, stages);
        calls.spawn(async move { live.choose(&scope, &ask.request()).await });
    }
    let mut picks = BTreeMap::new();
    while let Some(choice) = calls.join_next().await {
        match choice?? {
            Choice::Made(pick) => drop(picks.insert(pick.seq, pick)),
            other => return Err(Broken::because(format!("expected a new choice, got {other:?}"))),
        }
    }
    assert_eq!(
        picks.keys().copied().collect::<Vec<_>>(),
        (1..=CALLS).collect::<Vec<_>>(),
        "one after another"
    );
    Ok(picks)
}

fn by_agent(picks: &BTreeMap<u64, Arc<Pick>>) -> BTreeMap<Option<u64>, u64> {
    let mut counts = BTreeMap::new();
    for pick in picks.values() {
        *counts.entry(agent_of(pick)).or_default() += 1;
    }
    counts
}

pub(super) async fn calls_at_once_never_exceed_a_cap(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let seats = (1..=4).map(|agent| {
        let mut seat = seat(agent);
        seat.caps.agent = (agent == 1).then_some(10);
        seat.caps.membership = (agent == 2).then_some(20);
        if agent > 2 {
            (seat.pool, seat.caps.pool) = (Some(PoolId::new(5)), Some(30));
        }
        seat
    });
    let stages = [roster(20, Strategy::RoundRobin, seats.collect())];
    let counts = by_agent(&all_at_once(&line, &stages).await?);
    assert_eq!((counts[&Some(1)], counts[&Some(2)], counts[&None]), (10, 20, CALLS - 60));
    assert_eq!(counts[&Some(3)] + counts[&Some(4)], 30, "the pool's lines");
    Ok(())
}

pub(super) async fn calls_at_once_are_distributed_as_if_one_came_after_the_other(
    bench: &LiveBench,
) -> Checked {
    for (strategy, expected) in [
        (Strategy::RoundRobin, [40, 40, 40, 40, 40]),
        (Strategy::Priority, [100, 100, 0, 0, 0]),
        (Strategy::LoadBalanced, [20, 20, 20, 20, 120]),
    ] {
        let line = bench.line().await?;
        let seats = (1..=5).map(|agent| {
            let mut seat = seat(agent);
            seat.priority = Some(if agent <= 2 { 1 } else { 2 });
            if agent == 5 && strategy == Strategy::LoadBalanced {
                seat.capacity = crate::config::Capacity::new(6).unwrap_or(seat.capacity);
            }
            seat
        });
        let stages = [roster(20, strategy, seats.collect())];
        let counts = by_agent(&all_at_once(&line, &stages).await?);
        let counts = [1, 2, 3, 4, 5].map(|agent| counts.get(&Some(agent)).copied().unwrap_or(0));
        assert_eq!(counts, expected, "{strategy:?}");
    }
    Ok(())
}

pub(super) async fn copies_at_once_make_one_choice(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let stages = [roster(20, Strategy::RoundRobin, vec![seat(7), seat(8)])];
    let mut copies = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (live, scope) = (Arc::clone(&line.live), Arc::clone(&line.scope));
        let ask = Ask::new("call", START, &stages);
        copies.spawn(async move { live.choose(&scope, &ask.request()).await });
    }
    let (mut made, mut chosen) = (0, Vec::new());
    while let Some(choice) = copies.join_next().await {
        match choice?? {
            Choice::Made(pick) => {
                made += 1;
                chosen.push((pick.seq, agent_of(&pick)));
            }
            Choice::Recorded(pick) => chosen.push((pick.seq, agent_of(&pick))),
            other => return Err(Broken::because(format!("expected a choice, got {other:?}"))),
        }
    }
    assert_eq!(made, 1);
    assert!(chosen.iter().all(|choice| *choice == (1, Some(7))), "{chosen:?}");
    Ok(())
}

pub(super) async fn ends_at_once_free_every_cap_once(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let mut limited = seat(7);
    limited.caps.agent = Some(20);
    let stages = [roster(20, Strategy::RoundRobin, vec![limited])];
    let mut tokens = Vec::new();
    for n in 0..20 {
        let ask = Ask::new(&format!("first {n}"), START, &stages);
        line.made(&ask).await?;
        line.live.complete(&line.scope, &ask.token, ask.key, &answer("a"), seconds(3_600)).await?;
        tokens.push(ask.token);
    }
    let mut ends = tokio::task::JoinSet::new();
    for token in tokens.iter().chain(&tokens) {
        let (live, scope, token) = (Arc::clone(&line.live), Arc::clone(&line.scope), token.clone());
        ends.spawn(async move { live.end(&scope, &token, seconds(1)).await });
    }
    while let Some(end) = ends.join_next().await {
        end??;
    }
    let mut taken = 0;
    for n in 0..40 {
        let ask = Ask::new(&format!("second {n}"), seconds(2), &stages);
        taken += u32::from(line.agent(&ask).await?.is_some());
    }
    assert_eq!(taken, 20);
    Ok(())
}
