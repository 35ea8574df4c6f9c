//! The stated consequences of the strategies, each on its own: what people are promised, measured at the plane's door.

use std::collections::BTreeMap;
use std::sync::Arc;

use cxroute_core::call::SessionToken;
use cxroute_core::config::Strategy;
use cxroute_core::id::GroupId;
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Books, Choice, ChooseRequest, HealthSign, LastResort, Pick, Picked, Plane, PlaneImage, Roster,
    SessionImage, Settle, StageOutcome, Verdict,
};

use crate::dice::{self, Dice};
use crate::oracle::Said;
use crate::world::{START, World, at, key, plain, token};

/// One step of a 24-hour window.
const STEP: i64 = 900_000;

/// A group that takes call after call.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) plane: Plane,
    pub(crate) now: i64,
    pub(crate) calls: usize,
    /// Whom each call got.
    agents: BTreeMap<usize, usize>,
}

impl Desk {
    pub(crate) fn new(strategy: Strategy, capacities: &[u32]) -> Self {
        Self {
            world: plain(strategy, capacities),
            plane: Plane::default(),
            now: START,
            calls: 0,
            agents: BTreeMap::new(),
        }
    }

    pub(crate) fn pick_on(&mut self, stages: &[Arc<Roster>], last_resort: LastResort) -> Arc<Pick> {
        self.calls += 1;
        self.pick_for(self.calls, self.calls as u64, None, stages, last_resort)
    }

    pub(crate) fn pick_for(
        &mut self,
        call: usize,
        signal: u64,
        settle: Option<Settle>,
        stages: &[Arc<Roster>],
        last_resort: LastResort,
    ) -> Arc<Pick> {
        match self.choose(call, signal, settle, stages, last_resort) {
            Choice::Made(pick) => pick,
            other => panic!("expected a new choice, got {other:?}"),
        }
    }

    pub(crate) fn choose(
        &mut self,
        call: usize,
        signal: u64,
        settle: Option<Settle>,
        stages: &[Arc<Roster>],
        last_resort: LastResort,
    ) -> Choice {
        let token = &token(call);
        let (key, now) = (key(signal), at(self.now));
        self.plane.choose(&ChooseRequest { token, key, now, settle, stages, last_resort, tried: &[] })
    }

    /// A call to the group that stays up.
    pub(crate) fn ring(&mut self) -> Option<usize> {
        let roster = self.world.roster(0);
        let pick = self.pick_on(&[roster], LastResort::End);
        self.confirm(self.calls, self.calls as u64);
        self.agents.extend(agent_of(&pick).map(|agent| (self.calls, agent)));
        agent_of(&pick)
    }

    /// Whom a call of [`Desk::ring`] got.
    pub(crate) fn agent_of_call(&self, call: usize) -> Option<usize> {
        self.agents.get(&call).copied()
    }

    /// A call to the group that ends at once.
    pub(crate) fn call(&mut self) -> Option<usize> {
        let agent = self.ring();
        self.plane.end(&token(self.calls), at(self.now));
        agent
    }

    pub(crate) fn confirm(&mut self, call: usize, signal: u64) {
        let until = at(self.now + 14_400_000);
        self.plane.complete(&token(call), key(signal), &Sealed::from_bytes(vec![1]), until);
    }

    pub(crate) fn result(&mut self, call: usize, sign: HealthSign) {
        let health = self.world.groups[0].health;
        self.plane.settle(&token(call), Settle { attempt: 1, sign, health }, at(self.now));
    }

    /// Fails an agent until it is held back.
    pub(crate) fn fail(&mut self, agent: usize) {
        let direct = self.world.direct(agent);
        for _ in 0..self.world.groups[0].health.max_consecutive_failures {
            self.pick_on(std::slice::from_ref(&direct), LastResort::End);
            self.result(self.calls, HealthSign::Failed);
        }
    }

    fn weights(&self) -> Vec<u64> {
        self.world.groups[0].members.iter().map(|member| member.capacity.into()).collect()
    }
}

