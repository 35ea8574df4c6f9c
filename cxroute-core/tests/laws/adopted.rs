//! Choices that became durable without the plane: whatever order they are told in, however often, beside ends that come
//! first and planes that are built anew, each counts once and holds its cap as long as its call lasts.

use std::collections::BTreeMap;
use std::sync::Arc;

use cxroute_core::config::Strategy;
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Adopted, Books, Choice, ChooseRequest, LastResort, LiveAttempt, Pick, Picked, Plane, PlaneImage, Roster,
    SessionImage,
};

use crate::desk::agent_of;
use crate::dice::{self, Dice};
use crate::world::{START, World, at, key, plain, token};

/// A shared plane that now and then is away or built anew, what is durable, and what the plane is still to be told.
struct Outage {
    world: World,
    shared: Plane,
    books: Books,
    now: i64,
    /// Whom each call got that is not over.
    open: BTreeMap<usize, SessionImage>,
    /// How many calls each agent got.
    durable: BTreeMap<usize, u64>,
    untold: Vec<Adopted>,
    told: Vec<Adopted>,
    calls: usize,
}

impl Outage {
    fn new() -> Self {
        Self {
            world: plain(Strategy::LoadBalanced, &[1, 1, 2]),
            shared: Plane::default(),
            books: Books::default(),
            now: START,
            open: BTreeMap::new(),
            durable: BTreeMap::new(),
            untold: Vec::new(),
            told: Vec::new(),
            calls: 0,
        }
    }

    fn image(&self) -> PlaneImage {
        PlaneImage {
            at: at(self.now),
            seq: self.books.seq(),
            groups: self.books.groups(at(self.now)),
            health: self.books.health(),
            sessions: self.open.values().cloned().collect(),
        }
    }

    /// A choice on `plane`, durable since.
    fn choose(&mut self, plane: &mut Plane) -> Adopted {
        self.calls += 1;
        let (token, stages) = (token(self.calls), [self.world.roster(0)]);
        let made = choose(plane, self.calls, self.now, &stages, false);
        let Choice::Made(pick) = made else { panic!("expected a new choice, got {made:?}") };
        self.books.apply(&pick.delta);
        let until = at(self.now + 14_400_000);
        let call =
            SessionImage { token, attempts: vec![attempt(&pick, until)], ended: false, forget_at: until };
        *self.durable.entry(agent_of(&pick).unwrap()).or_default() += 1;
        self.open.insert(self.calls, call.clone());
        let counted = pick.delta.counted;
        Adopted { at: at(self.now), key: key(1), attempt: Some(1), counted, call }
    }

    fn operate(&mut self, dice: &mut Dice) {
        self.now += 1 + dice.below(20_000) as i64;
        match dice.below(16) {
            0..4 => {
                let mut shared = std::mem::take(&mut self.shared);
                let adopted = self.choose(&mut shared);
                let until = adopted.call.forget_at;
                shared.complete(&adopted.call.token, adopted.key, &Sealed::from_bytes(vec![1]), until);
                self.shared = shared;
                self.told.push(adopted);
            }
            4..8 => {
                let mut spare = Plane::restore(self.image());
                let adopted = self.choose(&mut spare);
                if dice.one_in(4) {
                    // The shared plane had chosen, too, and its answer came too late.
                    choose(&mut self.shared, self.calls, self.now, &[self.world.roster(0)], false);
                }
                self.untold.push(adopted);
            }
            8..11 => {
                let open: Vec<_> = self.open.keys().copied().collect();
                if !open.is_empty() {
                    let call = dice.pick(&open);
                    self.open.remove(&call);
                    self.shared.end(&token(call), at(self.now));
                }
            }
            11..13 if !self.untold.is_empty() => {
                let adopted = self.untold.swap_remove(dice.below(self.untold.len()));
                self.told.push(adopted.clone());
                self.shared.adopt(adopted, at(self.now));
            }
            13 if !self.untold.is_empty() => {
                // Another server has looked the call up, which went on.
                let heard = self.untold[dice.below(self.untold.len())].call.clone();
                if self.open.values().any(|call| call.token == heard.token) {
                    self.shared.hydrate(heard);
                }
            }
            14 if !self.told.is_empty() => {
                let again = self.told[dice.below(self.told.len())].clone();
                if self.now - again.at.as_millis() < 300_000 {
                    self.shared.adopt(again, at(self.now));
                }
            }
            15 if dice.one_in(3) => self.shared = Plane::restore(self.image()),
            _ => {}
        }
    }

