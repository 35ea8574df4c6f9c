//! What the plane knows of one call: its attempts, what its signals were decided, whether it has ended; and the
//! leases that keep caps honest when an end never comes.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::ledger::{LiveAttempt, SessionImage};
use super::plane::{Pick, Picked, Plane};
use crate::call::{EventKey, SessionToken};
use crate::id::AgentId;
use crate::secret::Sealed;
use crate::time::Timestamp;

/// An idle call without open attempts is forgotten after this long; the store still knows it.
pub(super) const KEEP: Duration = Duration::from_secs(300);

/// One call.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub(super) attempts: SmallVec<[LiveAttempt; 1]>,
    states: SmallVec<[(EventKey, SessionState); 1]>,
    pub(super) ended: bool,
    pub(super) forget_at: Timestamp,
}

/// How far a signal of the call has got.
#[derive(Clone, Debug)]
pub(super) enum SessionState {
    /// Decided, not yet known to be durable.
    Decided(Arc<Pick>),
    /// Answered, durably.
    Answered(Sealed),
}

impl Session {
    pub(super) fn state_of(&self, key: EventKey) -> Option<&SessionState> {
        self.states.iter().find(|(k, _)| *k == key).map(|(_, state)| state)
    }

    pub(super) fn decide(&mut self, key: EventKey, pick: Arc<Pick>) {
        self.states.push((key, SessionState::Decided(pick)));
    }

    pub(super) fn open(&self) -> Option<&LiveAttempt> {
        self.attempts.iter().rev().find(|attempt| attempt.open_until.is_some())
    }

    pub(super) fn attempt(&self, number: u16) -> Option<&LiveAttempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub(super) fn tried(&self) -> impl Iterator<Item = AgentId> + '_ {
        self.attempts.iter().filter_map(|attempt| attempt.seat.map(|seat| seat.agent))
    }
}

impl Plane {
    /// Moves the plane's clock; it never runs backwards. Leases that have run out free their caps, sessions that are
    /// idle are forgotten.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while let Some((until, token, number)) = self.leases.first().cloned()
            && until <= self.now
        {
            self.close(&token, number);
        }
        while let Some((at, token)) = self.forgets.first().cloned()
            && at <= self.now
        {
            self.forgets.pop_first();
            if self.sessions.get(&token).is_some_and(|session| session.forget_at <= self.now) {
                self.sessions.remove(&token);
            }
        }
    }

    /// Opens an attempt's lease: it counts against its caps.
    pub(super) fn open(&mut self, token: &SessionToken, attempt: &LiveAttempt) {
        let Some(until) = attempt.open_until else { return };
        self.leases.insert((until, token.clone(), attempt.number));
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
        let found =
            self.sessions.get_mut(token).and_then(|s| s.attempts.iter_mut().find(|a| a.number == number));
        let Some(attempt) = found else { return false };
        let Some(until) = attempt.open_until.take() else { return false };
        let seat = attempt.seat;
        self.leases.remove(&(until, token.clone(), number));
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

    /// Notes that the session may be forgotten at `at`, not before.
    pub(super) fn keep(&mut self, token: &SessionToken, at: Timestamp) {
        if let Some(session) = self.sessions.get_mut(token) {
            if session.forget_at != Timestamp::EPOCH {
                self.forgets.remove(&(session.forget_at, token.clone()));
            }
            session.forget_at = at;
            self.forgets.insert((at, token.clone()));
        }
    }

    /// The signal `key` was committed with `answer`: its open attempt counts until `open_until`, and a copy of the
    /// signal gets that answer.
    pub fn complete(&mut self, token: &SessionToken, key: EventKey, answer: &Sealed, open_until: Timestamp) {
        let Some(session) = self.sessions.get_mut(token) else { return };
        let attempt = match session.states.iter_mut().find(|(k, _)| *k == key) {
            Some((_, state)) => {
                let attempt = match state {
                    SessionState::Decided(pick) => picked_attempt(&pick.picked),
                    SessionState::Answered(_) => None,
                };
                *state = SessionState::Answered(answer.clone());
                attempt
            }
            None => {
                session.states.push((key, SessionState::Answered(answer.clone())));
                None
            }
        };
        let mut confirmed = None;
        if let Some(number) = attempt
            && let Some(open) = session.attempts.iter_mut().find(|a| a.number == number)
            && let Some(until) = open.open_until.as_mut()
        {
            confirmed = Some((std::mem::replace(until, open_until), number));
        }
        if let Some((before, number)) = confirmed {
            self.leases.remove(&(before, token.clone(), number));
            self.leases.insert((open_until, token.clone(), number));
            let forget_at = open_until.after(KEEP);
            self.keep(token, forget_at);
        }
    }

    /// Takes the choice that `key` was decided back, because another server's answer won or the call turned out to be
    /// in another state: lease and count go, and the turn where nobody has taken one since.
    pub fn retract(&mut self, token: &SessionToken, key: EventKey) {
        let Some(session) = self.sessions.get_mut(token) else { return };
        let Some(index) = session.states.iter().position(|(k, _)| *k == key) else { return };
        let (_, SessionState::Decided(pick)) = &session.states[index] else { return };
        let pick = Arc::clone(pick);
        session.states.remove(index);
        if let Some(number) = picked_attempt(&pick.picked) {
            self.close(token, number);
            if let Some(session) = self.sessions.get_mut(token) {
                session.attempts.retain(|attempt| attempt.number != number);
            }
        }
        if let Some(counted) = pick.delta.counted
            && let Some(book) = self.groups.get_mut(&counted.group)
        {
            book.uncount(counted, &pick);
        }
    }

    /// The call has ended: open attempts free their caps, health is left alone, no further attempt is made.
    pub fn end(&mut self, token: &SessionToken, now: Timestamp) {
        self.tick(now);
        let Some(session) = self.sessions.get_mut(token) else { return };
        session.ended = true;
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
        if let Some(session) = self.sessions.get_mut(token) {
            session.ended = true;
        }
    }

    /// Takes over what the store knows of a call that this plane did not know, or knew less of.
    pub fn hydrate(&mut self, image: SessionImage) {
        let numbers: SmallVec<[u16; 4]> = match self.sessions.get(&image.token) {
            Some(session) => session.attempts.iter().map(|attempt| attempt.number).collect(),
            None => SmallVec::new(),
        };
        for number in numbers {
            self.close(&image.token, number);
        }
        for attempt in &image.attempts {
            self.open(&image.token, attempt);
        }
        let session = self.sessions.entry(image.token.clone()).or_default();
        session.attempts = image.attempts.into();
        session.ended |= image.ended;
        self.keep(&image.token, image.forget_at);
    }
}

const fn picked_attempt(picked: &Picked) -> Option<u16> {
    match picked {
        Picked::Seat(seat) => Some(seat.attempt),
        Picked::Number { attempt } => Some(*attempt),
        Picked::Nobody => None,
    }
}
