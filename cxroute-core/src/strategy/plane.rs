//! One tenant's execution plane and its operations; the only writer of its books.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::adopt::Ends;
use super::book::GroupBook;
use super::custom::Preferences;
use super::health::HealthSign;
use super::ledger::{AgentHealth, AttemptSeat, HealthRow, LedgerDelta, LiveAttempt, PlaneImage};
use super::roster::{Roster, Seat};
use super::session::SessionState;
use super::sessions::Sessions;
use super::unsaved::Unsaved;
use super::verdict::{StageOutcome, StageTrace};
use crate::call::{AttemptName, EventKey, SessionToken};
use crate::config::HealthSettings;
use crate::id::{AgentId, GroupId, MembershipId, PoolId};
use crate::secret::Sealed;
use crate::time::Timestamp;

/// A choice that is not confirmed by then is taken back: its server died between choosing and committing.
pub const PROVISIONAL_LEASE: Duration = Duration::from_secs(30);

/// No call gets more attempts than this: the 20 that groups may allow, then their fallbacks, then a few of new stages.
const MOST_ATTEMPTS: usize = 24;

/// What a choice needs to know.
#[derive(Clone, Debug)]
pub struct ChooseRequest<'a> {
    /// The call.
    pub token: &'a SessionToken,
    /// The signal that asks: a copy of it gets the recorded choice.
    pub key: EventKey,
    /// Now; the plane's time never runs backwards.
    pub now: Timestamp,
    /// The attempt that ended and is settled first.
    pub settle: Option<Settle>,
    /// The fallback chain, in order.
    pub stages: &'a [Arc<Roster>],
    /// What a custom strategy says of each stage's seats, in order; a stage without an entry, or with one whose length is
    /// not that of its seats, is picked from by its own strategy alone.
    pub preferences: &'a [Preferences],
    /// What comes after the last stage.
    pub last_resort: LastResort,
    /// Agents tried in this call that the plane may not know of.
    pub tried: &'a [AgentId],
}

/// What comes when no stage can take the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastResort {
    /// A number is dialled: it is an attempt, without an agent. Once per fail-over chain.
    Number,
    /// Nothing more is dialled.
    End,
}

/// An attempt's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// Which attempt of the call.
    pub attempt: u16,
    /// What it says about the agent.
    pub sign: HealthSign,
    /// The thresholds of the group that reports.
    pub health: HealthSettings,
}

/// What came of a choice.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// A new choice was made and booked.
    Made(Arc<Pick>),
    /// This signal was decided before; the very same choice.
    Recorded(Arc<Pick>),
    /// This signal was answered before, durably, with this.
    Answered(Sealed),
    /// The call has an attempt under way: its CXML again, no new choice.
    Open(OpenAttempt),
    /// The call has ended and gets no further attempt.
    Ended {
        /// How many it had.
        attempts: u16,
    },
    /// A result came for a call that the plane does not know; hydrate it from the store.
    Unknown,
}

/// A choice with all its bookkeeping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    /// The plane's sequence number: names this choice.
    pub seq: u64,
    /// Whom.
    pub picked: Picked,
    /// How many attempts the call had had.
    pub attempts_before: u16,
    /// Every stage that was looked at, and why.
    pub stages: Arc<SmallVec<[StageTrace; 1]>>,
    /// What the settled attempt came to.
    pub settled: Option<Settled>,
    /// What changed in the durable books.
    pub delta: LedgerDelta,
}

/// Whom a choice picked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picked {
    /// An agent.
    Seat(SeatPick),
    /// The last resort's number.
    Number {
        /// The attempt's number in the call.
        attempt: u16,
    },
    /// Nobody.
    Nobody,
}

/// A picked agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatPick {
    /// The attempt's number in the call.
    pub attempt: u16,
    /// Which of the request's stages.
    pub stage: usize,
    /// The seat.
    pub seat: AttemptSeat,
    /// The episode that it probes in.
    pub probe: Option<u32>,
}

/// An attempt that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    /// Its number in the call.
    pub attempt: u16,
    /// Its agent; none for a number.
    pub seat: Option<AttemptSeat>,
}

/// What settling an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It was open and has ended.
    Closed,
    /// It had ended before: the result is late.
    Late,
    /// The plane does not know it.
    Unknown,
}