pub(crate) fn agent_of(pick: &Pick) -> Option<usize> {
    match pick.picked {
        Picked::Seat(seat) => Some(seat.seat.agent.get() as usize),
        Picked::Number { .. } | Picked::Nobody => None,
    }
}

#[test]
fn with_fixed_candidates_everyone_gets_exactly_the_share_and_equals_differ_by_one_at_most() {
    dice::run(1_000, 6, |seed, members| {
        let mut dice = Dice::new(seed);
        let capacities: Vec<u32> = (0..members).map(|_| 1 + dice.below(9) as u32).collect();
        let mut desk = Desk::new(Strategy::LoadBalanced, &capacities);
        let round: u32 = capacities.iter().sum();
        let mut counts = vec![0; members];
        for call in 1..=3 * round {
            counts[desk.call().unwrap()] += 1;
            for (a, b) in (0..members).flat_map(|a| (0..a).map(move |b| (a, b))) {
                let equal = capacities[a] == capacities[b];
                assert!(!equal || u32::abs_diff(counts[a], counts[b]) <= 1, "{counts:?} of {capacities:?}");
            }
            if call % round == 0 {
                let shares: Vec<u32> = capacities.iter().map(|capacity| capacity * call / round).collect();
                assert_eq!(counts, shares);
            }
        }
    });
}

/// Constant traffic for two windows and more, with members that join, rejoin and leave at any time.
#[test]
fn from_a_join_on_no_share_is_missed_by_more_than_one_call() {
    dice::run(100, 5, |seed, members| {
        let mut dice = Dice::new(seed);
        let capacities: Vec<u32> = (0..members).map(|_| 1 + dice.below(4) as u32).collect();
        let mut desk = Desk::new(Strategy::LoadBalanced, &capacities);
        let rounds = 1 + dice.below(2) as u64;
        for step in 0..dice.below(150) {
            desk.now = START + step as i64 * STEP;
            (0..rounds * desk.weights().iter().sum::<u64>()).for_each(|_| assert!(desk.call().is_some()));
        }
        let back = dice.below(members + 1);
        if back < members && members > 1 {
            desk.world.agents[back].enabled = false;
            for _ in 0..dice.below(120) {
                desk.now += STEP;
                let others: u64 = desk.weights().iter().sum::<u64>() - u64::from(capacities[back]);
                (0..rounds * others).for_each(|_| assert!(desk.call().is_some()));
            }
            desk.world.agents[back].enabled = true;
        } else {
            desk.world.add(1 + dice.below(6) as u32);
        }
        let weights = desk.weights();
        let round: u64 = weights.iter().sum();
        let mut counts = vec![0_u64; weights.len()];
        for _ in 0..200 {
            desk.now += STEP;
            for _ in 0..rounds * round {
                counts[desk.call().unwrap()] += 1;
            }
            for (index, weight) in weights.iter().enumerate() {
                let share = counts.iter().sum::<u64>() / round * weight;
                let missed = counts[index].abs_diff(share);
                assert!(missed <= 1, "{counts:?} of {weights:?}: agent {index} missed {missed}");
            }
        }
    });
}

#[test]
fn a_newcomer_is_not_flooded() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    (0..200).for_each(|_| assert!(desk.call().is_some()));
    desk.world.add(1);
    let first: Vec<_> = (0..6).map(|_| desk.call().unwrap()).collect();
    assert_eq!(first.iter().filter(|agent| **agent == 2).count(), 2, "{first:?}");
}

#[test]
fn virtual_calls_are_kept_apart_from_the_counts_that_people_read() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    (0..20).for_each(|_| assert!(desk.call().is_some()));
    desk.world.add(3);
    let stages = [desk.world.roster(0)];
    let pick = desk.pick_on(&stages, LastResort::End);
    let newcomer = pick.stages[0].members.iter().find(|member| member.agent.get() == 2).unwrap();
    assert_eq!((newcomer.calls, newcomer.virtual_calls), (0, 30));
}

