//! The execution plane: under any operations no cap is exceeded, nobody is left waiting who could be taken, and the
//! counts that strategies compare are the choices that were made and not taken back (domain rules §3).
//!
//! | line | operation |
//! |---|---|
//! | `ring 1 0 2` | call 1 asks for an agent of group 0; 2: of both groups in turn, then a number |
//! | `next 1 0 2 1` | the same, after attempt 2 of the call ended with `SIGNS[1]` |
//! | `again 3` | a copy of the 3rd signal that waits for its commit |
//! | `settle 1 2 1` | attempt 2 of call 1 ended with `SIGNS[1]`; nothing is asked for |
//! | `confirm 0`, `forget 0` | the choice that has waited for its commit longest is durable, or is taken back |
//! | `hang up 1`, `dead 1` | call 1 has ended; it gets no further attempt |
//! | `wait 2` | `PAUSES[2]` seconds go by |
//! | `limit 0 1 3` | the cap of agent, membership or pool (0, 1, 2) 1 becomes `CAPS[3]` |
//! | `toggle 3` | agent 3 is enabled or disabled |
//! | `use 1 2` | group 1 picks by `STRATEGIES[2]` |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cxroute_core::call::{EventKey, EventKind, SessionToken};
use cxroute_core::config::{Capacity, HealthSettings, Strategy};
use cxroute_core::id::{AgentId, GroupId, MembershipId, PoolId};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    AttemptSeat, Caps, Choice, ChooseRequest, HealthSign, LastResort, PROVISIONAL_LEASE, Pick, Picked, Plane,
    Roster, Seat, Settle,
};
use cxroute_core::time::Timestamp;

use crate::script::{Line, lines};

const MOST_OPERATIONS: usize = 150;
/// All waiting together stays below the time after which an idle call is forgotten, which is another law's matter.
const MOST_SECONDS: i64 = 290;

const AGENTS: usize = 4;
const SIGNS: [HealthSign; 3] = [HealthSign::Failed, HealthSign::Answered, HealthSign::Neutral];
const PAUSES: [i64; 4] = [1, 31, 7, 61];
const CAPS: [Option<u32>; 4] = [None, Some(0), Some(1), Some(2)];
const STRATEGIES: [Strategy; 3] = [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin];
const HEALTH: HealthSettings = HealthSettings { max_consecutive_failures: 2, cooldown_seconds: 20 };

/// The input is a script of the operations above.
pub(crate) fn holds(bytes: &[u8]) {
    let mut trial = Trial::default();
    for mut line in lines(bytes, MOST_OPERATIONS) {
        trial.operate(&mut line);
    }
}

/// A plane, the configuration that it is asked about, and what we know of it from its answers alone.
#[derive(Default)]
struct Trial {
    plane: Plane,
    world: World,
    seconds: i64,
    keys: u64,
    /// Attempts under way.
    open: Vec<Open>,
    /// Choices that are neither durable nor taken back.
    waiting: Vec<Waiting>,
    /// Whom each call has tried, by attempt.
    tried: BTreeMap<usize, BTreeMap<u16, Option<AgentId>>>,
    over: BTreeSet<usize>,
    /// Choices that count.
    counts: BTreeMap<(GroupId, AgentId), u64>,
}

struct Open {
    call: usize,
    number: u16,
    seat: Option<AttemptSeat>,
    until: Timestamp,
}

struct Waiting {
    call: usize,
    key: EventKey,
    pick: Arc<Pick>,
}

impl Trial {
    fn operate(&mut self, line: &mut Line<'_>) {
        let letter = line.letter;
        let mut choice = || line.choice();
        match letter {
            'r' => self.choose(choice(), choice(), None),
            'n' => {
                let (call, stages) = (choice(), choice());
                let settle = Settle { attempt: choice() as u16, sign: SIGNS[choice() % 3], health: HEALTH };
                self.choose(call, stages, Some(settle));
            }
            'a' => self.copy(choice()),
            's' => {
                let call = choice();
                let settle = Settle { attempt: choice() as u16, sign: SIGNS[choice() % 3], health: HEALTH };
                self.plane.settle(&token(call), settle, self.now());
                self.expire();
                self.close(call, settle.attempt);
            }
            'c' => self.confirm(choice()),
            'f' => self.take_back(choice()),
            'h' => {
                let call = choice();
                self.plane.end(&token(call), self.now());
                self.expire();
                self.open.retain(|open| open.call != call);
                self.is_over(call);
            }
            'd' => {
                let call = choice();
                self.plane.stop_attempts(&token(call));
                self.is_over(call);
            }
            'w' => self.seconds = (self.seconds + PAUSES[choice() % 4]).min(MOST_SECONDS),
            'l' => self.world.limit(choice(), choice(), CAPS[choice() % 4]),
            't' => self.world.disabled[choice() % AGENTS] ^= true,
            'u' => self.world.strategies[choice() % 2] = choice() % 3,
            _ => {}
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + self.seconds * 1_000)
    }