/// One tenant's execution plane: the state behind a [`LiveState`](crate::port::LiveState), and its operations.
///
/// It is deterministic: planes that were given the same operations in the same order give the same answers. Serialised
/// and read back, a plane goes on as if nothing had happened: so planes on several servers are kept equal, and one that
/// comes late starts from another's state. The form is for planes of one [version](Plane::VERSION).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Plane {
    pub(super) seq: u64,
    pub(super) now: Timestamp,
    /// What was durable before is in the image that this plane was restored from.
    pub(super) since: Timestamp,
    pub(super) groups: FxHashMap<GroupId, GroupBook>,
    pub(super) agents: FxHashMap<AgentId, AgentBook>,
    pub(super) memberships: FxHashMap<MembershipId, u32>,
    pub(super) pools: FxHashMap<PoolId, u32>,
    pub(super) sessions: Sessions,
    pub(super) ends: Ends,
    /// What the next delta tells beside its own.
    pub(super) unsaved: Unsaved,
}

/// One agent across its groups.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct AgentBook {
    pub(super) live: u32,
    pub(super) health: AgentHealth,
}

impl Plane {
    /// Planes of one version give the same answers to the same operations, and read each other's serialised state. A
    /// change of the rules, or of what is kept, makes a new one.
    pub const VERSION: u32 = 2;

    /// A plane rebuilt from the store's books and live calls.
    pub fn restore(image: PlaneImage) -> Self {
        let mut plane = Self { seq: image.seq, since: image.at, ..Self::default() };
        for group in image.groups {
            plane.groups.insert(group.group, GroupBook::restore(group));
        }
        for row in image.health {
            plane.agents.entry(row.agent).or_default().health = row.health;
        }
        for session in image.sessions {
            plane.learn(session);
        }
        plane
    }

    /// The plane's sequence number: how many operations it has booked.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Chooses, in one step with all its bookkeeping.
    ///
    /// A signal that was decided before gets that decision again. Else the attempt that it settles is closed, with what
    /// its end says about the agent's health; a call with an attempt under way, or one that has ended, gets no other. Then
    /// the stages are walked in order: the first that has a candidate gives the seat. A candidate is enabled, not tried in
    /// this call, below its caps and not held back by health; which of them is picked is the strategy's rule
    /// ([`Strategy`](crate::config::Strategy)). What is picked is counted at once, and taken back if nobody confirms it
    /// within [`PROVISIONAL_LEASE`].
    pub fn choose(&mut self, request: &ChooseRequest<'_>) -> Choice {
        self.tick(request.now);
        if let Some(session) = self.sessions.find(request.token) {
            if let Some(state) = session.state_of(request.key) {
                return match state {
                    SessionState::Decided(pick) => Choice::Recorded(Arc::clone(pick)),
                    SessionState::Answered(answer) => Choice::Answered(answer.clone()),
                };
            }
        } else if request.settle.is_some() {
            return Choice::Unknown;
        }
        let mut delta = LedgerDelta::default();
        let settled = request.settle.map(|settle| self.settle_into(request.token, settle, &mut delta));
        let session = self.sessions.entry(request.token);
        if let Some(standing) = session.standing(settled) {
            self.unsaved.note(&delta);
            return standing;
        }
        let (ended, attempts_before) = (session.ended, session.attempts.len() as u16);
        let tried: SmallVec<[AgentId; 8]> = session.tried().chain(request.tried.iter().copied()).collect();
        self.seq += 1;
        delta.seq = self.seq;
        let mut pick = Pick {
            seq: self.seq,
            picked: Picked::Nobody,
            attempts_before,
            stages: Arc::default(),
            settled,
            delta,
        };
        if !ended {
            self.walk(request, &tried, &mut pick);
        }
        self.tell_unsaved(&mut pick.delta);
        let pick = Arc::new(pick);
        self.record(request, &pick);
        Choice::Made(pick)
    }

    /// What [`Plane::choose`] would answer, without booking anything: for dry runs.
    pub fn preview(&self, request: &ChooseRequest<'_>) -> Choice {
        let mut known = Self {
            seq: self.seq,
            now: self.now,
            since: self.since,
            groups: self.groups.clone(),
            agents: self.agents.clone(),
            memberships: self.memberships.clone(),
            pools: self.pools.clone(),
            ends: Ends::default(),
            sessions: self.sessions.concerning(request.token, request.now.max(self.now)),
            unsaved: self.unsaved.clone(),
        };
        known.choose(request)
    }

    /// Ends an attempt without asking for another.
    pub fn settle(&mut self, token: &SessionToken, settle: Settle, now: Timestamp) -> (Settled, LedgerDelta) {
        self.tick(now);
        let mut delta = LedgerDelta::default();
        let settled = self.settle_into(token, settle, &mut delta);
        self.seq += 1;
        delta.seq = self.seq;
        self.tell_unsaved(&mut delta);
        (settled, delta)
    }

