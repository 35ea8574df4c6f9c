//! The stated consequences of the strategies, each on its own: what people are promised, measured at the plane's door.

use std::collections::BTreeMap;

use cxroute_core::config::Strategy;
use cxroute_core::strategy::{HealthSign, LastResort, Picked, Settle, Verdict};

use crate::desk::{Desk, STEP, agent_of};
use crate::dice::{self, Dice};
use crate::world::START;

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
                    desk.world.groups[0].members.remove(member);
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
