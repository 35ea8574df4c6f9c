//! The rolling window and the books that it is rebuilt from: what counts, for how long, and what is told to the store.

use std::sync::Arc;

use cxroute_core::config::Strategy;
use cxroute_core::strategy::{Books, ChooseRequest, LastResort, Pick, Plane, PlaneImage};

use crate::desk::{Desk, STEP};
use crate::world::{START, at, key, token};

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
            at: at(desk.now),
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
            preferences: &[],
            last_resort: LastResort::End,
            tried: &[],
        };
        assert_eq!((rebuilt.seq(), desk.plane.seq()), (desk.calls as u64, desk.calls as u64));
        assert_eq!(rebuilt.choose(&request), desk.plane.preview(&request));
    }
}

/// The plane as the books would bring it back now.
fn rebuilt(books: &Books, desk: &Desk) -> Plane {
    Plane::restore(PlaneImage {
        at: at(desk.now),
        seq: books.seq(),
        groups: books.groups(at(desk.now)),
        health: books.health(),
        sessions: Vec::new(),
    })
}

fn told(desk: &mut Desk, books: &mut Books) -> Arc<Pick> {
    let stages = [desk.world.roster(0)];
    let pick = desk.pick_on(&stages, LastResort::End);
    desk.confirm(desk.calls, desk.calls as u64);
    books.apply(&pick.delta);
    pick
}

#[test]
fn calls_given_in_steps_of_another_length_are_told_to_the_millisecond() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    let mut books = Books::default();
    desk.world.groups[0].hours = 100;
    (0..4).for_each(|_| drop(told(&mut desk, &mut books)));
    desk.world.groups[0].hours = 24;
    desk.now += 60_000;
    (0..4).for_each(|_| drop(told(&mut desk, &mut books)));
    desk.world.add(1);
    let pick = told(&mut desk, &mut books);
    assert_eq!(pick.delta.joins[0].step_millis, 1);
    assert_eq!(pick.delta.joins[0].steps.iter().map(|(_, calls)| calls).sum::<u32>(), 4);
    for _ in 0..3 {
        desk.now += 1_800_000;
        let mut plane = rebuilt(&books, &desk);
        std::mem::swap(&mut plane, &mut desk.plane);
        let stages = [desk.world.roster(0)];
        let from_books = desk.pick_on(&stages, LastResort::End);
        std::mem::swap(&mut plane, &mut desk.plane);
        desk.calls -= 1;
        let lived = told(&mut desk, &mut books);
        assert_eq!(from_books, lived);
    }
}

#[test]
fn calls_given_in_steps_of_todays_length_are_told_by_step_and_none_are_told_as_nothing() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[3]);
    let mut books = Books::default();
    for _ in 0..3 {
        desk.now += STEP;
        told(&mut desk, &mut books);
    }
    desk.world.add(1);
    let join = told(&mut desk, &mut books).delta.joins[0].clone();
    assert_eq!(join.step_millis, STEP);
    assert_eq!(join.steps, [(START / STEP + 1, 1)], "a third of three calls, in the oldest step");
}

#[test]
fn joining_again_replaces_what_was_given_before() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1, 1]);
    let mut books = Books::default();
    (0..4).for_each(|_| drop(told(&mut desk, &mut books)));
    desk.world.add(1);
    desk.now += STEP;
    assert_eq!(told(&mut desk, &mut books).delta.joins[0].steps, [(START / STEP, 2)]);
    let here = |desk: &mut Desk, agents: [bool; 3]| {
        desk.world.agents.iter_mut().zip(agents).for_each(|(agent, here)| agent.enabled = here);
    };
    here(&mut desk, [false, false, true]);
    (0..10).for_each(|_| drop(told(&mut desk, &mut books)));
    here(&mut desk, [true, true, false]);
    told(&mut desk, &mut books);
    here(&mut desk, [true, true, true]);
    let pick = told(&mut desk, &mut books);
    assert!(pick.delta.joins[0].steps.is_empty(), "its own calls are more than the level");
    let newest = pick.stages[0].members.iter().find(|member| member.agent.get() == 2).unwrap();
    assert_eq!((newest.calls, newest.virtual_calls), (11, 0));
    desk.now += 95 * STEP;
    let pick = told(&mut desk, &mut books);
    let newest = pick.stages[0].members.iter().find(|member| member.agent.get() == 2).unwrap();
    assert_eq!((newest.calls, newest.virtual_calls), (11, 0), "the first step has left, with nothing of its");
}

#[test]
fn a_clock_that_went_back_over_a_restart_counts_in_the_newest_step_all_the_same() {
    let mut desk = Desk::new(Strategy::LoadBalanced, &[1]);
    let mut books = Books::default();
    let newest = told(&mut desk, &mut books).delta.counted.unwrap().step;
    desk.now -= 10 * STEP;
    desk.plane = rebuilt(&books, &desk);
    assert_eq!(told(&mut desk, &mut books).delta.counted.unwrap().step, newest);
}
