//! `Events`: how what happened to a tenant's calls reaches those who follow it, and how they go on after having been away.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::authority::{IngestScope, Operator, ReadScope};
use crate::call::CallEvent;
use crate::id::TenantId;
use crate::time::Timestamp;

/// The way from the store's outbox ([`Store::outbox`](super::Store::outbox)) to whoever follows a tenant (domain.md §9).
///
/// Whoever publishes asks for the lead, reads the outbox, publishes, and lets the store forget what was published:
/// [`Publisher`](crate::engine::Publisher) does that, on every server.
///
/// # Contract
/// - One instance leads at a time. The term of whoever leads is greater than every term before it; once another has
///   published a tenant's events, an older term publishes nothing of that tenant ([`EventsError::Superseded`]).
/// - Events of a tenant get ids in the order in which they are published; ids only rise. Everybody hears them in that
///   order.
/// - The last events of each tenant are kept, a bounded number. Who was away hears what came since, or, where that is no
///   longer known, [`Heard::Gap`] first. The same holds for who does not listen: nobody waits for a slow one.
/// - What was published once is heard once, by whoever does not lose it: after [`EventsError::Unavailable`] nothing is
///   known, and the same events are published again. An adapter whose events outlive a publisher adds no event of the last
///   batches a second time; what has lost them cannot know.
#[async_trait]
pub trait Events: Send + Sync {
    /// Leads, or goes on leading, unless another does.
    async fn lead(&self, operator: &Operator) -> Result<Option<Term>, EventsError>;

    /// Publishes what waits in the outbox of the scope's tenant, in this order.
    async fn publish(&self, scope: &IngestScope, term: Term, waiting: &[Outgoing])
    -> Result<(), EventsError>;

    /// Listens to the scope's tenant.
    async fn subscribe(&self, scope: &ReadScope, since: Since) -> Result<Box<dyn Subscription>, EventsError>;
}

/// Somebody who listens to one tenant.
#[async_trait]
pub trait Subscription: Send {
    /// What comes next; waits for it, for ever if need be. A wait that is given up loses nothing.
    async fn next(&mut self) -> Heard;

    /// What to go on from ([`Since::After`]) with another subscription.
    fn position(&self) -> EventId;
}

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// With what is published from now on.
    Now,
    /// With what came after this event.
    After(EventId),
}

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Something happened.
    Event(Event),
    /// Events between the last one heard and the next one were lost: look at the calls themselves.
    Gap,
}

/// A publisher's turn: later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(u64);

impl Term {
    /// The term with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Names an event that waits in a store's outbox: unique in the store, never given twice, and rising per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(u64);

impl OutboxId {
    /// The id with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What waits in a store's outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Names it.
    pub id: OutboxId,
    /// Its tenant: the publisher mints the scope.
    pub tenant: TenantId,
    /// What is to be told.
    pub news: News,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Something happened to a call.
    Call(CallEvent),
    /// Events that waited here were given up: there were too many, or they could not be read.
    Gap,
}

/// The name of a published event: ids of a tenant rise, and a client resumes from the last one that it saw.
///
/// Its text is `epoch-number`. Within an epoch numbers follow each other; a new epoch begins where an older one was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Which run of numbers.
    pub epoch: u64,
    /// The event in it: the first one is 1.
    pub number: u64,
}

impl EventId {
    /// Before everything.
    pub const ZERO: Self = Self { epoch: 0, number: 0 };

    /// The id that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { epoch: self.epoch, number: self.number.saturating_add(1) }
    }

    const fn before(self) -> Self {
        Self { epoch: self.epoch, number: self.number.saturating_sub(1) }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

/// A text is no event's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an event's id such as 1767571200000-17, got {got:?}")]
pub struct EventIdError {
    got: String,
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let read = text
            .split_once('-')
            .and_then(|(epoch, of_it)| Some(Self { epoch: number(epoch)?, number: number(of_it)? }));
        read.ok_or_else(|| EventIdError { got: text.chars().take(64).collect() })
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A published event. Its JSON is the message of the channel: `{id, event_type, data, timestamp}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Names it.
    pub id: EventId,
    /// What happened, in the specification's word: `call_started`.
    pub event_type: CompactString,
    /// To what: a JSON object without secrets.
    pub data: serde_json::Value,
    /// When.
    #[serde(rename = "timestamp")]
    pub at: Timestamp,
}

impl Event {
    /// What happened to a call, under this id.
    pub fn of_call(id: EventId, event: &CallEvent) -> Self {
        let data = serde_json::json!({
            "session_token": event.session_token,
            "call_id": event.call_id,
            "agent_id": event.agent_id,
            "group_id": event.group_id,
            "status": event.status.as_str(),
            "duration": event.duration,
        });
        Self { id, event_type: CompactString::const_new(event.kind.as_str()), data, at: event.at }
    }
}

/// Why events could not be published or heard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// Another publishes by now; nothing was done.
    #[error("another server publishes the events by now")]
    Superseded,
    /// There was no answer, or not in time; nothing is known of what was asked.
    #[error("the events are away: {reason}")]
    Unavailable {
        /// Why, without secrets.
        reason: String,
    },
}

/// What a subscriber hears next: the one rule of gaps, for adapters.
///
/// It stands at `at`; `last` is the last id that was given, and `next` that of the first event behind `at` that is kept.
/// `None`: there is nothing new. An `at` behind `last` never was: adapters look from [`EventId::ZERO`] in its place.
pub fn hear(at: EventId, last: EventId, next: Option<EventId>) -> Option<Next> {
    match next {
        _ if at >= last => None,
        None => Some(Next::Gap { to: last }),
        Some(id) if id == at.next() => Some(Next::Event),
        Some(id) => Some(Next::Gap { to: id.before() }),
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The first event that is kept.
    Event,
    /// A gap.
    Gap {
        /// Where the subscriber stands behind it.
        to: EventId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_read_back_and_nothing_else_is_one() {
        let id = EventId { epoch: 1_767_571_200_000, number: 17 };
        assert_eq!(id.to_string(), "1767571200000-17");
        assert_eq!("1767571200000-17".parse(), Ok(id));
        for text in ["", "17", "-", "1-", "-1", "1-2-3", "+1-2", "1-x", "99999999999999999999-1"] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_gap_is_told_once_and_then_what_is_there() {
        let id = |epoch, number| EventId { epoch, number };
        let (event, gap) = (Some(Next::Event), |to| Some(Next::Gap { to }));
        assert_eq!(hear(id(2, 10), id(2, 10), None), None, "nothing new");
        assert_eq!(hear(id(2, 0), id(2, 10), Some(id(2, 1))), event);
        assert_eq!(hear(id(2, 5), id(2, 10), Some(id(2, 10))), gap(id(2, 9)), "trimmed");
        assert_eq!(hear(id(2, 9), id(2, 10), Some(id(2, 10))), event);
        assert_eq!(hear(id(2, 10), id(2, 11), None), gap(id(2, 11)), "given up");
        assert_eq!(hear(id(1, 60), id(2, 1), Some(id(2, 1))), gap(id(2, 0)), "another epoch");
        assert_eq!(hear(id(1, 60), id(2, 0), None), gap(id(2, 0)), "and nothing in it yet");
    }
}
