//! The plane against the oracle: random operations of every kind, with configuration that changes, clocks that jump,
//! stores that are told out of order, and crashes after which the plane is built anew from the store's books.

use std::sync::Arc;

use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::id::AgentId;
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Books, Choice, ChooseRequest, HealthSign, LastResort, LedgerDelta, Plane, PlaneImage, Preference,
    Preferences, Roster, Settle,
};

use crate::dice::{self, Dice};
use crate::oracle::{Oracle, Said, Who};
use crate::world::{START, World, at, key, token};

/// Windows of hours and of minutes, calls of seconds and of hours.
const PAUSES: [i64; 10] = [0, 0, 1, 900, 4_000, 20_000, 70_000, 1_000_000, 14_400_000, 90_000_000];

struct Trial {
    dice: Dice,
    world: World,
    plane: Plane,
    oracle: Oracle,
    books: Books,
    /// Deltas on their way to the store, which take each other over.
    underway: Vec<LedgerDelta>,
    /// Choices that are neither confirmed nor taken back.
    decided: Vec<(SessionToken, EventKey, LedgerDelta)>,
    now: i64,
    sessions: usize,
    keys: u64,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let world = World::random(&mut dice);
        Self {
            dice,
            world,
            plane: Plane::default(),
            oracle: Oracle::default(),
            books: Books::default(),
            underway: Vec::new(),
            decided: Vec::new(),
            now: START,
            sessions: 0,
            keys: 0,
        }
    }

    fn operate(&mut self) {
        match self.dice.below(40) {
            0..=11 => {
                self.sessions += 1;
                self.choose(self.sessions, None);
            }
            12..=14 => self.choose_again(),
            15..=20 => {
                let settle = self.any_settle();
                let session = self.any_session();
                self.choose(session, Some(settle));
            }
            21..=22 => self.settle(),
            23..=29 => self.complete(),
            30 => self.retract(),
            31 => {
                let token = token(self.any_session());
                self.plane.end(&token, at(self.now));
                self.oracle.end(&token, self.now);
            }
            32 => {
                let token = token(self.any_session());
                self.plane.stop_attempts(&token);
                self.oracle.stop_attempts(&token);
            }
            33..=34 => self.now += self.dice.pick(&PAUSES),
            35 => self.now -= self.dice.pick(&[1, 5_000, 4_000_000]),
            36 if self.dice.one_in(3) => self.change_window(),
            37 if self.dice.one_in(3) => self.crash(),
            _ => self.world.change(&mut self.dice),
        }
    }

    fn any_session(&mut self) -> usize {
        let back = self.dice.below(6);
        self.sessions.saturating_sub(back).max(1)
    }

    fn any_settle(&mut self) -> Settle {
        let group = self.dice.below(self.world.groups.len());
        Settle {
            attempt: 1 + self.dice.below(3) as u16,
            sign: self.dice.pick(&[
                HealthSign::Answered,
                HealthSign::Failed,
                HealthSign::Failed,
                HealthSign::Neutral,
            ]),
            health: self.world.groups[group].health,
        }
    }

    fn chain(&mut self) -> Vec<Arc<Roster>> {
        let groups = self.world.groups.len();
        let first = self.dice.below(groups);
        let mut stages = vec![self.world.roster(first)];
        for next in 1..groups {
            if self.dice.one_in(2) {
                stages.push(self.world.roster((first + next) % groups));
            }
        }
        if self.dice.one_in(4) {
            let agent = self.dice.below(self.world.agents.len());
            stages.push(self.world.direct(agent));
        }
        stages
    }

    /// What a custom strategy says: mostly nothing, now and then of another roster's seats.
    fn preferences(&mut self, stages: &[Arc<Roster>]) -> Vec<Preferences> {
        let mut said = Vec::new();
        if self.dice.one_in(3) {
            for stage in stages {
                let seats = stage.seats.len() + usize::from(self.dice.one_in(20));
                let any = |_| match self.dice.below(4) {
                    0 => Preference::Never,
                    rank => Preference::Rank(rank as u32),
                };
                said.push((0..seats).map(any).collect());
            }
        }
        said
    }

    fn choose(&mut self, session: usize, settle: Option<Settle>) {
        self.keys += 1;
        self.choose_with(session, key(self.keys), settle);
    }

    /// A copy of an earlier signal, or another stage of a call.
    fn choose_again(&mut self) {
        let session = self.any_session();
        let number = self.keys.saturating_sub(self.dice.below(5) as u64);
        if self.dice.one_in(2) {
            self.choose(session, None);
        } else {
            self.choose_with(session, key(number), None);
        }
    }

    fn choose_with(&mut self, session: usize, key: EventKey, settle: Option<Settle>) {
        let stages = self.chain();
        let preferences = self.preferences(&stages);
        let foreign = [AgentId::new(self.dice.below(6) as u64)];
        let request = ChooseRequest {
            token: &token(session),
            key,
            now: at(self.now),
            settle,
            stages: &stages,
            preferences: &preferences,
            last_resort: if self.dice.one_in(3) { LastResort::Number } else { LastResort::End },
            tried: if self.dice.one_in(10) { &foreign } else { &[] },
        };
        let preview = self.dice.one_in(8).then(|| self.plane.preview(&request));
        let expected = self.oracle.choose(&request);
        let choice = self.plane.choose(&request);
        assert_eq!(Said::by_plane(&choice), expected, "{request:#?}");
        if let Some(preview) = preview {
            assert_eq!(preview, choice, "a dry run says what the real one does");
        }
        if let (Choice::Made(pick), Said::Made(made)) = (&choice, &expected) {
            self.check_caps(&stages, &made.who);
            let token = token(session);
            self.decided.retain(|(of, its, _)| (of, *its) != (&token, key));
            self.decided.push((token, key, pick.delta.clone()));
        }
    }

    /// Never above a cap, whatever else holds.
    fn check_caps(&self, stages: &[Arc<Roster>], who: &Who) {
        if let Who::Seat { stage, seat, .. } = who {
            let chosen = stages[*stage].seats.iter().find(|other| other.agent == seat.agent).unwrap();
            let live = self.oracle.live_of(seat.agent);
            assert!(chosen.caps.agent.is_none_or(|cap| live <= cap), "{live} live of {:?}", chosen.caps);
        }
    }

    fn settle(&mut self) {
        let (token, settle) = (token(self.any_session()), self.any_settle());
        let (settled, delta) = self.plane.settle(&token, settle, at(self.now));
        assert_eq!(settled, self.oracle.settle(&token, settle, self.now));
        self.send(delta);
    }

    fn complete(&mut self) {
        if self.decided.is_empty() {
            return;
        }
        let index = self.dice.below(self.decided.len());
        let (token, key, delta) = self.decided.swap_remove(index);
        // What was taken back by its lease in the meantime is not committed by anybody either.
        if self.oracle.pending().contains(&(token.clone(), key)) {
            self.send(delta);
        }
        let open_until = self.now + 14_400_000;
        self.plane.complete(&token, key, &Sealed::from_bytes(vec![1]), at(open_until));
        self.oracle.complete(&token, key, open_until);
    }

    fn retract(&mut self) {
        if self.decided.is_empty() {
            return;
        }
        let index = self.dice.below(self.decided.len());
        let (token, key, _) = self.decided.swap_remove(index);
        self.plane.retract(&token, key);
        self.oracle.retract(&token, key);
    }

    fn send(&mut self, delta: LedgerDelta) {
        let place = self.underway.len().saturating_sub(self.dice.below(4));
        self.underway.insert(place, delta);
        if self.underway.len() > 6 {
            self.books.apply(&self.underway.remove(0));
        }
    }

    fn change_window(&mut self) {
        let group = self.dice.below(self.world.groups.len());
        self.world.groups[group].hours = self.dice.pick(&[1, 2, 24, 100, 168]);
    }

    /// Everything that was not committed is lost; the plane is built anew from the books.
    fn crash(&mut self) {
        for (token, key) in self.oracle.pending() {
            self.plane.retract(&token, key);
            self.oracle.retract(&token, key);
        }
        self.decided.clear();
        self.sessions += 1;
        let last = self.sessions;
        let settle = self.any_settle();
        let (_, delta) = self.plane.settle(&token(last), settle, at(self.now));
        self.oracle.settle(&token(last), settle, self.now);
        self.underway.push(delta);
        for delta in std::mem::take(&mut self.underway) {
            self.books.apply(&delta);
        }
        self.now = self.now.max(self.oracle.now);
        self.plane = Plane::restore(PlaneImage {
            at: at(self.now),
            seq: self.books.seq(),
            groups: self.books.groups(at(self.now)),
            health: self.books.health(),
            sessions: self.oracle.crash(),
        });
        // The books hold no clock: the plane learns the time with its first operation.
        self.plane.end(&token(0), at(self.now));
    }
}

#[test]
fn under_any_operations_the_plane_chooses_as_the_domain_rules_say() {
    dice::run(100_000, 200, |seed, operations| {
        let mut trial = Trial::new(seed);
        for _ in 0..operations {
            trial.operate();
        }
    });
}