#[test]
fn the_first_members_of_a_group_do_not_join_they_are_there() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 2]);
    let stages = [desk.world.roster(0)];
    let pick = desk.pick_on(&stages, LastResort::End);
    assert!(pick.delta.joins.is_empty());
    assert_eq!(pick.delta.presence.len(), 2);
}

/// Whoever was a candidate all the while between two turns of a member has had exactly one turn in between.
#[test]
fn round_robin_never_skips_or_repeats_a_remaining_member() {
    dice::run(2_000, 120, |seed, operations| {
        let mut dice = Dice::new(seed);
        let mut desk = Desk::new(Strategy::RoundRobin, &[1; 4]);
        // By agent: how often chosen since each other agent's last turn; none where it was away in between.
        let mut since: BTreeMap<(usize, usize), Option<u32>> = BTreeMap::new();
        for _ in 0..operations {
            let member = dice.below(desk.world.groups[0].members.len());
            match dice.below(12) {
                0 if desk.world.agents.len() < 9 => desk.world.add(1),
                1 if desk.world.groups[0].members.len() > 1 => {
                    drop(desk.world.groups[0].members.remove(member))
                }
                2..=3 => desk.world.groups[0].members[member].enabled ^= true,
                _ => {}
            }
            let members = &desk.world.groups[0].members;
            let here: Vec<usize> = members.iter().filter(|m| m.enabled).map(|m| m.agent).collect();
            for ((member, other), turns) in &mut since {
                if !here.contains(other) || !here.contains(member) {
                    *turns = None;
                }
            }
            let Some(agent) = desk.call() else { continue };
            for other in here.iter().copied().filter(|other| *other != agent) {
                let turns = since.insert((agent, other), Some(0)).flatten();
                assert!(
                    turns.is_none_or(|turns| turns == 1),
                    "{other} had {turns:?} turns between two of {agent}"
                );
                if let Some(Some(turns)) = since.get_mut(&(other, agent)) {
                    *turns += 1;
                }
            }
        }
    });
}

#[test]
fn round_robin_goes_on_after_a_last_chosen_member_that_was_removed() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1; 4]);
    assert_eq!([desk.call(), desk.call()], [Some(0), Some(1)]);
    desk.world.groups[0].members.remove(1);
    assert_eq!([desk.call(), desk.call(), desk.call()], [Some(2), Some(3), Some(0)]);
}

#[test]
fn priority_levels_take_turns_of_their_own_and_null_is_last() {
    let mut desk = Desk::new(Strategy::Priority, &[1; 5]);
    for (member, priority) in [(0, None), (1, Some(2)), (2, Some(1)), (3, Some(1)), (4, Some(2))] {
        desk.world.groups[0].members[member].priority = priority;
    }
    assert_eq!([desk.call(), desk.call(), desk.call()], [Some(2), Some(3), Some(2)]);
    desk.world.agents[2].enabled = false;
    desk.world.agents[3].enabled = false;
    assert_eq!([desk.call(), desk.call(), desk.call()], [Some(1), Some(4), Some(1)]);
    desk.world.agents[2].enabled = true;
    desk.world.agents[3].enabled = true;
    assert_eq!([desk.call(), desk.call()], [Some(3), Some(2)], "the first level goes on where it was");
    for agent in 1..5 {
        desk.world.agents[agent].enabled = false;
    }
    assert_eq!(desk.call(), Some(0));
    desk.world.agents[4].enabled = true;
    assert_eq!(desk.call(), Some(4), "the second level goes on where it was");
}

