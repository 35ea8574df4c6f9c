//! What hurt others, and must be impossible here: one test for each line of the lessons that concerns distribution,
//! health and signals.

use cxroute_core::call::{Acceptance as Taken, Action, CallState, EndReason, Outcome, UpdateWord};
use cxroute_core::config::Strategy;
use cxroute_core::strategy::{HealthSign, LastResort, Picked, Settle, StageOutcome, TRACED_MEMBERS, Verdict};

use crate::calls::{Line, cdr, dial_agent, result, update, voice};
use crate::desk::{Desk, agent_of};
use crate::world::{at, token};

const EVERY: [Strategy; 3] = [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin];

/// A pointer that is read first and written later gives parallel calls the same agent. Here choosing is one step: calls
/// that are all under way at once, none of them committed, are spread like calls one after the other.
#[test]
fn parallel_calls_do_not_get_the_same_agent() {
    for strategy in EVERY {
        let mut desk = Desk::new(strategy, &[1; 5]);
        let stages = [desk.world.roster(0)];
        let mut agents: Vec<_> =
            (0..5).map(|_| agent_of(&desk.pick_on(&stages, LastResort::End)).unwrap()).collect();
        agents.sort_unstable();
        assert_eq!(agents, [0, 1, 2, 3, 4], "{strategy:?}");
    }
}

/// At the cap of every agent one was chosen all the same, since "infinite" was still the smallest number. Here nobody is
/// chosen, and the fallback takes the call.
#[test]
fn at_the_cap_of_every_agent_nobody_is_chosen_and_the_fallback_takes_the_call() {
    for strategy in EVERY {
        let mut desk = Desk::new(strategy, &[1, 3]);
        desk.world.agents[0].cap = Some(2);
        desk.world.groups[0].members[1].cap = Some(1);
        (0..3).for_each(|_| assert!(desk.ring().is_some()));
        let stages = [desk.world.roster(0)];
        let pick = desk.pick_on(&stages, LastResort::Number);
        assert_eq!(pick.stages[0].outcome, StageOutcome::Nobody);
        assert_eq!(pick.picked, Picked::Number { attempt: 1 });
        assert!(pick.delta.counted.is_none());
        assert_eq!(desk.ring(), None);
    }
}

/// Load counted by group let an agent in two groups take twice its limit. Here caps are of the agent, and of the pool of
/// its vendor account, wherever the call came from.
#[test]
fn the_caps_of_agents_and_pools_count_across_groups_and_direct_calls() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    let mut second = desk.world.groups[0].clone();
    second.members.iter_mut().for_each(|member| member.id += 10);
    desk.world.groups.push(second);
    desk.world.pools[0] = Some(3);
    desk.world.agents[0].cap = Some(1);
    desk.world.agents.iter_mut().for_each(|agent| agent.pool = Some(0));
    let mut agents = Vec::new();
    for group in [0, 1, 1, 0] {
        let stages = [desk.world.roster(group)];
        agents.push(agent_of(&desk.pick_on(&stages, LastResort::End)));
    }
    assert_eq!(agents, [Some(0), Some(1), Some(1), None], "one of agent 0, three of the pool");
    let direct = [desk.world.direct(1)];
    assert_eq!(agent_of(&desk.pick_on(&direct, LastResort::End)), None);
}

/// Load balancing that ignored capacity sent the small agent as many calls as the big one.
#[test]
fn load_balancing_heeds_capacity() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 4]);
    let big = (0..50).filter(|_| desk.call() == Some(1)).count();
    assert_eq!(big, 40);
}

/// A failed destination's whole load landed on one neighbour. Here it spreads over all that are left.
#[test]
fn a_failed_agents_load_spreads_over_all_others() {
    for strategy in EVERY {
        let mut desk = Desk::new(strategy, &[1; 5]);
        (0..10).for_each(|_| assert!(desk.call().is_some()));
        desk.fail(2);
        let mut counts = [0; 5];
        for _ in 0..40 {
            counts[desk.call().unwrap()] += 1;
        }
        assert_eq!(counts, [10, 10, 0, 10, 10], "{strategy:?}");
    }
}

