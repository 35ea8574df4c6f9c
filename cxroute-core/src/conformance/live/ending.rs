//! Laws about ends: what frees a cap, and when, and what no longer gets an attempt.

use std::sync::Arc;

use super::super::Checked;
use super::LiveBench;
use super::bench::{Ask, Line, delta_in_order, key};
use crate::call::EventKind;
use crate::config::{HealthSettings, Strategy};
use crate::conformance::fixture::{START, answer, roster, seat, seconds};
use crate::strategy::{Choice, HealthSign, Plane, Roster, Settle, Settled};

/// One agent who takes one call at a time.
fn one_line() -> [Arc<Roster>; 1] {
    let mut busy = seat(7);
    busy.caps.agent = Some(1);
    [roster(20, Strategy::RoundRobin, vec![busy])]
}

fn settle(attempt: u16, sign: HealthSign) -> Settle {
    Settle { attempt, sign, health: HealthSettings { max_consecutive_failures: 2, cooldown_seconds: 60 } }
}

/// Whether the one line is free at this second.
async fn is_free(line: &Line, second: u64) -> Result<bool, super::super::Broken> {
    let ask = Ask::new(&format!("probing {second}"), seconds(second), &one_line());
    let free = line.agent(&ask).await?.is_some();
    line.live.retract(&line.scope, &ask.token, ask.key).await?;
    Ok(free)
}

pub(super) async fn a_result_frees_the_cap_once(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", START, &one_line());
    line.made(&ask).await?;
    assert!(!is_free(&line, 1).await?);
    let answered = settle(1, HealthSign::Answered);
    let (settled, _) = line.live.settle(&line.scope, &ask.token, answered, seconds(2)).await?;
    assert_eq!(settled, Settled::Closed);
    assert!(is_free(&line, 3).await?);
    line.made(&Ask::new("next", seconds(4), &one_line())).await?;
    let (settled, _) = line.live.settle(&line.scope, &ask.token, answered, seconds(5)).await?;
    assert_eq!(settled, Settled::Late);
    assert!(!is_free(&line, 6).await?, "a late result frees nothing that is not its own");
    Ok(())
}

pub(super) async fn a_result_of_what_was_never_dialled_is_unknown(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", START, &one_line());
    line.made(&ask).await?;
    for (call, attempt) in [("call", 2), ("other", 1)] {
        let token = crate::conformance::fixture::token(call);
        let failed = settle(attempt, HealthSign::Failed);
        let (settled, _) = line.live.settle(&line.scope, &token, failed, seconds(1)).await?;
        assert_eq!(settled, Settled::Unknown, "{call}, attempt {attempt}");
    }
    assert!(!is_free(&line, 2).await?);
    Ok(())
}

pub(super) async fn results_change_health_as_it_is_specified(bench: &LiveBench) -> Checked {
    let (line, mut plane) = (bench.line().await?, Plane::default());
    let stages = [roster(20, Strategy::RoundRobin, vec![seat(7)])];
    let signs = [HealthSign::Failed, HealthSign::Neutral, HealthSign::Failed, HealthSign::Failed];
    let after = [HealthSign::Answered; 4];
    for (sign, n) in signs.into_iter().chain(after).zip(0_u64..) {
        let ask = Ask::new(&format!("call {n}"), seconds(n * 50), &stages);
        plane.choose(&ask.request());
        line.made(&ask).await?;
        let now = seconds(n * 50 + 10);
        let (settled, delta) = line.live.settle(&line.scope, &ask.token, settle(1, sign), now).await?;
        let (expected, booked) = plane.settle(&ask.token, settle(1, sign), now);
        assert_eq!((settled, delta_in_order(delta)), (expected, delta_in_order(booked)), "result {n}");
    }
    Ok(())
}

pub(super) async fn a_choice_that_nobody_confirms_stops_counting(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    line.made(&Ask::new("unconfirmed", START, &one_line())).await?;
    assert!(!is_free(&line, 29).await?);
    assert!(is_free(&line, 30).await?, "after thirty seconds");
    Ok(())
}

pub(super) async fn a_confirmed_attempt_counts_as_long_as_it_was_told(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("confirmed", START, &one_line());
    line.made(&ask).await?;
    line.live.complete(&line.scope, &ask.token, ask.key, &answer("a"), seconds(600)).await?;
    assert!(!is_free(&line, 31).await?);
    assert!(!is_free(&line, 599).await?);
    assert!(is_free(&line, 600).await?, "an end that never comes");
    Ok(())
}

pub(super) async fn the_end_of_a_call_frees_its_caps_and_leaves_health_alone(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", START, &one_line());
    line.made(&ask).await?;
    line.live.end(&line.scope, &ask.token, seconds(1)).await?;
    assert!(is_free(&line, 2).await?);
    line.live.end(&line.scope, &ask.token, seconds(3)).await?;
    let stage = Ask { key: key(EventKind::VoiceRequest, 2), now: seconds(4), ..ask.clone() };
    assert_eq!(line.choose(&stage).await?, Choice::Ended { attempts: 1 });
    let late = settle(1, HealthSign::Failed);
    let (settled, delta) = line.live.settle(&line.scope, &ask.token, late, seconds(5)).await?;
    assert_eq!((settled, delta.health.len()), (Settled::Late, 0));
    Ok(())
}

pub(super) async fn a_call_whose_session_ended_gets_no_further_attempt(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let stages = [roster(20, Strategy::RoundRobin, vec![seat(7), seat(8)])];
    let ask = Ask::new("call", START, &stages);
    line.made(&ask).await?;
    line.live.stop_attempts(&line.scope, &ask.token).await?;
    let result = line.made(&ask.after(settle(1, HealthSign::Failed))).await?;
    assert_eq!((super::bench::agent_of(&result), result.settled), (None, Some(Settled::Closed)));
    let stage = Ask { key: key(EventKind::VoiceRequest, 2), ..ask };
    assert!(matches!(line.choose(&stage).await?, Choice::Ended { .. }));
    Ok(())
}

pub(super) async fn signals_of_unknown_calls_change_nothing(bench: &LiveBench) -> Checked {
    let (line, mut plane) = (bench.line().await?, Plane::default());
    let stranger = Ask::new("stranger", START, &one_line());
    let (live, scope, token) = (&line.live, &line.scope, &stranger.token);
    live.complete(scope, token, stranger.key, &answer("a"), seconds(60)).await?;
    live.retract(scope, token, stranger.key).await?;
    live.stop_attempts(scope, token).await?;
    live.end(scope, token, START).await?;
    let expected = plane.choose(&stranger.request());
    assert_eq!(super::bench::seen(&line.choose(&stranger).await?), super::bench::seen(&expected));
    Ok(())
}

pub(super) async fn the_planes_time_never_runs_backwards(bench: &LiveBench) -> Checked {
    let (line, mut plane) = (bench.line().await?, Plane::default());
    for (call, second) in [("one", 0), ("two", 100), ("three", 50), ("four", 80_000), ("five", 10)] {
        let ask = Ask::new(call, seconds(second), &one_line());
        let expected = plane.choose(&ask.request());
        assert_eq!(super::bench::seen(&line.choose(&ask).await?), super::bench::seen(&expected), "{call}");
    }
    Ok(())
}
