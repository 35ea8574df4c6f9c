//! What the plane knows of one call: its attempts, what its signals were decided, whether it has ended; and the
//! leases that keep caps honest when an end never comes.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::ledger::{LiveAttempt, SessionImage};
use super::plane::{Choice, OpenAttempt, Pick, Picked, Plane, SeatPick, Settled};
use crate::call::{AttemptName, EventKey, SessionToken};
use crate::id::AgentId;
use crate::secret::Sealed;
use crate::time::Timestamp;

/// An idle call without open attempts is forgotten after this long; the store still knows it.
pub(super) const KEEP: Duration = Duration::from_secs(300);

/// One call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) attempts: SmallVec<[LiveAttempt; 1]>,
    pub(super) states: SmallVec<[(EventKey, SessionState); 1]>,
    pub(super) ended: bool,
    /// The plane was told that the call is over: no attempt of it opens any more, whatever is told late.
    #[serde(default)]
    pub(super) over: bool,
    /// Attempts that the plane knows from hearsay ([`Plane::hydrate`]): whether its books count them is not known.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub(super) heard: SmallVec<[u16; 4]>,
    pub(super) forget_at: Timestamp,
    /// When it is looked at next; set by the plane's sessions alone.
    #[serde(skip)]
    pub(super) alarm: Option<Timestamp>,
}

/// How far a signal of the call has got.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SessionState {
    /// Decided, not yet known to be durable.
    Decided(Arc<Pick>),
    /// Answered, durably.
    Answered(Sealed),
}

impl Session {
    /// When something of it falls due: a lease runs out, or it may be forgotten.
    pub(super) fn due(&self) -> Timestamp {
        let leases = self.attempts.iter().filter_map(|attempt| attempt.open_until);
        leases.fold(self.forget_at, Timestamp::min)
    }

    pub(super) fn state_of(&self, key: EventKey) -> Option<&SessionState> {
        self.states.iter().find(|(k, _)| *k == key).map(|(_, state)| state)
    }

    pub(super) fn decide(&mut self, key: EventKey, pick: Arc<Pick>) {
        self.states.push((key, SessionState::Decided(pick)));
    }

    /// What there is to say to a signal that gets no new choice: the attempt under way, or that the call has ended.
    pub(super) fn standing(&self, settled: Option<Settled>) -> Option<Choice> {
        if self.ended && settled.is_none() {
            return Some(Choice::Ended { attempts: self.attempts.len() as u16 });
        }
        let open = self.open()?;
        Some(Choice::Open(OpenAttempt { attempt: open.number, seat: open.seat }))
    }

    /// Whether all that the plane knows of the call is in its books.
    fn is_booked(&self) -> bool {
        !self.attempts.is_empty() && self.heard.is_empty() && self.unconfirmed().is_none()
    }

    fn open(&self) -> Option<&LiveAttempt> {
        self.attempts.iter().rev().find(|attempt| attempt.open_until.is_some())
    }

    /// The signal that the attempt's choice was made for, while that choice is not known to be durable.
    fn decided(&self, number: u16) -> Option<EventKey> {
        let made = |state: &SessionState| match state {
            SessionState::Decided(pick) => picked_attempt(&pick.picked) == Some(number),
            SessionState::Answered(_) => false,
        };
        self.states.iter().find(|(_, state)| made(state)).map(|(key, _)| *key)
    }

    /// A signal whose choice is not known to be durable.
    fn unconfirmed(&self) -> Option<EventKey> {
        let decided = |state: &SessionState| matches!(state, SessionState::Decided(_));
        self.states.iter().find(|(_, state)| decided(state)).map(|(key, _)| *key)
    }

    /// An open attempt whose lease has run out by `at`.
    fn lapsed(&self, at: Timestamp) -> Option<u16> {
        let has_lapsed = |attempt: &&LiveAttempt| attempt.open_until.is_some_and(|until| until <= at);
        self.attempts.iter().find(has_lapsed).map(|attempt| attempt.number)
    }

    pub(super) fn attempt(&self, number: u16) -> Option<&LiveAttempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub(super) fn attempt_mut(&mut self, number: u16) -> Option<&mut LiveAttempt> {
        self.attempts.iter_mut().find(|attempt| attempt.number == number)
    }

    pub(super) fn tried(&self) -> impl Iterator<Item = AgentId> + '_ {
        self.attempts.iter().filter_map(|attempt| attempt.seat.map(|seat| seat.agent))
    }
}