/// Lists of more than 25 members skewed.
#[test]
fn a_thousand_members_get_one_call_each_before_anyone_gets_a_second() {
    for strategy in EVERY {
        let mut desk = Desk::new(strategy, &[1; 1_000]);
        let stages = [desk.world.roster(0)];
        let mut counts = vec![0; 1_000];
        for _ in 0..2_000 {
            counts[agent_of(&desk.pick_on(&stages, LastResort::End)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| *count == 2), "{strategy:?}");
    }
}

/// A trace that grows with the group fills the store: here it names twenty members and counts the rest.
#[test]
fn the_trace_of_a_long_list_names_twenty_members_and_counts_the_rest() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1; 50]);
    desk.world.agents[40].enabled = false;
    (0..30).for_each(|_| assert!(desk.call().is_some()));
    let stages = [desk.world.roster(0)];
    let pick = desk.pick_on(&stages, LastResort::End);
    let trace = &pick.stages[0];
    assert_eq!(trace.members.len(), TRACED_MEMBERS);
    assert_eq!((trace.members[0].agent.get(), trace.members[0].verdict), (30, Verdict::Chosen));
    assert_eq!((trace.others.not_its_turn, trace.others.disabled), (29, 1));
    assert!(!trace.others.is_empty());
}

/// "Fewest calls" never moved on, or always took the first of the list.
#[test]
fn the_fewest_calls_move_on_and_ties_go_to_who_waited_longest() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1; 3]);
    let order: Vec<_> = (0..6).map(|_| desk.call().unwrap()).collect();
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    desk.now += 30 * 3_600_000;
    desk.world.agents[0].enabled = false;
    assert_eq!(
        desk.call(),
        Some(1),
        "nothing is in the window any more: agent 1 waited longest of those here"
    );
    desk.world.agents[0].enabled = true;
    assert_eq!([desk.call(), desk.call()], [Some(0), Some(2)], "agent 0 was chosen before agent 2");
}

/// A list from the top down stopped when its last member was unavailable.
#[test]
fn an_unavailable_last_member_does_not_stop_the_list() {
    for strategy in EVERY {
        let mut desk = Desk::new(strategy, &[1; 3]);
        desk.world.agents[2].enabled = false;
        let order: Vec<_> = (0..4).map(|_| desk.call()).collect();
        assert_eq!(order, [Some(0), Some(1), Some(0), Some(1)], "{strategy:?}");
    }
}

/// A limit of 0 discarded every limit. Here it takes no calls.
#[test]
fn a_limit_of_zero_takes_none() {
    for strategy in EVERY {
        let mut desk = Desk::new(strategy, &[1; 3]);
        desk.world.agents[0].cap = Some(0);
        desk.world.groups[0].members[1].cap = Some(0);
        desk.world.pools[0] = Some(0);
        desk.world.agents[2].pool = Some(0);
        assert_eq!(desk.call(), None, "{strategy:?}");
    }
}

/// "The lowest load wins" floods a newcomer with everything until it has caught up with a day of others' calls.
#[test]
fn a_member_that_comes_back_is_not_made_to_catch_up() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1, 1]);
    desk.world.agents[2].enabled = false;
    (0..100).for_each(|_| assert!(desk.call().is_some()));
    desk.world.agents[2].enabled = true;
    let caught = (0..30).filter(|_| desk.call() == Some(2)).count();
    assert_eq!(caught, 10);
}

/// The same flood after a cool-down: whoever health releases joins level too.
#[test]
fn an_agent_that_health_releases_is_not_made_to_catch_up() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    desk.fail(1);
    (0..100).for_each(|_| assert!(desk.call().is_some()));
    desk.now += 60_000;
    for _ in 0..3 {
        assert_eq!(desk.ring(), Some(1), "the least loaded is probed as soon as it may be");
        desk.result(desk.calls, HealthSign::Answered);
    }
    let caught = (0..30).filter(|_| desk.call() == Some(1)).count();
    assert!((14..=16).contains(&caught), "{caught}");
}