    fn walk(&mut self, request: &ChooseRequest<'_>, tried: &[AgentId], pick: &mut Pick) {
        let session = self.sessions.find(request.token);
        let attempts = session.map_or(0, |session| session.attempts.len());
        let number_tried = session.is_some_and(|session| session.attempts.iter().any(|a| a.seat.is_none()));
        let last = session.and_then(|session| session.attempts.last());
        let number = last.map_or(1, |last| last.number.saturating_add(1));
        if attempts >= MOST_ATTEMPTS {
            return;
        }
        for (index, roster) in request.stages.iter().enumerate() {
            if roster.group.is_some() && attempts >= usize::from(roster.max_attempts) {
                Arc::make_mut(&mut pick.stages).push(StageTrace {
                    group: roster.group,
                    strategy: roster.strategy,
                    outcome: StageOutcome::MaxAttempts,
                    members: SmallVec::new(),
                    others: super::verdict::VerdictCounts::default(),
                });
                continue;
            }
            let preferences = request.preferences.get(index).map_or(&[][..], |stage| stage);
            let (trace, found) = self.pick_from(roster, preferences, tried, &mut pick.delta);
            Arc::make_mut(&mut pick.stages).push(trace);
            if let Some((seat, probe)) = found {
                self.book(roster, &seat, pick);
                let seat = attempt_seat(roster, &seat);
                let probe = self.send_probe(request, number, seat.agent, probe, &mut pick.delta);
                pick.picked = Picked::Seat(SeatPick { attempt: number, stage: index, seat, probe });
                return;
            }
        }
        let again = request.settle.is_some() && number_tried;
        if request.last_resort == LastResort::Number && !again {
            pick.picked = Picked::Number { attempt: number };
        }
    }

    fn book(&mut self, roster: &Roster, seat: &Seat, pick: &mut Pick) {
        let seq = pick.seq;
        if let Some(group) = roster.group
            && let Some(book) = self.groups.get_mut(&group)
        {
            let (counted, turn) = book.count(group, roster, seat, seq);
            pick.delta.counted = Some(counted);
            pick.delta.turn = turn.map(|turn| (group, turn));
        }
    }

    fn send_probe(
        &mut self,
        request: &ChooseRequest<'_>,
        number: u16,
        agent: AgentId,
        probe: Option<u32>,
        delta: &mut LedgerDelta,
    ) -> Option<u32> {
        let episode = probe?;
        let now = self.now;
        let book = self.agents.entry(agent).or_default();
        book.health.health.send_probe(AttemptName { token: request.token.clone(), number }, now);
        delta.health.push(HealthRow { agent, health: book.health.clone() });
        Some(episode)
    }

    fn record(&mut self, request: &ChooseRequest<'_>, pick: &Arc<Pick>) {
        let until = self.now.after(PROVISIONAL_LEASE);
        let attempt = match &pick.picked {
            Picked::Seat(seat) => {
                let open_until = Some(until);
                Some(LiveAttempt {
                    number: seat.attempt,
                    seat: Some(seat.seat),
                    open_until,
                    probe: seat.probe,
                })
            }
            Picked::Number { attempt } => {
                Some(LiveAttempt { number: *attempt, seat: None, open_until: Some(until), probe: None })
            }
            Picked::Nobody => None,
        };
        if let Some(attempt) = &attempt {
            self.open(attempt);
        }
        let now = self.now;
        let session = self.sessions.entry(request.token);
        session.attempts.extend(attempt);
        session.decide(request.key, Arc::clone(pick));
        let forget_at = session.forget_at;
        self.keep(request.token, forget_at.max(now.after(super::session::KEEP)));
    }

    fn settle_into(&mut self, token: &SessionToken, settle: Settle, delta: &mut LedgerDelta) -> Settled {
        let Some(attempt) =
            self.sessions.find(token).and_then(|session| session.attempt(settle.attempt)).cloned()
        else {
            return Settled::Unknown;
        };
        let now = self.now;
        if attempt.open_until.is_none() && attempt.probe.is_none() {
            return Settled::Late;
        }
        let closed = self.close(token, settle.attempt);
        if let Some(session) = self.sessions.find_mut(token)
            && let Some(known) = session.attempt_mut(settle.attempt)
        {
            known.probe = None;
        }
        if let Some(seat) = attempt.seat {
            let book = self.agents.entry(seat.agent).or_default();
            let before = book.health.clone();
            let AgentHealth { health, episodes } = &mut book.health;
            health.observe(settle.sign, &attempt.name(token), attempt.probe, settle.health, episodes, now);
            if book.health != before {
                delta.health.push(HealthRow { agent: seat.agent, health: book.health.clone() });
            }
        }
        if closed { Settled::Closed } else { Settled::Late }
    }
}

fn attempt_seat(roster: &Roster, seat: &Seat) -> AttemptSeat {
    AttemptSeat {
        agent: seat.agent,
        group: roster.group,
        membership: roster.group.map(|_| seat.membership),
        pool: seat.pool,
    }
}
