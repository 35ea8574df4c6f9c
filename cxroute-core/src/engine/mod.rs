//! The engine: one function per webhook, and the dry run that uses the same ones (architecture.md §2).
//!
//! ```text
//! webhook → cloudonix payload → snapshot: rule → LiveState::choose → CXML → Commit → answer
//! ```
//!
//! A host owns the clock, the randomness and the connection: it hands in an [`Arrival`] and gets an [`Answer`]. From
//! the moment a method is entered the host must let it finish: spawn it, so that a client that goes away cancels
//! nothing.
//!
//! # What a host serves
//!
//! | end point | asks | the platform is answered |
//! |---|---|---|
//! | `POST` or `GET` `/api/voice/application/{domain}` | [`Engine::voice_request`] | 200 with [`Answer::cxml`], `application/xml` |
//! | `POST` `/api/voice/dial/{domain}?session=…&attempt=…&agent=…&group=…` | [`Engine::dial_result`] | the same |
//! | `POST` `/api/voice/session/update/{domain}` | [`Engine::session_update`] | 200; 503 on an error, to be sent again |
//! | `POST` `/api/voice/session/cdr/{domain}` | [`Engine::cdr`] | the same |
//!
//! The first, third and fourth URL are set up on the platform. The second is written by the engine into the CXML that it
//! answers, behind [`Parts::public_url`], and comes back with its query: hand path and query on in the
//! [`Webhook`](crate::cloudonix::Webhook) as they arrived, with the platform's headers, and the body beside it. A request
//! that [`Engine::admit`] refuses is a 401. Call [`Engine::refresh`] once a second, so that changes of configuration are
//! routed by.

mod answer;
mod choose;
mod commit;
#[cfg(feature = "runtime")]
mod committer;
mod custom;
mod decide;
mod dial;
mod explain;
mod gate;
mod outage;
mod refresh;
mod route;
mod snapshot;
mod update;
mod voice;

pub use commit::Direct;
#[cfg(feature = "runtime")]
pub use committer::{CatchUp, Committer, CommitterCounts, CommitterOptions};
pub use explain::{Explanation, Question};
pub use gate::{Admitted, Credentials, Gate, Knock, Refused};
pub use route::Origin;
pub use snapshot::{Ending, Snapshot};

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::authority::Operator;
use crate::config::Domain;
use crate::memory::{MemoryLive, MemoryStore};
use crate::port::{Commit, LiveState, Spool, Store, StoreError};
use crate::secret::{Authenticator, NoVault, SealError, Vault};
use crate::strategy::CustomStrategy;
use crate::time::Timestamp;

/// What an engine is made of.
pub struct Parts {
    /// The durable truth.
    pub store: Arc<dyn Store>,
    /// The execution plane.
    pub live: Arc<dyn LiveState>,
    /// Where signals are made durable.
    pub commit: Arc<dyn Commit>,
    /// Seals answers and opens credentials.
    pub vault: Arc<dyn Vault>,
    /// Checks what webhooks present; none: only an operator admits.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// Keeps the last snapshot of each tenant for the days when the store is away.
    pub spool: Option<Arc<dyn Spool>>,
    /// The base of action URLs, without a slash at the end: `https://cx.example.com`.
    pub public_url: String,
}

impl Parts {
    /// Everything in this process, nothing sealed, authority proven by the operator alone: for a first call, for tests,
    /// and as the base of a richer set: `Parts { vault, ..Parts::in_memory(store, url) }`.
    pub fn in_memory(store: Arc<MemoryStore>, public_url: impl Into<String>) -> Self {
        Self {
            store: store.clone(),
            live: Arc::new(MemoryLive::new()),
            commit: store,
            vault: Arc::new(NoVault),
            authenticator: None,
            spool: None,
            public_url: public_url.into(),
        }
    }
}

/// The engine. Shared as an `Arc` by everything that serves webhooks.
pub struct Engine {
    parts: Parts,
    operator: Operator,
    /// The host's own strategy.
    strategy: Option<Arc<dyn CustomStrategy>>,
    gates: Mutex<FxHashMap<Domain, Arc<Gate>>>,
    /// The execution plane of bad days: this server's own.
    spare: MemoryLive,
    /// Held while a gate is loaded, so that it is loaded once.
    loading: tokio::sync::Mutex<()>,
}

/// When a webhook arrived, and the randomness that its record's id takes if it makes one.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Now.
    pub at: Timestamp,
    /// At least 11 random bits.
    pub random: u64,
}

/// What the platform is answered on a voice request or dial result: always CXML.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The document.
    pub cxml: Bytes,
    /// How sure it is.
    pub durability: Durability,
}

/// How sure an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Committed in the store.
    Stored,
    /// A copy of the webhook was answered before; this is that answer.
    Duplicate,
    /// Committed in the local spool.
    Spooled,
    /// Neither store nor spool took it; the call is answered all the same.
    NotDurable,
}

/// What the platform is answered on a session update or CDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receipt {
    /// Taken, and durable.
    Taken,
    /// A copy of it was durable before.
    Duplicate,
}

/// Why the engine could not do what was asked. A live call never sees one of these once its tenant is known.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret did not open.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Engine {
    /// An engine of these parts. The operator is the host's proof that it may serve every tenant of the store.
    pub fn new(parts: Parts, operator: Operator) -> Self {
        Self {
            parts,
            operator,
            strategy: None,
            gates: Mutex::default(),
            spare: MemoryLive::new(),
            loading: tokio::sync::Mutex::new(()),
        }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }
}
