//! The calls that a plane knows: by their tokens, and by the time at which something of them falls due.
//!
//! Both sides are made for a plane that everybody waits for while it books. The map is cut into parts that grow one at a
//! time, and keeps its hashes, so that growing touches no call. An alarm says when to look at a call, not what is due: a
//! due time that moves later, as those of calls that go well do twice, costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::session::Session;
use crate::call::SessionToken;
use crate::time::Timestamp;

const PARTS: usize = 32;

/// A call is looked at so often at least, so that an alarm which has become pointless is not kept for hours.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// The calls of one plane.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    parts: [HashTable<Entry>; PARTS],
    alarms: BinaryHeap<Reverse<(Timestamp, SessionToken)>>,
}

/// One call; on its own, so that a part that grows does not move it, and shared with copies of the plane until one of them
/// changes it: a plane of many calls is copied while live calls wait.
#[derive(Clone, Debug)]
struct Entry {
    hash: u64,
    token: SessionToken,
    session: Arc<Session>,
}

impl Entry {
    fn is(&self, hash: u64, token: &SessionToken) -> bool {
        self.hash == hash && self.token == *token
    }
}

fn hash_of(token: &SessionToken) -> u64 {
    FxBuildHasher.hash_one(token)
}

/// By bits that the parts themselves do not look at first.
const fn part_of(hash: u64) -> usize {
    (hash >> 40) as usize % PARTS
}

impl Sessions {
    pub(super) fn find(&self, token: &SessionToken) -> Option<&Session> {
        let hash = hash_of(token);
        let found = self.parts[part_of(hash)].find(hash, |entry| entry.is(hash, token));
        found.map(|entry| &*entry.session)
    }

    pub(super) fn find_mut(&mut self, token: &SessionToken) -> Option<&mut Session> {
        let hash = hash_of(token);
        let found = self.parts[part_of(hash)].find_mut(hash, |entry| entry.is(hash, token));
        found.map(|entry| Arc::make_mut(&mut entry.session))
    }

    /// The call, made if it is new.
    pub(super) fn entry(&mut self, token: &SessionToken) -> &mut Session {
        let hash = hash_of(token);
        let part = &mut self.parts[part_of(hash)];
        let entry = part.entry(hash, |entry| entry.is(hash, token), |entry| entry.hash);
        let entry =
            entry.or_insert_with(|| Entry { hash, token: token.clone(), session: Arc::default() }).into_mut();
        Arc::make_mut(&mut entry.session)
    }

    pub(super) fn remove(&mut self, token: &SessionToken) {
        let hash = hash_of(token);
        if let Ok(entry) = self.parts[part_of(hash)].find_entry(hash, |entry| entry.is(hash, token)) {
            entry.remove();
        }
    }

    /// Sees to it that the call is looked at when something of it falls due. A plane that is being restored has no time
    /// yet (`EPOCH`): its calls are not all looked at again by the first choice.
    pub(super) fn watch(&mut self, token: &SessionToken, now: Timestamp) {
        let Some(session) = self.find_mut(token) else { return };
        let due = session.due();
        let at = if now == Timestamp::EPOCH { due } else { due.min(now.after(LOOK_AGAIN)) };
        if session.alarm.is_none_or(|alarm| at < alarm) {
            session.alarm = Some(at);
            self.alarms.push(Reverse((at, token.clone())));
        }
    }

    /// The calls that a choice for `token` at `now` is about: its own, and those of which something can be due by then. Live
    /// calls wait meanwhile, so the others are not copied.
    pub(super) fn concerning(&self, token: &SessionToken, now: Timestamp) -> Self {
        let due = self.alarms.iter().filter(|Reverse((at, _))| *at <= now);
        let mut some = Self { alarms: due.cloned().collect(), ..Self::default() };
        let tokens: Vec<_> = some.alarms.iter().map(|Reverse((_, token))| token.clone()).collect();
        for token in tokens.iter().chain([token]) {
            if let Some(session) = self.find(token) {
                *some.entry(token) = session.clone();
            }
        }
        some
    }

    /// The next call of which something is due by `now`, and when it was, in the order of these times. It is to be
    /// [watched](Self::watch) again.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, SessionToken)> {
        while self.alarms.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Reverse((at, token)) = self.alarms.pop()?;
            let Some(session) = self.find_mut(&token) else { continue };
            if session.alarm != Some(at) {
                // An earlier alarm took its place.
                continue;
            }
            let due = session.due();
            session.alarm = None;
            if due <= at {
                return Some((at, token));
            }
            let next = if due <= now { due } else { due.min(now.after(LOOK_AGAIN)) };
            session.alarm = Some(next);
            self.alarms.push(Reverse((next, token)));
        }
        None
    }
}