    fn end(mut self, seed: u64) {
        for adopted in std::mem::take(&mut self.untold) {
            self.shared.adopt(adopted, at(self.now));
        }
        let Choice::Made(pick) = choose(&mut self.shared, 1_000_000, self.now, &[self.world.roster(0)], true)
        else {
            panic!("seed {seed}: a new call gets a choice")
        };
        for member in &pick.stages[0].members {
            let agent = member.agent.get() as usize;
            let durable = self.durable.get(&agent).copied().unwrap_or(0);
            assert_eq!(member.calls, durable, "seed {seed}: calls of agent {agent}");
            let open = self.open.values().filter(|call| seat_of(call) == agent).count() as u32;
            for (cap, takes) in [(open, false), (open + 1, true)] {
                let limited = [self.limited(agent, cap)];
                let Choice::Made(pick) = choose(&mut self.shared, 1_000_001, self.now, &limited, true) else {
                    panic!("seed {seed}: a new call gets a choice")
                };
                let taken = agent_of(&pick) == Some(agent);
                assert_eq!(taken, takes, "seed {seed}: agent {agent} has {open} calls, cap {cap}");
            }
        }
    }

    /// The group with this agent alone, which takes `cap` calls at a time.
    fn limited(&self, agent: usize, cap: u32) -> Arc<Roster> {
        let mut roster = Roster::clone(&self.world.roster(0));
        roster.seats.retain(|seat| seat.agent.get() as usize == agent);
        roster.seats.iter_mut().for_each(|seat| seat.caps.agent = Some(cap));
        Arc::new(roster.seal())
    }
}

/// A call's choice; or what it would be.
fn choose(plane: &mut Plane, call: usize, now: i64, stages: &[Arc<Roster>], preview: bool) -> Choice {
    let token = &token(call);
    let request = ChooseRequest {
        token,
        key: key(1),
        now: at(now),
        settle: None,
        stages,
        preferences: &[],
        last_resort: LastResort::End,
        tried: &[],
    };
    if preview { plane.preview(&request) } else { plane.choose(&request) }
}

fn attempt(pick: &Pick, until: cxroute_core::time::Timestamp) -> LiveAttempt {
    let Picked::Seat(seat) = &pick.picked else { panic!("expected an agent, got {pick:?}") };
    LiveAttempt { number: 1, seat: Some(seat.seat), open_until: Some(until), probe: seat.probe }
}

fn seat_of(call: &SessionImage) -> usize {
    call.attempts[0].seat.unwrap().agent.get() as usize
}

#[test]
fn choices_made_elsewhere_count_once_and_hold_their_caps_while_their_calls_last() {
    dice::run(3_000, 80, |seed, operations| {
        let (mut dice, mut outage) = (Dice::new(seed), Outage::new());
        for _ in 0..operations {
            outage.operate(&mut dice);
        }
        // What the plane had chosen for nothing is taken back by its lease.
        outage.now += 60_000;
        outage.end(seed);
    });
}

#[test]
fn a_call_that_was_over_when_it_was_told_is_kept_for_its_last_copies_only() {
    let mut outage = Outage::new();
    let mut spare = Plane::default();
    let mut adopted = outage.choose(&mut spare);
    adopted.call.ended = true;
    adopted.call.attempts[0].open_until = None;
    outage.shared.adopt(adopted, at(START));
    let again = |plane: &mut Plane, now| {
        choose(plane, 1, now, &[plain(Strategy::LoadBalanced, &[1]).roster(0)], true)
    };
    assert!(matches!(again(&mut outage.shared, START + 299_000), Choice::Ended { attempts: 1 }));
    assert!(matches!(again(&mut outage.shared, START + 301_000), Choice::Made(_)), "forgotten");
}
