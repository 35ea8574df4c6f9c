//! What the plane keeps of a call: choices that are repeated, confirmed, taken back, stages, ends, and what the store
//! knows better.

use std::collections::BTreeMap;
use std::sync::Arc;

use cxroute_core::call::SessionToken;
use cxroute_core::config::Strategy;
use cxroute_core::id::GroupId;
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Choice, HealthSign, LastResort, LiveAttempt, Pick, Picked, Plane, SessionImage, Settle, StageOutcome,
};

use crate::desk::{Desk, STEP, agent_of};
use crate::dice::{self, Dice};
use crate::oracle::Said;
use crate::world::{START, at, key, token};

/// Two groups, one of which makes choices in between that are taken back.
#[test]
fn a_choice_taken_back_leaves_everything_as_if_it_never_was() {
    dice::run(3_000, 60, |seed, operations| {
        let mut dice = Dice::new(seed);
        let strategy = dice.pick(&[Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin]);
        let mut desk = Desk::new(strategy, &[1, 2, 2, 5]);
        for member in &mut desk.world.groups[0].members {
            member.priority = dice.pick(&[None, Some(1)]);
        }
        let mut other = Desk {
            world: desk.world.clone(),
            plane: Plane::default(),
            now: START,
            calls: 0,
            agents: BTreeMap::new(),
        };
        let mut waiting: Vec<SessionToken> = Vec::new();
        for operation in 0..operations {
            desk.now += dice.below(2) as i64 * STEP;
            other.now = desk.now;
            let stages = [desk.world.roster(0)];
            if dice.one_in(2) {
                let call = 10_000 + operation;
                desk.pick_for(call, call as u64, None, &stages, LastResort::End);
                waiting.push(token(call));
                if dice.one_in(3) {
                    desk.now += 31_000;
                    waiting.clear();
                }
            }
            while !waiting.is_empty() {
                let gone = waiting.swap_remove(dice.below(waiting.len()));
                let number: u64 = gone.as_str().trim_start_matches("session-").parse().unwrap();
                desk.plane.retract(&gone, key(number));
            }
            other.now = desk.now;
            let said = |choice: Arc<Pick>| match Said::by_plane(&Choice::Made(choice)) {
                Said::Made(made) => (made.who, made.stages, made.before),
                other => panic!("{other:?}"),
            };
            assert_eq!(
                said(desk.pick_on(&stages, LastResort::End)),
                said(other.pick_on(&stages, LastResort::End))
            );
            for desk in [&mut desk, &mut other] {
                desk.confirm(desk.calls, desk.calls as u64);
            }
        }
    });
}

#[test]
fn a_recorded_choice_repeats_identically_until_it_is_answered() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1; 3]);
    let stages = [desk.world.roster(0)];
    let first = desk.pick_for(1, 1, None, &stages, LastResort::End);
    desk.pick_for(2, 1, None, &stages, LastResort::End);
    for _ in 0..3 {
        let Choice::Recorded(again) = desk.choose(1, 1, None, &stages, LastResort::End) else { panic!() };
        assert_eq!(again, first);
    }
    desk.confirm(1, 1);
    let again = desk.choose(1, 1, None, &stages, LastResort::End);
    assert_eq!(again, Choice::Answered(Sealed::from_bytes(vec![1])));
    // A signal that was answered by another server, whose choice this plane never saw.
    desk.confirm(1, 77);
    assert!(matches!(desk.choose(1, 77, None, &stages, LastResort::End), Choice::Answered(_)));
}

#[test]
fn an_unconfirmed_choice_is_taken_back_after_thirty_seconds_and_a_confirmed_one_lives_on() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1]);
    desk.world.agents[0].cap = Some(1);
    let stages = [desk.world.roster(0)];
    desk.pick_on(&stages, LastResort::End);
    desk.now += 29_999;
    assert_eq!(desk.call(), None);
    desk.now += 1;
    let pick = desk.pick_on(&stages, LastResort::End);
    assert_eq!((agent_of(&pick), pick.stages[0].members[0].calls), (Some(0), 0));
    desk.confirm(desk.calls, desk.calls as u64);
    desk.now += 14_399_999;
    assert_eq!(desk.call(), None);
    desk.now += 1;
    assert_eq!(desk.call(), Some(0), "an end that never comes is not waited for any longer");
}

