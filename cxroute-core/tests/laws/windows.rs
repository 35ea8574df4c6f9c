//! The rolling window and the books that it is rebuilt from: what counts, for how long, and what is told to the store.

use cxroute_core::config::Strategy;
use cxroute_core::strategy::{Books, ChooseRequest, LastResort, Plane, PlaneImage};

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
        assert_eq!((rebuilt.seq(), desk.plane.seq()), (desk.calls as u64, desk.calls as u64));
        assert_eq!(rebuilt.choose(&request), desk.plane.preview(&request));
    }
}