    fn choose(&mut self, call: usize, stages: usize, settle: Option<Settle>) {
        self.keys += 1;
        let (token, stages) = (token(call), self.world.stages(stages));
        let last_resort = if stages.len() > 1 { LastResort::Number } else { LastResort::End };
        let key = EventKey { kind: EventKind::VoiceRequest, hash: self.keys.into() };
        let now = self.now();
        let request = ChooseRequest {
            token: &token,
            key,
            now,
            settle,
            stages: &stages,
            preferences: &[],
            last_resort,
            tried: &[],
        };
        let preview = self.plane.preview(&request);
        let choice = self.plane.choose(&request);
        assert_eq!(preview, choice, "a dry run says what the real one does");
        self.expire();
        if choice != Choice::Unknown
            && let Some(settle) = settle
        {
            self.close(call, settle.attempt);
        }
        let open = self.open.iter().rfind(|open| open.call == call).map(|open| open.number);
        match choice {
            Choice::Made(pick) => {
                assert_eq!(open, None, "one attempt at a time");
                self.check(call, &stages, &pick);
                self.book(call, key, pick);
            }
            Choice::Open(standing) => assert_eq!(Some(standing.attempt), open),
            Choice::Ended { .. } => assert!(self.over.contains(&call)),
            Choice::Unknown => assert!(settle.is_some() && !self.tried.contains_key(&call)),
            Choice::Recorded(_) | Choice::Answered(_) => panic!("{key:?} is new: {choice:?}"),
        }
    }

    /// A choice is one that may be made, and the figures in its trace are those of the choices before it.
    fn check(&self, call: usize, stages: &[Arc<Roster>], pick: &Pick) {
        for stage in pick.stages.iter() {
            for member in &stage.members {
                let counted = stage.group.and_then(|group| self.counts.get(&(group, member.agent)));
                assert_eq!(member.calls, counted.copied().unwrap_or(0), "{member:?}");
            }
        }
        let of_call = self.tried.get(&call);
        let attempts = of_call.map_or(0, BTreeMap::len);
        let can_take = |seat: &&Seat| self.can_take(seat, call);
        match &pick.picked {
            Picked::Seat(chosen) => {
                assert!(
                    !self.over.contains(&call) && of_call.is_none_or(|of| !of.contains_key(&chosen.attempt))
                );
                let seats = &stages[chosen.stage].seats;
                let seat = seats.iter().find(|seat| seat.agent == chosen.seat.agent).unwrap();
                assert!(self.can_take(seat, call), "{seat:?}");
                let earlier = stages[..chosen.stage].iter().flat_map(|stage| &stage.seats);
                assert!(!earlier.clone().any(|seat| can_take(&seat)), "an earlier stage could have");
            }
            Picked::Number { .. } | Picked::Nobody if self.over.contains(&call) => {
                assert_eq!(pick.picked, Picked::Nobody);
            }
            Picked::Number { .. } | Picked::Nobody => {
                let stages = stages.iter().filter(|stage| attempts < usize::from(stage.max_attempts));
                let free = stages.flat_map(|stage| &stage.seats).find(can_take);
                assert_eq!(free, None, "somebody could have taken call {call}");
            }
        }
    }

    /// Whether a seat is enabled, was not tried in the call, and is below all its caps. Health is no reason to refuse.
    fn can_take(&self, seat: &Seat, call: usize) -> bool {
        let live = |is_its: &dyn Fn(&AttemptSeat) -> bool| {
            self.open.iter().filter_map(|open| open.seat.as_ref()).filter(|seat| is_its(seat)).count() as u32
        };
        let below = |cap: Option<u32>, live: u32| cap.is_none_or(|cap| live < cap);
        let tried =
            self.tried.get(&call).is_some_and(|of| of.values().any(|agent| *agent == Some(seat.agent)));
        seat.enabled
            && !tried
            && below(seat.caps.agent, live(&|other| other.agent == seat.agent))
            && below(seat.caps.membership, live(&|other| other.membership == Some(seat.membership)))
            && below(seat.caps.pool, live(&|other| other.pool.is_some() && other.pool == seat.pool))
    }

    fn book(&mut self, call: usize, key: EventKey, pick: Arc<Pick>) {
        let attempts = self.tried.entry(call).or_default();
        if let Some((number, seat)) = attempt_of(&pick) {
            attempts.insert(number, seat.map(|seat| seat.agent));
            self.open.push(Open { call, number, seat, until: self.now().after(PROVISIONAL_LEASE) });
            if let Some(AttemptSeat { agent, group: Some(group), .. }) = seat {
                *self.counts.entry((group, agent)).or_default() += 1;
            }
        }
        self.waiting.push(Waiting { call, key, pick });
    }

    fn close(&mut self, call: usize, number: u16) {
        self.open.retain(|open| (open.call, open.number) != (call, number));
    }

    fn is_over(&mut self, call: usize) {
        if self.tried.contains_key(&call) {
            self.over.insert(call);
        }
    }