impl Plane {
    /// Moves the plane's clock; it never runs backwards. Leases that have run out free their caps, and choices that
    /// were not confirmed by then are taken back; sessions that are idle are forgotten.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while let Some((at, token)) = self.sessions.take_due(self.now) {
            self.fall_due(&token, at);
            self.sessions.watch(&token, self.now);
        }
    }

    /// Does what fell due of a call by `at`.
    fn fall_due(&mut self, token: &SessionToken, at: Timestamp) {
        while let Some(number) = self.sessions.find(token).and_then(|session| session.lapsed(at)) {
            match self.sessions.find(token).and_then(|session| session.decided(number)) {
                Some(key) => self.retract(token, key),
                None => {
                    self.close(token, number);
                }
            }
        }
        if self.sessions.find(token).is_some_and(|session| session.forget_at <= at) {
            let of = self.sessions.find(token);
            if of.is_some_and(|of| of.over && !of.is_booked()) {
                // What became durable of it may be told late.
                self.ends.note(token, self.now);
            }
            while let Some(key) = self.sessions.find(token).and_then(|session| session.unconfirmed()) {
                self.retract(token, key);
            }
            self.sessions.remove(token);
        }
    }

    /// Counts an attempt against its caps while it is open. Its session is to be [kept](Self::keep).
    pub(super) fn open(&mut self, attempt: &LiveAttempt) {
        if attempt.open_until.is_none() {
            return;
        }
        if let Some(seat) = attempt.seat {
            self.agents.entry(seat.agent).or_default().live += 1;
            if let Some(membership) = seat.membership {
                *self.memberships.entry(membership).or_default() += 1;
            }
            if let Some(pool) = seat.pool {
                *self.pools.entry(pool).or_default() += 1;
            }
        }
    }

    /// Closes an attempt's lease, once: `true` if it was open.
    pub(super) fn close(&mut self, token: &SessionToken, number: u16) -> bool {
        let found = self.sessions.find_mut(token).and_then(|session| session.attempt_mut(number));
        let Some(attempt) = found else { return false };
        if attempt.open_until.take().is_none() {
            return false;
        }
        let seat = attempt.seat;
        if let Some(seat) = seat {
            if let Some(book) = self.agents.get_mut(&seat.agent) {
                book.live = book.live.saturating_sub(1);
            }
            if let Some(live) = seat.membership.and_then(|membership| self.memberships.get_mut(&membership)) {
                *live = live.saturating_sub(1);
            }
            if let Some(live) = seat.pool.and_then(|pool| self.pools.get_mut(&pool)) {
                *live = live.saturating_sub(1);
            }
        }
        true
    }

    /// Notes that the session may be forgotten at `at`; not while an attempt is open.
    pub(super) fn keep(&mut self, token: &SessionToken, at: Timestamp) {
        if let Some(session) = self.sessions.find_mut(token) {
            let open = session.attempts.iter().filter_map(|attempt| attempt.open_until);
            session.forget_at = open.map(|until| until.after(KEEP)).fold(at, Timestamp::max);
        }
        self.sessions.watch(token, self.now);
    }

    /// The signal `key` was committed with `answer`: its open attempt counts until `open_until`, and a copy of the
    /// signal gets that answer.
    pub fn complete(&mut self, token: &SessionToken, key: EventKey, answer: &Sealed, open_until: Timestamp) {
        let Some(session) = self.sessions.find_mut(token) else { return };
        let answered = SessionState::Answered(answer.clone());
        let Some((_, state)) = session.states.iter_mut().find(|(k, _)| *k == key) else {
            session.states.push((key, answered));
            return;
        };
        if let SessionState::Decided(pick) = std::mem::replace(state, answered) {
            self.confirm(token, &pick, open_until);
        }
    }

    fn confirm(&mut self, token: &SessionToken, pick: &Pick, open_until: Timestamp) {
        if let Some(counted) = &pick.delta.counted
            && let Some(book) = self.groups.get_mut(&counted.group)
        {
            book.keep(counted, pick.delta.turn.map(|(_, turn)| turn), pick.seq);
        }
        let Some(number) = picked_attempt(&pick.picked) else { return };
        let open = self.sessions.find_mut(token).and_then(|session| session.attempt_mut(number));
        if let Some(until) = open.and_then(|attempt| attempt.open_until.as_mut()) {
            *until = open_until;
            self.keep(token, open_until.after(KEEP));
        }
    }

    /// Takes the choice that `key` was decided back as if it never was, because another server's answer won or the call
    /// turned out to be in another state: lease, count, turn and probe go. An attempt that it settled stays settled.
    pub fn retract(&mut self, token: &SessionToken, key: EventKey) {
        let Some(session) = self.sessions.find_mut(token) else { return };
        let Some(index) = session.states.iter().position(|(k, _)| *k == key) else { return };
        let (_, SessionState::Decided(pick)) = &session.states[index] else { return };
        let pick = Arc::clone(pick);
        session.states.remove(index);
        if let Some(number) = picked_attempt(&pick.picked) {
            self.close(token, number);
            if let Some(session) = self.sessions.find_mut(token) {
                session.attempts.retain(|attempt| attempt.number != number);
            }
        }
        if let Some(counted) = &pick.delta.counted
            && let Some(book) = self.groups.get_mut(&counted.group)
        {
            book.take_back(counted, pick.delta.turn.map(|(_, turn)| turn), pick.seq);
        }
        if let Picked::Seat(SeatPick { attempt, seat, probe: Some(_), .. }) = pick.picked
            && let Some(book) = self.agents.get_mut(&seat.agent)
        {
            book.health.health.recall_probe(&AttemptName { token: token.clone(), number: attempt });
        }
        self.unsaved.note(&pick.delta);
    }

    /// The call has ended: open attempts free their caps, health is left alone, no further attempt is made.
    pub fn end(&mut self, token: &SessionToken, now: Timestamp) {
        self.tick(now);
        let Some(session) = self.sessions.find_mut(token) else {
            return self.ends.note(token, self.now);
        };
        (session.ended, session.over) = (true, true);
        let mut numbers = SmallVec::<[u16; 4]>::new();
        for attempt in &mut session.attempts {
            attempt.probe = None;
            numbers.push(attempt.number);
        }
        for number in numbers {
            self.close(token, number);
        }
        self.keep(token, self.now.after(KEEP));
    }

    /// No further attempt is made in the call; open attempts go on until their results or the CDR come.
    pub fn stop_attempts(&mut self, token: &SessionToken) {
        if let Some(session) = self.sessions.find_mut(token) {
            session.ended = true;
        }
    }

    /// Takes over what the store knows of a call that this plane did not know, or knew less of. A choice whose attempt
    /// the store gave to somebody else is taken back; what this plane has closed stays closed.
    pub fn hydrate(&mut self, mut image: SessionImage) {
        self.end_as_told(&mut image);
        let known = self.sessions.find(&image.token);
        let is_new = |attempt: &&LiveAttempt| {
            let known = known.and_then(|session| session.attempt(attempt.number));
            known.is_none_or(|known| known.seat != attempt.seat)
        };
        let heard: SmallVec<[u16; 4]> =
            image.attempts.iter().filter(is_new).map(|attempt| attempt.number).collect();
        let token = image.token.clone();
        self.learn(image);
        if !heard.is_empty() {
            self.sessions.entry(&token).heard.extend(heard);
        }
    }

    /// [Hydrates](Self::hydrate) what the books count.
    pub(super) fn learn(&mut self, image: SessionImage) {
        let token = image.token;
        for mut attempt in image.attempts {
            let number = attempt.number;
            let known = self.sessions.find(&token).and_then(|session| session.attempt(number)).cloned();
            if let Some(known) = known {
                match self.sessions.find(&token).and_then(|session| session.decided(number)) {
                    Some(key) if known.seat != attempt.seat => self.retract(&token, key),
                    _ if known.open_until.is_none() => {
                        attempt.open_until = None;
                        attempt.probe = attempt.probe.and(known.probe);
                    }
                    _ => {
                        self.close(&token, number);
                    }
                }
            }
            self.open(&attempt);
            let session = self.sessions.entry(&token);
            session.attempts.retain(|attempt| attempt.number != number);
            session.attempts.push(attempt);
            session.attempts.sort_by_key(|attempt| attempt.number);
        }
        let session = self.sessions.entry(&token);
        session.ended |= image.ended;
        let forget_at = session.forget_at.max(image.forget_at);
        self.keep(&token, forget_at);
    }
}

pub(super) const fn picked_attempt(picked: &Picked) -> Option<u16> {
    match picked {
        Picked::Seat(seat) => Some(seat.attempt),
        Picked::Number { attempt } => Some(*attempt),
        Picked::Nobody => None,
    }
}