/// Counters leaked: a call whose end never came sat in its agent's load for days. Here a lease expires.
#[test]
fn a_call_whose_end_never_comes_stops_counting() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1]);
    desk.world.agents[0].cap = Some(1);
    assert_eq!(desk.ring(), Some(0));
    assert_eq!(desk.ring(), None);
    desk.now += 14_400_000;
    assert_eq!(desk.ring(), Some(0));
    desk.plane.end(&token(1), at(desk.now));
    desk.result(1, HealthSign::Neutral);
    assert_eq!(desk.ring(), None, "the end of the first call, when it comes after all, frees nothing twice");
}

/// One success reopened a breaker fully, half-open let everything through, a late result freed the probe's slot, and
/// where nothing was sent any more nothing was ever half-open.
#[test]
fn a_breaker_neither_flaps_nor_stays_open_for_ever() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1; 3]);
    let before = desk.ring();
    assert_eq!(before, Some(0));
    desk.fail(0);
    assert!((0..20).all(|_| desk.call() != Some(0)), "held back");
    desk.now += 60_000;
    let probes = (0..12).filter(|_| desk.ring() == Some(0)).count();
    assert_eq!(probes, 1, "one call at a time, and it is sent without anybody's doing");
    desk.result(1, HealthSign::Answered);
    assert!((0..12).all(|_| desk.call() != Some(0)), "a late answer of another call frees no slot");
    let probe = (0..20).find(|_| desk.ring() == Some(0));
    assert_eq!(probe, None);
    desk.now += 120_000;
    for answered in 0..3 {
        let probes = (0..12).filter(|_| desk.ring() == Some(0)).count();
        assert_eq!(probes, 1, "after {answered} answers still one at a time");
        let last = (1..=desk.calls).rev().find(|call| desk.agent_of_call(*call) == Some(0)).unwrap();
        desk.result(last, HealthSign::Answered);
    }
    assert_eq!((0..12).filter(|_| desk.call() == Some(0)).count(), 4, "three answers release it");
}

/// Health that holds everyone back would be an outage of our own making.
#[test]
fn if_health_alone_leaves_nobody_health_is_ignored() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1, 1]);
    desk.fail(0);
    desk.fail(1);
    let stages = [desk.world.roster(0)];
    let pick = desk.pick_on(&stages, LastResort::End);
    assert_eq!(pick.stages[0].outcome, StageOutcome::ChosenDespiteHealth);
    assert_eq!(agent_of(&pick), Some(0));
    desk.world.agents[1].cap = Some(0);
    assert_eq!(desk.call(), Some(0), "caps are not");
}

/// A busy callee was rung three times over: here an agent is tried once in a call.
#[test]
fn nobody_is_tried_twice_in_one_call() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    let stages = [desk.world.roster(0)];
    let health = desk.world.groups[0].health;
    let first = desk.pick_for(1, 1, None, &stages, LastResort::End);
    let settle = |attempt| Some(Settle { attempt, sign: HealthSign::Neutral, health });
    let second = desk.pick_for(1, 2, settle(1), &stages, LastResort::End);
    let third = desk.pick_for(1, 3, settle(2), &stages, LastResort::End);
    assert_eq!([agent_of(&first), agent_of(&second), agent_of(&third)], [Some(0), Some(1), None]);
}

/// A dry run used up the rotation's state.
#[test]
fn a_dry_run_uses_nothing_up() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1; 3]);
    let stages = [desk.world.roster(0)];
    for _ in 0..5 {
        let before = format!("{:?}", desk.plane);
        let (token, key) = (token(99), crate::world::key(1));
        let request = cxroute_core::strategy::ChooseRequest {
            token: &token,
            key,
            now: at(desk.now),
            settle: None,
            stages: &stages,
            preferences: &[],
            last_resort: LastResort::End,
            tried: &[],
        };
        let dry = desk.plane.preview(&request);
        assert_eq!(format!("{:?}", desk.plane), before);
        assert_eq!(dry, desk.plane.choose(&request));
        desk.plane.retract(&token, key);
    }
}