#[test]
fn the_stages_are_walked_in_order_until_somebody_can_take_the_call() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    desk.world.groups[0].max_attempts = 1;
    let mut second = desk.world.groups[0].clone();
    second.max_attempts = 3;
    desk.world.groups.push(second);
    desk.world.add(1);
    let stages = [desk.world.roster(0), desk.world.roster(1), desk.world.direct(2)];
    let health = desk.world.groups[0].health;
    let mut pick = desk.pick_for(1, 1, None, &stages, LastResort::Number);
    let mut chosen = vec![(agent_of(&pick), pick.stages.len())];
    for attempt in 1..=4 {
        let settle = Settle { attempt, sign: HealthSign::Neutral, health };
        pick = desk.pick_for(1, 10 + u64::from(attempt), Some(settle), &stages, LastResort::Number);
        chosen.push((agent_of(&pick), pick.stages.len()));
    }
    assert_eq!(chosen, [(Some(0), 1), (Some(1), 2), (Some(2), 3), (None, 3), (None, 3)]);
    assert_eq!(pick.stages[0].outcome, StageOutcome::MaxAttempts);
    assert_eq!(pick.stages[2].outcome, StageOutcome::Nobody);
    assert_eq!(
        pick.picked,
        Picked::Nobody,
        "the last resort's number is dialled once in a chain of fail-overs"
    );
    assert_eq!(pick.attempts_before, 4);
}

#[test]
fn twenty_attempts_of_a_group_leave_room_for_its_fallback_and_there_is_an_end_to_everything() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1; 22]);
    desk.world.groups[0].max_attempts = 20;
    let stages = [desk.world.roster(0)];
    let health = desk.world.groups[0].health;
    for number in 1..=20 {
        let settle = (number > 1).then(|| Settle { attempt: number - 1, sign: HealthSign::Neutral, health });
        let pick = desk.pick_for(1, number.into(), settle, &stages, LastResort::Number);
        assert_eq!(agent_of(&pick), Some(usize::from(number) - 1));
    }
    for number in 21..=24 {
        let settle = Settle { attempt: number - 1, sign: HealthSign::Neutral, health };
        if number > 21 {
            desk.plane.settle(&token(1), settle, at(desk.now));
        }
        let pick =
            desk.pick_for(1, number.into(), (number == 21).then_some(settle), &stages, LastResort::Number);
        assert_eq!(pick.picked, Picked::Number { attempt: number });
    }
    desk.plane.settle(&token(1), Settle { attempt: 24, sign: HealthSign::Neutral, health }, at(desk.now));
    let pick = desk.pick_for(1, 25, None, &stages, LastResort::Number);
    assert_eq!((&pick.picked, pick.stages.len()), (&Picked::Nobody, 0));
}

#[test]
fn an_ended_call_gets_no_further_attempt() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1; 3]);
    let stages = [desk.world.roster(0)];
    let settle = Settle { attempt: 1, sign: HealthSign::Failed, health: desk.world.groups[0].health };
    for (call, over) in [(1, true), (2, false)] {
        desk.pick_for(call, 1, None, &stages, LastResort::Number);
        match over {
            true => desk.plane.end(&token(call), at(desk.now)),
            false => desk.plane.stop_attempts(&token(call)),
        }
        assert_eq!(desk.choose(call, 2, None, &stages, LastResort::Number), Choice::Ended { attempts: 1 });
        let pick = desk.pick_for(call, 3, Some(settle), &stages, LastResort::Number);
        assert_eq!((&pick.picked, pick.stages.len()), (&Picked::Nobody, 0));
    }
}

