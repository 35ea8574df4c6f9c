//! Laws about losing and restoring: a plane without a tenant's state says so and does nothing.

use std::sync::Arc;
use std::time::Duration;

use super::super::{Broken, Checked};
use super::LiveBench;
use super::bench::{Ask, Line, key, seen};
use crate::call::{EventKind, Outcome};
use crate::config::{HealthSettings, Strategy};
use crate::conformance::fixture::{Exchange, START, answer, roster, seat, seconds};
use crate::id::{AgentId, GroupId};
use crate::port::LiveError;
use crate::strategy::{
    Adopted, GroupImage, HealthSign, Plane, PlaneImage, Roster, SeatImage, SessionImage, Settle, StepTally,
};

/// A call's end that became durable elsewhere.
const fn adopted(call: SessionImage) -> Adopted {
    Adopted { at: START, key: key(EventKind::DialResult, 1), attempt: None, counted: None, call }
}

/// What every operation but `restore` answers.
async fn every_operation(line: &Line) -> Vec<(&'static str, Result<(), LiveError>)> {
    let ask = Ask::new("call", START, &[roster(20, Strategy::RoundRobin, vec![seat(7)])]);
    let settle = Settle { attempt: 1, sign: HealthSign::Failed, health: HealthSettings::default() };
    let image =
        SessionImage { token: ask.token.clone(), attempts: Vec::new(), ended: true, forget_at: seconds(60) };
    let (live, scope, token) = (&line.live, &line.scope, &ask.token);
    vec![
        ("choose", line.choose(&ask).await.map(|_| ())),
        ("preview", line.preview(&ask).await.map(|_| ())),
        ("settle", live.settle(scope, token, settle, START).await.map(|_| ())),
        ("complete", live.complete(scope, token, ask.key, &answer("a"), seconds(60)).await),
        ("retract", live.retract(scope, token, ask.key).await),
        ("end", live.end(scope, token, START).await),
        ("stop_attempts", live.stop_attempts(scope, token).await),
        ("hydrate", live.hydrate(scope, image.clone()).await),
        ("adopt", live.adopt(scope, adopted(image), START).await),
    ]
}

pub(super) async fn no_operation_but_restore_succeeds_without_state(bench: &LiveBench) -> Checked {
    let line = bench.lost();
    for (operation, result) in every_operation(&line).await {
        assert_eq!(result, Err(LiveError::Lost), "{operation}");
    }
    line.live.restore(&line.scope, PlaneImage::default()).await?;
    for (operation, result) in every_operation(&line).await {
        assert_eq!(result, Ok(()), "{operation}");
    }
    Ok(())
}

pub(super) async fn an_operation_that_found_no_state_has_done_nothing(bench: &LiveBench) -> Checked {
    let line = bench.lost();
    every_operation(&line).await;
    line.live.restore(&line.scope, PlaneImage::default()).await?;
    let ask = Ask::new("call", START, &[roster(20, Strategy::LoadBalanced, vec![seat(7), seat(8)])]);
    let expected = Plane::default().choose(&ask.request());
    assert_eq!(seen(&line.choose(&ask).await?), seen(&expected), "as if it were the first operation");
    Ok(())
}

pub(super) async fn the_first_of_several_restorers_wins(bench: &LiveBench) -> Checked {
    let stages = [roster(20, Strategy::RoundRobin, vec![seat(7), seat(8), seat(9)])];
    let mut exchange = Exchange::new(stages.to_vec());
    exchange.voice("one");
    let first = exchange.image(START);
    exchange.voice("two");
    let second = exchange.image(START);
    let line = bench.lost();
    line.live.restore(&line.scope, first.clone()).await?;
    line.live.restore(&line.scope, second.clone()).await?;
    assert_eq!(line.agent(&Ask::new("three", START, &stages)).await?, Some(8), "the first image's turn");
    line.live.restore(&line.scope, second).await?;
    assert_eq!(line.agent(&Ask::new("four", START, &stages)).await?, Some(9), "it is not set back");
    Ok(())
}