    /// Leases that have run out free their caps; a choice that was not durable by then never was.
    fn expire(&mut self) {
        let now = self.now();
        for gone in self.open.extract_if(.., |open| open.until <= now).collect::<Vec<_>>() {
            let is_its = |it: &Waiting| {
                it.call == gone.call && attempt_of(&it.pick).map(|it| it.0) == Some(gone.number)
            };
            if let Some(place) = self.waiting.iter().position(is_its) {
                let waiting = self.waiting.remove(place);
                self.uncount(&waiting);
            }
        }
    }

    /// A copy of a signal gets the very same choice.
    fn copy(&mut self, place: usize) {
        let Some(Waiting { call, key, pick }) = self.waiting.get(place) else { return };
        // Asked at a time that is past, so that no lease runs out.
        let now = Timestamp::EPOCH;
        let request = ChooseRequest {
            token: &token(*call),
            key: *key,
            now,
            settle: None,
            stages: &[],
            preferences: &[],
            last_resort: LastResort::End,
            tried: &[],
        };
        assert_eq!(self.plane.choose(&request), Choice::Recorded(Arc::clone(pick)));
    }

    fn confirm(&mut self, place: usize) {
        let Some(place) = place.checked_rem(self.waiting.len()) else { return };
        let Waiting { call, key, pick } = self.waiting.remove(place);
        let until = Timestamp::from_millis(self.now().as_millis() + 100_000);
        self.plane.complete(&token(call), key, &Sealed::from_bytes(vec![1]), until);
        let number = attempt_of(&pick).map(|(number, _)| number);
        if let Some(open) = self.open.iter_mut().find(|open| open.call == call && Some(open.number) == number)
        {
            open.until = until;
        }
    }

    fn take_back(&mut self, place: usize) {
        let Some(place) = place.checked_rem(self.waiting.len()) else { return };
        let waiting = self.waiting.remove(place);
        self.plane.retract(&token(waiting.call), waiting.key);
        if let Some((number, _)) = attempt_of(&waiting.pick) {
            self.close(waiting.call, number);
        }
        self.uncount(&waiting);
    }

    fn uncount(&mut self, waiting: &Waiting) {
        let Some((number, seat)) = attempt_of(&waiting.pick) else { return };
        self.tried.entry(waiting.call).or_default().remove(&number);
        if let Some(AttemptSeat { agent, group: Some(group), .. }) = seat {
            *self.counts.entry((group, agent)).or_default() -= 1;
        }
    }
}

fn attempt_of(pick: &Pick) -> Option<(u16, Option<AttemptSeat>)> {
    match &pick.picked {
        Picked::Seat(seat) => Some((seat.attempt, Some(seat.seat))),
        Picked::Number { attempt } => Some((*attempt, None)),
        Picked::Nobody => None,
    }
}

fn token(call: usize) -> SessionToken {
    SessionToken::new(&format!("session-{call}")).unwrap()
}

/// Four agents, two of them in a pool; a group of all and a group of three.
#[derive(Default)]
struct World {
    disabled: [bool; AGENTS],
    agents: [Option<u32>; AGENTS],
    memberships: [Option<u32>; 2 * AGENTS],
    pool: Option<u32>,
    /// Which of [`STRATEGIES`] each group picks by.
    strategies: [usize; 2],
}

impl World {
    fn limit(&mut self, what: usize, which: usize, cap: Option<u32>) {
        match what % 3 {
            0 => self.agents[which % AGENTS] = cap,
            1 => self.memberships[which % (2 * AGENTS)] = cap,
            _ => self.pool = cap,
        }
    }

    fn stages(&self, choice: usize) -> Vec<Arc<Roster>> {
        match choice % 3 {
            2 => vec![self.roster(0), self.roster(1)],
            group => vec![self.roster(group)],
        }
    }

    fn roster(&self, group: usize) -> Arc<Roster> {
        let seat = |agent: usize| {
            let membership = group * AGENTS + agent;
            let pooled = agent < 2;
            Seat {
                membership: MembershipId::new(membership as u64),
                agent: AgentId::new(agent as u64),
                pool: pooled.then(|| PoolId::new(1)),
                priority: [None, Some(1), Some(1), Some(2)][agent],
                capacity: Capacity::new(1 + agent as u32 % 3).unwrap(),
                enabled: !self.disabled[agent],
                caps: Caps {
                    agent: self.agents[agent],
                    membership: self.memberships[membership],
                    pool: self.pool.filter(|_| pooled),
                },
            }
        };
        let roster = Roster {
            group: Some(GroupId::new(group as u64)),
            strategy: STRATEGIES[self.strategies[group]],
            step: Roster::step_of(24),
            max_attempts: [10, 2][group],
            retry_on: Vec::new(),
            health: HEALTH,
            ring_timeout: None,
            seats: (group..AGENTS).map(seat).collect(),
            fingerprint: 0,
        };
        Arc::new(roster.seal())
    }
}
