//! What the plane tells the store: who came and went, who joined, whose health changed; also when the choice that
//! brought it about was taken back.

use std::sync::Arc;

use cxroute_core::config::{Capacity, HealthSettings, RetryOutcome, Strategy};
use cxroute_core::id::{AgentId, GroupId, MembershipId, PoolId};
use cxroute_core::strategy::{Choice, HealthSign, LastResort, Pick, Roster, Seat, Settle};

use crate::desk::{Desk, STEP};
use crate::world::{at, key, token};

impl Desk {
    fn pick(&mut self) -> Arc<Pick> {
        let stages = [self.world.roster(0)];
        self.pick_on(&stages, LastResort::End)
    }

    fn take_back(&mut self) {
        self.plane.retract(&token(self.calls), key(self.calls as u64));
    }
}

fn presence(pick: &Pick) -> Vec<(u64, bool)> {
    pick.delta.presence.iter().map(|row| (row.agent.get(), row.present)).collect()
}

fn joins(pick: &Pick) -> Vec<(u64, u32)> {
    let sum = |steps: &[(i64, u32)]| steps.iter().map(|(_, calls)| calls).sum();
    pick.delta.joins.iter().map(|join| (join.agent.get(), sum(&join.steps))).collect()
}

#[test]
fn who_comes_and_who_goes_is_told_once() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1; 5]);
    let all = [(0, true), (1, true), (2, true), (3, true), (4, true)];
    assert_eq!(presence(&desk.pick()), all);
    assert_eq!(presence(&desk.pick()), []);
    desk.world.groups[0].members.drain(1..4);
    desk.world.agents[4].enabled = false;
    assert_eq!(presence(&desk.pick()), [(4, false), (1, false), (2, false), (3, false)]);
    assert_eq!(presence(&desk.pick()), []);
    desk.world.agents[4].enabled = true;
    let back = desk.pick();
    assert_eq!((presence(&back), joins(&back)), (vec![(4, true)], vec![(4, 3)]));
}

#[test]
fn what_a_choice_that_was_taken_back_brought_about_is_told_by_the_next() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    (0..6).for_each(|_| assert!(desk.call().is_some()));
    desk.world.add(2);
    desk.now += STEP;
    for _ in 0..2 {
        let pick = desk.pick();
        assert_eq!((presence(&pick), joins(&pick)), (vec![(2, true)], vec![(2, 6)]));
        desk.take_back();
    }
    let settle = Settle { attempt: 1, sign: HealthSign::Neutral, health: desk.world.groups[0].health };
    let (_, delta) = desk.plane.settle(&token(1), settle, at(desk.now));
    assert_eq!((delta.presence.len(), delta.joins.len()), (1, 1), "by whatever is told next");
    let pick = desk.pick();
    assert_eq!((presence(&pick), joins(&pick)), (vec![], vec![]));
}

#[test]
fn what_is_told_again_is_told_as_it_is_by_then() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    desk.pick();
    desk.world.add(1);
    desk.pick();
    desk.take_back();
    desk.world.agents[2].enabled = false;
    assert_eq!(presence(&desk.pick()), [(2, false)]);
}

#[test]
fn a_probe_that_was_taken_back_is_told_and_the_next_call_probes() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1]);
    desk.fail(0);
    desk.now += 60_000;
    let probe = desk.pick();
    assert_eq!(probe.delta.health.len(), 1);
    assert!(format!("{:?}", probe.delta.health).contains("session-"));
    desk.take_back();
    desk.world.agents[0].enabled = false;
    let told = desk.pick();
    assert_eq!(told.delta.health.len(), 1);
    assert!(!format!("{:?}", told.delta.health).contains("session-"), "nobody holds the slot");
}

#[test]
fn health_that_a_late_result_changed_is_told_by_the_next_choice() {
    let mut desk = Desk::new(Strategy::RoundRobin, &[1, 1]);
    desk.fail(0);
    desk.now += 60_000;
    let probe = (0..2).find(|_| desk.ring() == Some(0));
    assert!(probe.is_some());
    let call = desk.calls;
    // Its lease has run out, the call goes on with another attempt, and now its answer comes.
    desk.now += 14_400_000;
    let stages = [desk.world.roster(0)];
    desk.pick_for(call, 1_000, None, &stages, LastResort::End);
    let settle = Settle { attempt: 1, sign: HealthSign::Answered, health: desk.world.groups[0].health };
    let late = desk.choose(call, 1_001, Some(settle), &stages, LastResort::End);
    assert!(matches!(late, Choice::Open(open) if open.attempt == 2), "{late:?}");
    desk.world.agents[0].enabled = false;
    let told = desk.pick();
    assert!(format!("{:?}", told.delta.health).contains("successes: 1"), "{:?}", told.delta.health);
}

#[test]
fn a_fingerprint_names_the_content() {
    let desk = Desk::new(Strategy::LoadBalanced, &[1, 2]);
    let base = Roster::clone(&desk.world.roster(0));
    let seat = |change: fn(&mut Seat)| {
        let mut roster = base.clone();
        change(&mut roster.seats[0]);
        roster
    };
    let mut all = vec![
        base.clone(),
        Roster { group: Some(GroupId::new(9)), ..base.clone() },
        Roster { group: None, ..base.clone() },
        Roster { strategy: Strategy::RoundRobin, ..base.clone() },
        Roster { step: Roster::step_of(48), ..base.clone() },
        Roster { max_attempts: 3, ..base.clone() },
        Roster { retry_on: vec![RetryOutcome::Busy], ..base.clone() },
        Roster { health: HealthSettings { cooldown_seconds: 7, ..base.health }, ..base.clone() },
        Roster { ring_timeout: Some(7), ..base.clone() },
        Roster { seats: base.seats[..1].to_vec(), ..base.clone() },
        seat(|seat| seat.membership = MembershipId::new(99)),
        seat(|seat| seat.agent = AgentId::new(99)),
        seat(|seat| seat.pool = Some(PoolId::new(9))),
        seat(|seat| seat.priority = Some(9)),
        seat(|seat| seat.capacity = Capacity::MAX),
        seat(|seat| seat.enabled = false),
        seat(|seat| seat.caps.agent = Some(9)),
        seat(|seat| seat.caps.membership = Some(9)),
        seat(|seat| seat.caps.pool = Some(9)),
    ];
    let count = all.len();
    let mut names: Vec<u64> = all.drain(..).map(|roster| roster.seal().fingerprint).collect();
    assert_eq!(names[0], base.fingerprint, "equal for equal content");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert_eq!(Roster::step_of(24), std::time::Duration::from_secs(900));
}

#[test]
fn seats_are_in_membership_order_priority_first_then_id_null_last() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1; 4]);
    for (member, priority) in [(0, None), (1, Some(2)), (2, Some(1)), (3, Some(1))] {
        desk.world.groups[0].members[member].priority = priority;
    }
    desk.world.groups[0].members.reverse();
    let order: Vec<u64> = desk.world.roster(0).seats.iter().map(|seat| seat.agent.get()).collect();
    assert_eq!(order, [2, 3, 1, 0]);
}