#[test]
fn fail_over_by_priority_goes_down_the_list_and_every_choice_counts() {
    let mut desk = Desk::new(Strategy::Priority, &[1; 3]);
    for member in 0..3 {
        desk.world.groups[0].members[member].priority = Some(member as u32 + 1);
    }
    let stages = [desk.world.roster(0)];
    let health = desk.world.groups[0].health;
    let mut pick = desk.pick_for(1, 1, None, &stages, LastResort::End);
    for (attempt, agent) in [(1, 0), (2, 1), (3, 2)] {
        assert_eq!(agent_of(&pick), Some(agent));
        assert!(pick.delta.counted.is_some());
        let settle = Settle { attempt, sign: HealthSign::Neutral, health };
        pick = desk.pick_for(1, 10 + u64::from(attempt), Some(settle), &stages, LastResort::End);
    }
    assert_eq!(pick.picked, Picked::Nobody);
    let verdicts: Vec<_> =
        pick.stages[0].members.iter().map(|member| (member.verdict, member.calls)).collect();
    assert_eq!(verdicts, [(Verdict::Tried, 1); 3]);
}

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
fn a_choice_counts_until_its_step_leaves_the_window_and_not_longer() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    desk.call();
    let calls = |desk: &mut Desk| {
        let stages = [desk.world.roster(0)];
        let pick = desk.pick_on(&stages, LastResort::End);
        desk.plane.retract(&token(desk.calls), key(desk.calls as u64));
        pick.stages[0].members.iter().map(|member| member.calls).sum::<u64>()
    };
    desk.now = START + 96 * STEP - 1;
    assert_eq!(calls(&mut desk), 1);
    desk.now += 1;
    assert_eq!(calls(&mut desk), 0);
}

#[test]
fn a_longer_window_keeps_what_it_knew_and_a_shorter_one_forgets_for_good() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1]);
    let calls = |desk: &mut Desk, hours| {
        desk.world.groups[0].hours = hours;
        let stages = [desk.world.roster(0)];
        let pick = desk.pick_on(&stages, LastResort::End);
        desk.confirm(desk.calls, desk.calls as u64);
        pick.stages[0].members[0].calls
    };
    assert_eq!(calls(&mut desk, 24), 0);
    desk.now += 20 * 3_600_000;
    assert_eq!(calls(&mut desk, 24), 1);
    desk.now += 20 * 3_600_000;
    assert_eq!(
        calls(&mut desk, 168),
        2,
        "the first is 40 hours old, and was in the window at every choice since"
    );
    assert_eq!(calls(&mut desk, 1), 1);
    assert_eq!(calls(&mut desk, 168), 2);
}

#[test]
fn a_plane_rebuilt_from_the_books_knows_the_window_as_it_was_whatever_its_lengths_were() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    let mut books = Books::default();
    for (hours, pause) in [(24, 20), (168, 20), (1, 0), (24, 1), (2, 0), (168, 3)] {
        desk.now += pause * 3_600_000;
        desk.world.groups[0].hours = hours;
        let stages = [desk.world.roster(0)];
        let pick = desk.pick_on(&stages, LastResort::End);
        desk.confirm(desk.calls, desk.calls as u64);
        books.apply(&pick.delta);
        let image = PlaneImage {
            seq: books.seq(),
            groups: books.groups(at(desk.now)),
            health: books.health(),
            sessions: Vec::new(),
        };
        let mut rebuilt = Plane::restore(image);
        let request = ChooseRequest {
            token: &token(9_999),
            key: key(1),
            now: at(desk.now),
            settle: None,
            stages: &stages,
            last_resort: LastResort::End,
            tried: &[],
        };
        assert_eq!(rebuilt.seq(), desk.plane.seq());
        assert_eq!(rebuilt.choose(&request), desk.plane.preview(&request));
    }
}

#[test]
fn books_leave_out_what_has_left_the_longest_window() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1]);
    let mut books = Books::default();
    let stages = [desk.world.roster(0)];
    books.apply(&desk.pick_on(&stages, LastResort::End).delta);
    let steps = |now: i64| books.groups(at(now))[0].steps.len();
    assert_eq!(steps(START), 1);
    assert_eq!(steps(START + STEP - 1 + 168 * 3_600_000 - 1), 1);
    assert_eq!(steps(START + STEP - 1 + 168 * 3_600_000), 0);
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
    let theirs = |agent: u64, open_until| cxroute_core::strategy::LiveAttempt {
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
