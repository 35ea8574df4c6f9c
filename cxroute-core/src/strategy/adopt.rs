//! Choices that became durable without this plane: booked once, however often they are told.
//!
//! While the plane is away, servers decide by themselves; what they decided is in the store, and when the plane is back
//! it is told. It may have been restored from the store in between, or told already: a choice counts only if neither is
//! so. What the plane was restored from holds whatever was durable before its image was read; of what came later the plane
//! knows the attempts that it booked.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::ledger::{Adopted, LiveAttempt, SessionImage};
use super::plane::{Pick, Picked, Plane};
use super::session::{KEEP, SessionState, picked_attempt};
use crate::call::{EventKey, SessionToken};
use crate::time::Timestamp;

/// The end of a call that the plane does not know is remembered for so long at least.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Old ends are looked for when so many are remembered.
const MANY: usize = 1_024;

impl Plane {
    /// Takes over a choice that is durable and that this plane may not know: its count, its lease, and what else the store
    /// knows of the call. What the plane decided for that signal and nobody confirmed makes room, if it is another choice.
    /// Turns and health stay as the plane's own choices left them.
    ///
    /// A choice counts once, however often it is told, also if the plane was restored from an image that held it already; it
    /// opens no attempt of a call whose end the plane was told before, within the last hour. What the plane has forgotten
    /// (a call that has ended, after five minutes) counts again if it is told again; so may, for as long as it is in the
    /// window, the choice of an ended call that became durable in the very moment in which the image was read.
    pub fn adopt(&mut self, adopted: Adopted, now: Timestamp) {
        self.tick(now);
        let Adopted { at, key, attempt, counted, mut call } = adopted;
        let token = call.token.clone();
        if at < self.since && self.sessions.find(&token).is_none() {
            // The image held it; a call that was not live in it any more has ended.
            return;
        }
        self.end_as_told(&mut call);
        let own = self.sessions.find(&token).and_then(|session| match session.state_of(key) {
            Some(SessionState::Decided(pick)) => Some(Arc::clone(pick)),
            Some(SessionState::Answered(_)) | None => None,
        });
        match own {
            Some(pick) if is_that(&pick, attempt, &call) => self.settle_for(&pick, &call, key),
            Some(_) => self.retract(&token, key),
            None => {}
        }
        let booked = self.sessions.find(&token).zip(attempt).is_some_and(|(session, number)| {
            let durable = call.attempts.iter().find(|attempt| attempt.number == number);
            let is_it = |known: &LiveAttempt| durable.is_none_or(|durable| known.seat == durable.seat);
            session.attempt(number).is_some_and(is_it) && !session.heard.contains(&number)
        });
        let over = call.ended && call.attempts.iter().all(|attempt| attempt.open_until.is_none());
        // A call that is over is kept for its last copies only.
        let forget_at = if over { call.forget_at.min(self.now.after(KEEP)) } else { call.forget_at };
        self.hydrate(SessionImage { forget_at, ..call });
        if let (Some(number), Some(session)) = (attempt, self.sessions.find_mut(&token)) {
            session.heard.retain(|heard| *heard != number);
        }
        if let Some(counted) = counted.filter(|_| !booked && at >= self.since) {
            self.seq += 1;
            self.groups.entry(counted.group).or_default().adopt(&counted, self.seq);
        }
    }

    /// Ends the call in this image, if the plane was told of its end.
    pub(super) fn end_as_told(&self, call: &mut SessionImage) {
        if self.ends.know(&call.token) || self.sessions.find(&call.token).is_some_and(|known| known.over) {
            call.ended = true;
            call.attempts.iter_mut().for_each(|attempt| attempt.open_until = None);
        }
    }

    /// The plane's own choice for `key` is the durable one.
    fn settle_for(&mut self, pick: &Pick, call: &SessionImage, key: EventKey) {
        if let Some(counted) = &pick.delta.counted
            && let Some(book) = self.groups.get_mut(&counted.group)
        {
            book.keep(counted, pick.delta.turn.map(|(_, turn)| turn), pick.seq);
        }
        if let Some(session) = self.sessions.find_mut(&call.token) {
            session.states.retain(|(other, _)| *other != key);
        }
    }
}

/// The ends of calls that the plane did not know then: what it is told of them later opens no attempt.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ends {
    calls: FxHashMap<SessionToken, Timestamp>,
    /// Old ones are looked for when there are so many.
    most: usize,
}

impl Ends {
    pub(super) fn note(&mut self, token: &SessionToken, now: Timestamp) {
        if self.calls.len() >= self.most.max(MANY) {
            self.calls.retain(|_, at| at.after(REMEMBERED) > now);
            self.most = self.calls.len() * 2;
        }
        self.calls.insert(token.clone(), now);
    }

    fn know(&self, token: &SessionToken) -> bool {
        self.calls.contains_key(token)
    }
}

/// Whether the plane's choice is the one that became durable.
fn is_that(pick: &Pick, attempt: Option<u16>, call: &SessionImage) -> bool {
    let durable = call.attempts.iter().find(|known| Some(known.number) == attempt);
    let seat = match &pick.picked {
        Picked::Seat(seat) => Some(seat.seat),
        Picked::Number { .. } | Picked::Nobody => None,
    };
    picked_attempt(&pick.picked) == attempt && durable.and_then(|known| known.seat) == seat
}
