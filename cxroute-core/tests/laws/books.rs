//! The durable books: deltas in any order come to the same, and what can never count again is not kept.

use cxroute_core::config::Strategy;
use cxroute_core::id::{AgentId, GroupId, MembershipId};
use cxroute_core::strategy::{
    AgentHealth, Books, Counted, Health, HealthRow, Join, LastResort, LedgerDelta, Presence, Turn,
};

use crate::desk::{Desk, STEP};
use crate::world::{START, at};

const GROUP: GroupId = GroupId::new(0);
const AGENT: AgentId = AgentId::new(1);
/// The step of START in a window of 24 hours.
const NOW: i64 = START / STEP;

fn delta(seq: u64) -> LedgerDelta {
    LedgerDelta { seq, ..LedgerDelta::default() }
}

fn joined(seq: u64, step: i64, calls: u32) -> LedgerDelta {
    let join = Join { group: GROUP, agent: AGENT, step_millis: STEP, steps: vec![(step, calls)] };
    LedgerDelta { joins: vec![join], ..delta(seq) }
}

fn counted(seq: u64, step: i64) -> LedgerDelta {
    let counted = Counted { group: GROUP, agent: AGENT, step_millis: STEP, step };
    LedgerDelta { counted: Some(counted), ..delta(seq) }
}

fn of(deltas: &[LedgerDelta]) -> Books {
    let mut books = Books::default();
    deltas.iter().for_each(|delta| books.apply(delta));
    books
}

/// Steps as (step, calls, virtual calls).
fn steps(books: &Books) -> Vec<(i64, u32, u32)> {
    let groups = books.groups(at(START));
    groups[0].steps.iter().map(|(_, step)| (step.step, step.calls, step.virtual_calls)).collect()
}

#[test]
fn the_newest_join_holds_whatever_order_it_is_told_in() {
    let (old, new) = (joined(3, NOW - 9, 7), joined(5, NOW - 8, 2));
    for deltas in [[old.clone(), new.clone()], [new, old]] {
        let given: Vec<_> =
            steps(&of(&deltas)).into_iter().filter(|(_, calls, given)| calls + given > 0).collect();
        assert_eq!(given, [(NOW - 8, 0, 2)]);
    }
}

#[test]
fn real_calls_are_counted_in_any_order_and_no_join_touches_them() {
    let deltas = [counted(1, NOW), joined(2, NOW, 4), counted(3, NOW), joined(4, NOW, 1)];
    assert_eq!(steps(&of(&deltas)), [(NOW, 2, 1)]);
    let backwards: Vec<_> = deltas.into_iter().rev().collect();
    assert_eq!(steps(&of(&backwards)), [(NOW, 2, 1)]);
    assert_eq!(of(&backwards).seq(), 4);
    assert_eq!(of(&backwards).groups(at(START))[0].seats[0].last, 3);
}

#[test]
fn of_turns_presence_and_health_the_newest_holds() {
    let told = |seq: u64, present, priority: u32| {
        let turn = Turn { level: None, position: (priority, MembershipId::new(seq)) };
        let health = AgentHealth { health: Health::Fit { failures: priority }, episodes: 0 };
        let mut delta = LedgerDelta { turn: Some((GROUP, turn)), ..delta(seq) };
        delta.presence.push(Presence { group: GROUP, agent: AGENT, present });
        delta.health.push(HealthRow { agent: AGENT, health });
        delta
    };
    let (old, new) = (told(1, true, 7), told(2, false, 8));
    for deltas in [[old.clone(), new.clone()], [new, old]] {
        let books = of(&deltas);
        let group = &books.groups(at(START))[0];
        assert!(!group.seats[0].present);
        assert_eq!(group.turns, [Turn { level: None, position: (8, MembershipId::new(2)) }]);
        assert_eq!(books.health()[0].health.health, Health::Fit { failures: 8 });
    }
}

#[test]
fn what_has_left_the_window_at_a_choice_is_not_kept() {
    let kept = of(&[counted(1, NOW - 95), counted(2, NOW)]);
    assert_eq!(steps(&kept), [(NOW - 95, 1, 0), (NOW, 1, 0)]);
    let gone = of(&[counted(1, NOW - 96), counted(2, NOW)]);
    assert_eq!(steps(&gone), [(NOW, 1, 0)]);
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