#[test]
fn what_the_store_knows_of_a_call_is_taken_over() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1; 4]);
    desk.world.agents[0].cap = Some(1);
    let stages = [desk.world.roster(0)];
    let settle = Settle { attempt: 1, sign: HealthSign::Neutral, health: desk.world.groups[0].health };
    assert_eq!(desk.choose(5, 1, Some(settle), &stages, LastResort::End), Choice::Unknown);
    let theirs = |agent: u64, open_until| LiveAttempt {
        number: 1,
        seat: Some(cxroute_core::strategy::AttemptSeat {
            agent: cxroute_core::id::AgentId::new(agent),
            group: Some(GroupId::new(0)),
            membership: None,
            pool: None,
        }),
        open_until,
        probe: None,
    };
    let image = |call, attempt, ended| SessionImage {
        token: token(call),
        attempts: vec![attempt],
        ended,
        forget_at: at(START + 1_000),
    };
    let open = Some(at(START + 3_600_000));
    desk.plane.hydrate(image(5, theirs(0, open), false));
    assert_eq!(desk.call(), Some(1), "agent 0 is at its cap of one");
    desk.now += 1_800_000;
    let pick = desk.pick_for(5, 1, Some(settle), &stages, LastResort::End);
    assert_eq!(
        agent_of(&pick),
        Some(2),
        "the call is known while its attempt is open, and agent 0 was tried"
    );
    // A choice that lost against another server's: its count and turn go, the winner's attempt stays.
    let lost = desk.pick_for(6, 1, None, &stages, LastResort::End);
    assert_eq!(agent_of(&lost), Some(3));
    desk.plane.hydrate(image(6, theirs(0, open), false));
    assert!(
        matches!(desk.choose(6, 2, None, &stages, LastResort::End), Choice::Open(open) if open.attempt == 1)
    );
    desk.plane.retract(&token(6), key(1));
    assert_eq!(desk.call(), Some(3), "the turn of the choice that lost was given back, and agent 0 is full");
    // What has been closed here stays closed, though the store has not heard of it yet.
    desk.plane.settle(&token(6), settle, at(desk.now));
    desk.plane.hydrate(image(6, theirs(0, open), false));
    assert_eq!(desk.call(), Some(0));
    // The store says that the call has ended.
    desk.plane.hydrate(image(6, theirs(0, None), true));
    assert_eq!(desk.choose(6, 3, None, &stages, LastResort::End), Choice::Ended { attempts: 1 });
}

#[test]
fn an_attempt_in_flight_survives_what_the_store_did_not_know_yet() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1]);
    desk.world.agents[0].cap = Some(1);
    let stages = [desk.world.roster(0)];
    desk.pick_for(50, 1, None, &stages, LastResort::End);
    desk.plane.hydrate(SessionImage {
        token: token(50),
        attempts: Vec::new(),
        ended: false,
        forget_at: at(START),
    });
    assert_eq!(desk.call(), None);
    desk.confirm(50, 1);
    desk.now += 60_000;
    assert_eq!(desk.call(), None);
}

#[test]
fn to_be_told_what_is_known_changes_nothing() {
    for (is_confirmed, cap) in [(false, None), (true, None), (false, Some(1)), (true, Some(1))] {
        let mut desk = Desk::new(Strategy::RoundRobin, &[1, 1]);
        desk.world.agents[0].cap = cap;
        let stages = [desk.world.roster(0)];
        let pick = desk.pick_for(50, 1, None, &stages, LastResort::End);
        let Picked::Seat(seat) = &pick.picked else { panic!("{pick:?}") };
        if is_confirmed {
            desk.confirm(50, 1);
        }
        let open_until = Some(at(desk.now + 14_400_000));
        let attempt = LiveAttempt { number: 1, seat: Some(seat.seat), open_until, probe: None };
        for _ in 0..2 {
            desk.plane.hydrate(SessionImage {
                token: token(50),
                attempts: vec![attempt.clone()],
                ended: false,
                forget_at: at(START),
            });
        }
        assert_eq!(desk.call(), Some(1), "it was agent 1's turn");
        if cap.is_none() {
            assert_eq!(desk.call(), Some(0));
            continue;
        }
        assert_eq!(desk.call(), Some(1), "agent 0 has its one call");
        desk.plane.end(&token(50), at(desk.now));
        assert_eq!(desk.call(), Some(0), "its one call has ended");
        assert_eq!(desk.call(), Some(1));
        desk.ring();
        assert_eq!(desk.call(), Some(1), "one call is all that it may have");
    }
}

#[test]
fn an_idle_call_is_forgotten_after_five_minutes() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1]);
    desk.world.agents[0].enabled = false;
    let stages = [desk.world.roster(0)];
    desk.pick_for(1, 1, None, &stages, LastResort::End);
    desk.now += 299_999;
    assert!(matches!(desk.choose(1, 1, None, &stages, LastResort::End), Choice::Recorded(_)));
    desk.now += 1;
    desk.pick_for(1, 1, None, &stages, LastResort::End);
}
