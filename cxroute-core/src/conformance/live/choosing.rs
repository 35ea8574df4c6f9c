//! Laws about choosing: what a signal gets, and what its copies get.

use std::sync::Arc;

use super::super::{Broken, Checked};
use super::LiveBench;
use super::bench::{Ask, agent_of, key, seen};
use crate::call::EventKind;
use crate::config::{HealthSettings, Strategy};
use crate::conformance::fixture::{START, answer, roster, seat, seconds};
use crate::id::AgentId;
use crate::strategy::{
    Choice, HealthSign, LastResort, LiveAttempt, Picked, Plane, Preference, Preferences, Roster,
    SessionImage, Settle, Settled,
};

fn three(strategy: Strategy) -> [Arc<Roster>; 1] {
    [roster(20, strategy, vec![seat(7), seat(8), seat(9)])]
}

fn failed(attempt: u16) -> Settle {
    let health = HealthSettings { max_consecutive_failures: 2, cooldown_seconds: 60 };
    Settle { attempt, sign: HealthSign::Failed, health }
}

pub(super) async fn every_strategy_chooses_as_it_is_specified(bench: &LiveBench) -> Checked {
    for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
        let (line, mut plane) = (bench.line().await?, Plane::default());
        for n in 0..24_u64 {
            let stages = if n < 12 {
                three(strategy)
            } else {
                let mut heavy = seat(6);
                (heavy.capacity, heavy.priority) = (crate::config::Capacity::MAX, Some(1));
                [roster(20, strategy, vec![seat(7), heavy, seat(9)])]
            };
            let ask = Ask::new(&format!("call {n}"), seconds(n * 700), &stages);
            let expected = plane.choose(&ask.request());
            assert_eq!(seen(&line.choose(&ask).await?), seen(&expected), "{strategy:?}, choice {n}");
        }
    }
    Ok(())
}

fn said<const N: usize>(of_each: [Preference; N]) -> Vec<Preferences> {
    vec![of_each.into_iter().collect()]
}

pub(super) async fn what_a_custom_strategy_prefers_comes_before_the_groups_own(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let said = said([Preference::Rank(7), Preference::Rank(2), Preference::Rank(2)]);
    let ask =
        |call: &str| Ask { preferences: said.clone(), ..Ask::new(call, START, &three(Strategy::RoundRobin)) };
    let mut agents = Vec::new();
    for call in ["first", "second", "third"] {
        agents.push(line.agent(&ask(call)).await?);
    }
    assert_eq!(agents, [Some(8), Some(9), Some(8)], "the most preferred take turns");
    let kept_out = self::said([Preference::Rank(1), Preference::Never, Preference::Never]);
    let narrow = Ask { preferences: kept_out.clone(), ..ask("fourth") };
    assert_eq!(line.agent(&narrow).await?, Some(7), "nobody else may");
    assert_eq!(line.agent(&narrow.after(failed(1))).await?, None, "not even when nobody is left");
    let preferred = ask("fifth");
    assert_eq!(line.agent(&preferred).await?, Some(8), "the one after the last chosen");
    let next = Ask { preferences: said.clone(), ..preferred.after(failed(1)) };
    assert_eq!(line.agent(&next).await?, Some(9), "fail-over stays among the preferred");
    let after = Ask { key: key(EventKind::DialResult, 2), ..next.after(failed(2)) };
    assert_eq!(line.agent(&after).await?, Some(7), "and goes on to the next best");
    let foreign = self::said([Preference::Never]);
    let ask = Ask { preferences: foreign.clone(), ..ask("sixth") };
    assert!(line.agent(&ask).await?.is_some(), "what was said of another roster is not heard");
    Ok(())
}

pub(super) async fn a_copy_gets_the_recorded_choice(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", START, &three(Strategy::RoundRobin));
    let first = line.made(&ask).await?;
    let copy = Ask { now: seconds(5), ..ask.clone() };
    match line.choose(&copy).await? {
        Choice::Recorded(again) => {
            assert_eq!(seen(&Choice::Made(again)), seen(&Choice::Made(first)));
        }
        other => return Err(Broken::because(format!("expected the recorded choice, got {other:?}"))),
    }
    let next = Ask::new("another", seconds(6), &three(Strategy::RoundRobin));
    assert_eq!(line.agent(&next).await?, Some(8), "the copy took no turn");
    Ok(())
}

pub(super) async fn a_copy_of_a_durable_signal_gets_its_answer(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", START, &three(Strategy::RoundRobin));
    line.made(&ask).await?;
    let given = answer("the answer");
    line.live.complete(&line.scope, &ask.token, ask.key, &given, seconds(14_400)).await?;
    assert_eq!(line.choose(&ask).await?, Choice::Answered(given.clone()));
    assert_eq!(line.preview(&ask).await?, Choice::Answered(given.clone()));
    line.live.end(&line.scope, &ask.token, seconds(10)).await?;
    assert_eq!(line.choose(&ask).await?, Choice::Answered(given), "also after the end");
    Ok(())
}

pub(super) async fn another_signal_of_a_call_gets_the_open_attempt(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", START, &three(Strategy::RoundRobin));
    line.made(&ask).await?;
    let stage = Ask { key: key(EventKind::VoiceRequest, 2), ..ask };
    match line.choose(&stage).await? {
        Choice::Open(open) => {
            assert_eq!((open.attempt, open.seat.map(|seat| seat.agent)), (1, Some(AgentId::new(7))));
        }
        other => return Err(Broken::because(format!("expected the open attempt, got {other:?}"))),
    }
    let next = Ask::new("another", START, &three(Strategy::RoundRobin));
    assert_eq!(line.agent(&next).await?, Some(8), "no turn was taken");
    Ok(())
}

