//! [`Events`] on Redis: a channel for whoever listens now, and a bounded stream behind it for whoever was away.
//!
//! # Keys
//!
//! | key | type | what |
//! |---|---|---|
//! | `tenant:{5}:events` | channel | every event as it happens: `{id, event_type, data, timestamp}` |
//! | `tenant:{5}:events:stream` | stream | the last events, by id |
//! | `tenant:{5}:events:head` | hash | epoch and number of the last event, Redis's run, term and try of the last publisher |
//! | `cxroute:events:publisher` | hash | which server publishes, in which term, until when |
//! | `tenant:{5}:session:{token}:state` | hash | how the call stands, for people: current_state, start_time, agent_id, group_id, metadata |
//!
//! All have an expiry, that of a call that is over 300 s. The stream is what a subscriber reads; the channel only wakes it, so that a message that was lost
//! delays an event and loses none.

mod ear;
mod publisher;
mod script;
mod subscription;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cxroute_core::authority::{IngestScope, Operator, ReadScope};
use cxroute_core::id::TenantId;
use cxroute_core::port::{EventId, Events, EventsError, Outgoing, Since, Subscription, Term};
use rustc_hash::FxHashMap;

use self::ear::Ear;
pub(crate) use self::ear::Hearing;
use self::publisher::Lease;
use self::script::Room;
use self::subscription::RedisSubscription;
use crate::keys::EventKeys;
use crate::link::{Link, Trouble};
use crate::url::{self, RedisUrlError};

/// How events on Redis behave.
#[derive(Clone, Copy, Debug)]
pub struct RedisEventsOptions {
    /// Redis answers within this, or it is away; by default 1 s.
    pub patience: Duration,
    /// So many events of a tenant are kept, and some more; by default 10,000.
    pub kept: u32,
    /// How long the events of a tenant are kept that nobody publishes for or listens to; by default 24 hours.
    pub keep: Duration,
    /// When a server that publishes is not heard of for so long, another does; by default 3 s.
    pub lease: Duration,
    /// The hash that says who publishes: servers of one store share it; by default `cxroute:events:publisher`.
    pub publisher: &'static str,
}

impl Default for RedisEventsOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(1),
            kept: 10_000,
            keep: Duration::from_secs(24 * 3_600),
            lease: Duration::from_secs(3),
            publisher: "cxroute:events:publisher",
        }
    }
}

/// Events in Redis.
pub struct RedisEvents {
    link: Arc<Link>,
    ear: Arc<Ear>,
    options: RedisEventsOptions,
    /// What this publisher is called.
    name: String,
    lease: Mutex<Lease>,
    /// Counts publications: of one that was given up and one that came after it, the first does nothing if it runs last.
    tries: AtomicU64,
    /// Tenants whose last publication in this term is known to have been done.
    sure: Mutex<FxHashMap<TenantId, Term>>,
}

impl RedisEvents {
    /// Events at `url`, as [`RedisLive::open`](crate::RedisLive::open) takes it. It begins to connect on the current Tokio
    /// runtime and does not wait.
    ///
    /// # Errors
    /// [`RedisUrlError`].
    pub fn open(url: &str, options: RedisEventsOptions) -> Result<Self, RedisUrlError> {
        let (link, ear) = (Link::open(url::source(url)?), Ear::open(url::hearing(url)?));
        let random = || RandomState::new().build_hasher().finish();
        Ok(Self {
            link: Arc::new(link),
            ear: Arc::new(ear),
            options,
            name: format!("{:016x}{:016x}", random(), random()),
            lease: Mutex::default(),
            tries: AtomicU64::new(0),
            sure: Mutex::default(),
        })
    }

    fn room(&self, scope: &ReadScope) -> Room {
        Room { link: Arc::clone(&self.link), keys: EventKeys::of(scope), options: self.options }
    }
}

#[async_trait]
impl Events for RedisEvents {
    async fn lead(&self, _operator: &Operator) -> Result<Option<Term>, EventsError> {
        self.take_lead().await
    }

    async fn publish(
        &self,
        scope: &IngestScope,
        term: Term,
        waiting: &[Outgoing],
    ) -> Result<(), EventsError> {
        self.publish_all(scope, term, waiting).await
    }

    async fn subscribe(&self, scope: &ReadScope, since: Since) -> Result<Box<dyn Subscription>, EventsError> {
        let room = self.room(scope);
        let at = match since {
            Since::Now => room.last().await.map_err(away)?,
            // No stream has it, and none has a name for what comes after it.
            Since::After(EventId { number: u64::MAX, .. }) => EventId::ZERO,
            Since::After(id) => id,
        };
        Ok(Box::new(RedisSubscription::new(room, at, Arc::clone(&self.ear))))
    }
}

fn away(trouble: Trouble) -> EventsError {
    let reason = match trouble {
        Trouble::Away(reason) => reason,
        Trouble::NoScript => "it does not keep its scripts".to_owned(),
    };
    EventsError::Unavailable { reason }
}