/// As a list of tokens with their calls. Alarms are not part of it: those of a plane that reads it back are set anew,
/// and what falls due does so in the same order.
impl Serialize for Sessions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count: usize = self.parts.iter().map(HashTable::len).sum();
        let mut list = serializer.serialize_seq(Some(count))?;
        for entry in self.parts.iter().flatten() {
            list.serialize_element(&(&entry.token, &*entry.session))?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Sessions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List)
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Sessions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of calls, each a token and what is known of it")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sessions, A::Error> {
        let mut sessions = Sessions::default();
        while let Some((token, session)) = list.next_element::<(SessionToken, Session)>()? {
            *sessions.entry(&token) = session;
            sessions.watch(&token, Timestamp::EPOCH);
        }
        Ok(sessions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: usize) -> SessionToken {
        SessionToken::new(&format!("call {number}")).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn calls_are_found_under_their_tokens_and_gone_when_removed() {
        let mut sessions = Sessions::default();
        for number in 0..5_000 {
            sessions.entry(&token(number)).forget_at = at(number as i64);
        }
        for number in 0..5_000 {
            assert_eq!(sessions.entry(&token(number)).forget_at, at(number as i64));
        }
        for number in (0..5_000).step_by(2) {
            sessions.remove(&token(number));
        }
        for number in 0..5_000 {
            assert_eq!(sessions.find(&token(number)).is_some(), number % 2 == 1, "{number}");
        }
        assert!(sessions.find_mut(&token(5_000)).is_none());
    }

    #[test]
    fn what_is_due_comes_in_order_and_what_moved_later_comes_later() {
        let mut sessions = Sessions::default();
        for (number, due) in [(1, 30), (2, 20), (3, 10_000), (4, 25)] {
            sessions.entry(&token(number)).forget_at = at(due);
            sessions.watch(&token(number), at(0));
        }
        sessions.entry(&token(4)).forget_at = at(9_000);
        sessions.entry(&token(3)).forget_at = at(15);
        sessions.watch(&token(3), at(1));
        assert_eq!(sessions.take_due(at(14)), None);
        assert_eq!(sessions.take_due(at(29)), Some((at(15), token(3))));
        assert_eq!(sessions.take_due(at(29)), Some((at(20), token(2))));
        assert_eq!(sessions.take_due(at(29)), None);
        assert_eq!(sessions.take_due(at(20_000)), Some((at(30), token(1))));
        assert_eq!(sessions.take_due(at(20_000)), Some((at(9_000), token(4))));
        assert_eq!(sessions.take_due(at(20_000)), None);
    }

    #[test]
    fn a_dry_run_gets_the_calls_that_it_is_about() {
        let mut sessions = Sessions::default();
        for number in 0..100 {
            sessions.entry(&token(number)).forget_at = at(number as i64);
            sessions.watch(&token(number), at(0));
        }
        let mut some = sessions.concerning(&token(50), at(9));
        assert!(some.find(&token(9)).is_some() && some.find(&token(50)).is_some());
        assert!(some.find(&token(10)).is_none());
        for number in 0..10 {
            assert_eq!(some.take_due(at(9)), Some((at(number as i64), token(number))));
        }
        assert_eq!(some.take_due(at(100)), None);
    }

    #[test]
    fn an_alarm_that_has_become_pointless_is_not_kept_for_hours() {
        let mut sessions = Sessions::default();
        for number in 0..1_000 {
            sessions.entry(&token(number)).forget_at = at(14_400);
            sessions.watch(&token(number), at(1));
            sessions.remove(&token(number));
        }
        assert_eq!(sessions.take_due(at(301)), None);
        assert!(sessions.alarms.is_empty());

        sessions.entry(&token(1)).forget_at = at(14_400);
        sessions.watch(&token(1), at(301));
        assert_eq!(sessions.take_due(at(700)), None);
        assert_eq!(sessions.alarms.len(), 1, "a call that goes on is looked at again");
        sessions.remove(&token(1));
        assert_eq!(sessions.take_due(at(1_100)), None);
        assert!(sessions.alarms.is_empty());
    }

    #[test]
    fn calls_that_are_written_down_and_read_back_fall_due_at_the_same_times() {
        let mut sessions = Sessions::default();
        for number in 0..100 {
            sessions.entry(&token(number)).forget_at = at(number as i64 * 37 % 101);
            sessions.watch(&token(number), at(1));
            // A due time that has moved since the alarm was set.
            sessions.entry(&token(number)).forget_at = at(5 + number as i64 * 37 % 101);
        }
        let written = serde_json::to_string(&sessions).unwrap();
        let mut read: Sessions = serde_json::from_str(&written).unwrap();
        for moment in [0, 7, 50, 51, 200] {
            loop {
                let due = sessions.take_due(at(moment));
                assert_eq!(read.take_due(at(moment)), due);
                if due.is_none() {
                    break;
                }
            }
        }
        assert!(read.alarms.is_empty() && sessions.alarms.is_empty());
    }
}