pub(super) async fn a_fail_over_settles_and_never_tries_an_agent_twice(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", START, &three(Strategy::Priority));
    let mut dialled = vec![line.agent(&ask).await?];
    for attempt in 1..=3 {
        let pick = line.made(&ask.after(failed(attempt))).await?;
        assert_eq!(pick.settled, Some(Settled::Closed));
        assert_eq!(pick.attempts_before, attempt);
        dialled.push(agent_of(&pick));
    }
    assert_eq!(dialled, [Some(7), Some(8), Some(9), None]);
    Ok(())
}

pub(super) async fn agents_that_only_the_caller_knows_were_tried_are_not_chosen(
    bench: &LiveBench,
) -> Checked {
    let line = bench.line().await?;
    let ask = Ask { tried: vec![AgentId::new(7)], ..Ask::new("call", START, &three(Strategy::Priority)) };
    assert_eq!(line.agent(&ask).await?, Some(8));
    Ok(())
}

pub(super) async fn the_fallback_chain_is_walked_in_one_step(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let mut closed = seat(7);
    closed.caps.agent = Some(0);
    let mut disabled = seat(8);
    disabled.enabled = false;
    let stages = [
        roster(20, Strategy::Priority, vec![closed]),
        roster(21, Strategy::RoundRobin, vec![disabled]),
        roster(22, Strategy::LoadBalanced, vec![seat(9)]),
    ];
    let pick = line.made(&Ask::new("call", START, &stages)).await?;
    assert_eq!((agent_of(&pick), pick.stages.len()), (Some(9), 3), "each stage is in the trace");
    let nobody = Ask::new("other", START, &stages[..2]);
    assert_eq!(line.made(&nobody).await?.picked, Picked::Nobody);
    let number = Ask { last_resort: LastResort::Number, ..Ask::new("third", START, &stages[..2]) };
    assert_eq!(line.made(&number).await?.picked, Picked::Number { attempt: 1 });
    Ok(())
}

pub(super) async fn a_result_of_an_unknown_call_asks_for_the_call(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", seconds(10), &three(Strategy::Priority)).after(failed(1));
    assert_eq!(line.choose(&ask).await?, Choice::Unknown);
    let pick = line.made(&Ask::new("other", seconds(10), &three(Strategy::Priority))).await?;
    let seat = match &pick.picked {
        Picked::Seat(pick) => Some(pick.seat),
        _ => None,
    };
    let attempt = LiveAttempt { number: 1, seat, open_until: Some(seconds(14_400)), probe: None };
    let image = SessionImage {
        token: ask.token.clone(),
        attempts: vec![attempt],
        ended: false,
        forget_at: seconds(14_400),
    };
    line.live.hydrate(&line.scope, image).await?;
    let next = line.made(&ask).await?;
    assert_eq!((next.settled, agent_of(&next)), (Some(Settled::Closed), Some(8)), "not the agent it tried");
    Ok(())
}

pub(super) async fn a_preview_says_what_would_be_chosen_and_changes_nothing(bench: &LiveBench) -> Checked {
    for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
        let (line, mut plane) = (bench.line().await?, Plane::default());
        for n in 0..6 {
            let ask = Ask::new(&format!("call {n}"), seconds(n), &three(strategy));
            let later = Ask { now: seconds(100_000), ..ask.clone() };
            line.preview(&later).await?;
            let expected = plane.choose(&ask.request());
            for _ in 0..2 {
                assert_eq!(seen(&line.preview(&ask).await?), seen(&expected), "{strategy:?}, preview {n}");
            }
            assert_eq!(seen(&line.choose(&ask).await?), seen(&expected), "{strategy:?}, choice {n}");
        }
    }
    Ok(())
}

pub(super) async fn a_choice_that_is_taken_back_counts_nowhere(bench: &LiveBench) -> Checked {
    for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
        let line = bench.line().await?;
        let mut limited = seat(7);
        limited.caps.agent = Some(1);
        let stages = [roster(20, strategy, vec![limited, seat(8)])];
        let ask = Ask::new("call", START, &stages);
        assert_eq!(line.agent(&ask).await?, Some(7), "{strategy:?}");
        line.live.retract(&line.scope, &ask.token, ask.key).await?;
        line.live.retract(&line.scope, &ask.token, ask.key).await?;
        let other = Ask::new("other", seconds(1), &stages);
        let pick = line.made(&other).await?;
        assert_eq!(agent_of(&pick), Some(7), "{strategy:?}: turn and cap are as they were");
        assert!(pick.stages[0].members.iter().all(|member| member.calls == 0), "{strategy:?}: no count");
        let again = line.made(&Ask { now: seconds(2), ..ask }).await?;
        assert_eq!(again.attempts_before, 0, "{strategy:?}: nor an attempt of its call");
    }
    Ok(())
}

pub(super) async fn a_durable_choice_is_not_taken_back(bench: &LiveBench) -> Checked {
    let line = bench.line().await?;
    let ask = Ask::new("call", START, &three(Strategy::RoundRobin));
    line.made(&ask).await?;
    line.live.complete(&line.scope, &ask.token, ask.key, &answer("kept"), seconds(60)).await?;
    line.live.retract(&line.scope, &ask.token, ask.key).await?;
    assert_eq!(line.choose(&ask).await?, Choice::Answered(answer("kept")));
    let stage = Ask { key: key(EventKind::VoiceRequest, 2), ..ask };
    assert!(matches!(line.choose(&stage).await?, Choice::Open(_)));
    Ok(())
}