pub(super) async fn restorers_at_once_leave_one_whole_state(bench: &LiveBench) -> Checked {
    let stages = [roster(20, Strategy::RoundRobin, vec![seat(7), seat(8), seat(9)])];
    let line = bench.lost();
    let mut restorers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let (live, scope) = (line.live.clone(), line.scope.clone());
        let ask = Ask::new(&format!("call {n}"), START, &stages);
        restorers.spawn(async move {
            live.restore(&scope, PlaneImage::default()).await?;
            live.choose(&scope, &ask.request()).await
        });
    }
    let mut numbers = Vec::new();
    while let Some(choice) = restorers.join_next().await {
        match choice?? {
            crate::strategy::Choice::Made(pick) => numbers.push(pick.seq),
            other => return Err(Broken::because(format!("expected a new choice, got {other:?}"))),
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>(), "no choice was lost under a later restorer");
    Ok(())
}

pub(super) async fn a_restored_tenant_goes_on_where_its_image_was(bench: &LiveBench) -> Checked {
    for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
        let image = a_days_image(strategy);
        let mut plane = Plane::restore(image.clone());
        let line = bench.lost();
        line.live.restore(&line.scope, image).await?;
        let mut limited = seat(1);
        limited.caps.agent = Some(6);
        let stages = [roster(20, strategy, vec![limited, seat(2), seat(3), seat(4)])];
        for n in 0..20 {
            let ask = Ask::new(&format!("later {n}"), seconds(30 * 300 + n), &stages);
            let expected = plane.choose(&ask.request());
            assert_eq!(seen(&line.choose(&ask).await?), seen(&expected), "{strategy:?}, choice {n}");
        }
        let known = Ask::new("call 29", seconds(30 * 300 + 20), &stages);
        let expected = plane.choose(&known.request());
        assert_eq!(seen(&line.choose(&known).await?), seen(&expected), "a call of the image");
    }
    Ok(())
}

pub(super) async fn what_had_left_the_window_of_an_image_never_counts_again(bench: &LiveBench) -> Checked {
    let short = roster(20, Strategy::LoadBalanced, vec![seat(1), seat(2)]);
    let long = Roster { step: Roster::step_of(168), ..Roster::clone(&short) };
    let millis = short.step.as_millis() as i64;
    let newest = START.as_millis() / millis;
    let tally = |step, agent, calls| {
        (millis, StepTally { step, agent: AgentId::new(agent), calls, virtual_calls: 0 })
    };
    let group = GroupImage {
        group: GroupId::new(20),
        // The window has 96 steps: the first one left it when the last one began.
        steps: vec![tally(newest - 96, 1, 5), tally(newest - 95, 1, 1), tally(newest, 2, 2)],
        seats: (1..=2).map(|n| SeatImage { agent: AgentId::new(n), last: n, present: true }).collect(),
        turns: Vec::new(),
    };
    let line = bench.lost();
    line.live
        .restore(&line.scope, PlaneImage { seq: 8, groups: vec![group], ..PlaneImage::default() })
        .await?;
    let ask = Ask::new("longer", START, &[Arc::new(long.seal())]);
    assert_eq!(
        line.agent(&ask).await?,
        Some(1),
        "one call against two; five had left before the window grew"
    );
    Ok(())
}

/// Thirty calls, some of them failed, some of them live.
fn a_days_image(strategy: Strategy) -> PlaneImage {
    let mut exchange = Exchange::new(vec![roster(20, strategy, vec![seat(1), seat(2), seat(3)])]);
    for n in 0..30 {
        let name = format!("call {n}");
        exchange.voice(&name);
        match n % 4 {
            0 => drop(exchange.result(&name, Outcome::Failed)),
            1 => drop(exchange.cdr(&name, "ANSWER")),
            _ => {}
        }
        exchange.advance(Duration::from_secs(300));
    }
    exchange.image(exchange.now())
}