/// Updates came in any order, and a late "ringing" overwrote "completed".
#[test]
fn a_late_ringing_does_not_reopen_a_completed_call() {
    let line = Line::of([
        voice(1, 0, dial_agent(1), 0),
        result(1, Outcome::Completed, 60, Action::End(EndReason::AttemptsFailed), 1),
        update(UpdateWord::Ringing, "ringing", 61, None),
        update(UpdateWord::Connected, "connected", 62, None),
    ]);
    assert_eq!(line.call().state, CallState::Completed);
}

/// "Completed" came twice, and was counted twice.
#[test]
fn a_completed_call_completes_once() {
    let done = result(1, Outcome::Completed, 60, Action::End(EndReason::AttemptsFailed), 1);
    let cdrs =
        [cdr(Some(Outcome::Completed), "ANSWER", 50, 70), cdr(Some(Outcome::Completed), "ANSWER", 50, 71)];
    let mut line = Line::of([voice(1, 0, dial_agent(1), 0), done.clone()]);
    assert_eq!(line.take(&done), None);
    assert_eq!(cdrs.map(|cdr| line.take(&cdr)), [Some(Taken::Taken), None]);
    let events: usize = line.steps[1..].iter().map(|step| step.events.len()).sum();
    assert_eq!(events, 1);
}

/// Deduplication by the call's id alone swallowed later statuses.
#[test]
fn later_statuses_of_a_call_are_no_copies_of_earlier_ones() {
    let line = Line::of([
        voice(1, 0, dial_agent(1), 0),
        update(UpdateWord::Ringing, "ringing", 1, None),
        update(UpdateWord::Connected, "connected", 2, None),
    ]);
    assert_eq!(line.call().state, CallState::Connected);
}

/// There was no way from routing to busy, from connecting to completed, from received to failed, and real sequences were
/// refused. Here whatever skips states walks through them.
#[test]
fn real_sequences_that_skip_states_are_walked_not_refused() {
    let hangup = Action::End(EndReason::AttemptsFailed);
    let busy_while_routing = Line::of([result(1, Outcome::Busy, 1, hangup.clone(), 0)]);
    assert_eq!(busy_while_routing.call().state, CallState::Busy);
    let completed_while_connecting =
        Line::of([voice(1, 0, dial_agent(1), 0), result(1, Outcome::Completed, 9, hangup, 1)]);
    assert_eq!(completed_while_connecting.call().state, CallState::Completed);
    let failed_at_once = Line::of([voice(1, 0, Action::End(EndReason::NoAgent), 0)]);
    assert_eq!(failed_at_once.call().state, CallState::Failed);
}

/// "Why did this call go there?" has no answer in most systems. Here every member has its verdict and its figures.
#[test]
fn every_choice_says_why_and_why_nobody_else() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1, 2, 1, 1]);
    desk.world.agents[0].enabled = false;
    desk.world.agents[1].cap = Some(0);
    desk.fail(3);
    let stages = [desk.world.roster(0)];
    let pick = desk.pick_on(&stages, LastResort::End);
    let verdicts: Vec<_> =
        pick.stages[0].members.iter().map(|m| (m.agent.get(), m.verdict, m.capacity)).collect();
    let until = at(desk.now + 60_000);
    let full = Verdict::AtCapacity { cap: cxroute_core::strategy::CapKind::Agent, live: 0, limit: 0 };
    assert_eq!(
        verdicts,
        [
            (2, Verdict::Chosen, 2),
            (0, Verdict::Disabled, 1),
            (1, full, 1),
            (3, Verdict::CoolingDown { until }, 1),
            (4, Verdict::HigherLoad, 1),
        ]
    );
}
