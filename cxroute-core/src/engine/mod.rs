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
//! [`Webhook`](crate::cloudonix::Webhook) as they arrived, with the platform's headers, and the body beside it.
//!
//! A request is answered with 401, by the host, in two cases:
//!
//! | a 401 if | asks |
//! |---|---|
//! | a request is refused at the gate, for its key or its signature | [`Engine::admit`] |
//! | a voice request or dial result ([`request`](crate::cloudonix::DialResult::request)) names another domain | [`VoiceRequest::disagreeing_domain`] |
//! | a session update's or CDR's header names another domain | [`CxHeaders::disagreeing_domain`] |
//!
//! The engine itself does not look at the domain that a request names. Call [`Engine::refresh`] once a second, so that
//! changes of configuration are routed by, and [`Publisher::round`] some 20 times, so that those who listen hear of calls.
//!
//! [`VoiceRequest::disagreeing_domain`]: crate::cloudonix::VoiceRequest::disagreeing_domain
//! [`CxHeaders::disagreeing_domain`]: crate::cloudonix::CxHeaders::disagreeing_domain
//!
//! What a change of configuration would do is asked beforehand: [`Engine::explain`] says it of one call,
//! [`Engine::replay`] of recorded ones.
//!
//! # A whole call
//!
//! Two agents in a group; the first does not answer, the second does, the CDR has the last word:
//!
//! ```
//! use std::sync::Arc;
//! use cxroute_core::authority::Operator;
//! use cxroute_core::call::{CallState, SessionToken};
//! use cxroute_core::cloudonix::{Cdr, DialResult, Provider, VoiceRequest, Webhook};
//! use cxroute_core::config::{Agent, Domain, Group, InboundRule, Member, Strategy, Target};
//! use cxroute_core::engine::{Arrival, Engine, Origin, Parts, Question, TraceText};
//! use cxroute_core::id::{AgentId, GroupId, MembershipId, RuleId};
//! use cxroute_core::memory::MemoryStore;
//! use cxroute_core::port::{CallReader as _, Store as _};
//! use cxroute_core::secret::Sealed;
//! use cxroute_core::time::Timestamp;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, operator) = (Arc::new(MemoryStore::new()), Operator::assume());
//! let now = Timestamp::from_millis(1_767_225_600_000);
//! let domain = Domain::parse("example.cloudonix.net")?;
//! let tenant = store.create_tenant(&operator, "Example", &domain, now).await?;
//! let mut tx = store.begin(&operator.config(tenant)).await?;
//! let mut members = Vec::new();
//! for (name, number) in [("Front desk", "+12125550001"), ("Back office", "+12125550002")] {
//!     let agent = AgentId::new(tx.mint().await?);
//!     tx.save_agent(&Agent::new(agent, name, Provider::parse("retell")?, Sealed::from_bytes(number))).await?;
//!     members.push(Member::new(MembershipId::new(tx.mint().await?), agent));
//! }
//! let group = Group::new(GroupId::new(tx.mint().await?), "Support", Strategy::RoundRobin, members);
//! tx.save_group(&group).await?;
//! let rule = RuleId::new(tx.mint().await?);
//! tx.save_inbound_rule(&InboundRule::new(rule, "+1212*".parse()?, Target::Group(group.id))).await?;
//! tx.commit(now).await?;
//!
//! let engine = Engine::new(Parts::in_memory(Arc::clone(&store), "https://cx.example.com"), &operator);
//! let gate = engine.gate(&domain).await?.ok_or("no such tenant")?;
//! let admitted = engine.admit_operator(&gate, &operator);
//! let arrival = Arrival { at: now, random: 7 };
//!
//! // What would happen, and why: nothing is counted.
//! let question = Question { to: "+12125559999".into(), from: String::new(), origin: Origin::Inbound, at: now };
//! let explanation = engine.explain(&admitted, &question, None).await?;
//! assert!(explanation.cxml.contains("+12125550001"));
//! assert_eq!(explanation.trace.rule.as_ref().map(|rule| rule.pattern.as_str()), Some("1212*"));
//!
//! // It arrives, and the first agent is dialled; the result comes to the action URL of that Dial.
//! let body = r#"{"Session":"s1","From":"+15551230000","To":"+12125559999","Direction":"inbound"}"#;
//! let answer = engine.voice_request(&admitted, &VoiceRequest::read(&Webhook::of(body)), arrival).await;
//! assert!(answer.as_str().contains("+12125550001"));
//! let query = format!("session=s1&attempt=1&agent={}&group={}", group.members[0].agent, group.id);
//! assert!(answer.as_str().contains(&query.replace('&', "&amp;")));
//! let webhook = Webhook { query: &query, ..Webhook::of(r#"{"Session":"s1","DialCallStatus":"no-answer"}"#) };
//! let answer = engine.dial_result(&admitted, &DialResult::read(&webhook), arrival).await;
//! assert!(answer.as_str().contains("+12125550002"));
//!
//! let body = r#"{"session":{"token":"s1"},"disposition":"ANSWER","billsec":42}"#;
//! engine.cdr(&admitted, &Cdr::read(&Webhook::of(body)), arrival).await?;
//! let mut reader = store.read(&operator.read(tenant)).await?;
//! let token = SessionToken::new("s1").ok_or("an empty token")?;
//! let detail = reader.call_detail(&token).await?.ok_or("no such call")?;
//! assert_eq!((detail.call.state, detail.call.duration), (CallState::Completed, Some(42)));
//! assert_eq!((detail.call.attempts.len(), detail.traces.len()), (2, 2));
//! let why = TraceText::new(&detail.traces[1], &reader.names().await?).to_string();
//! assert!(why.contains("Front desk: already tried in this call"));
//! # Ok(())
//! # }
//! ```

mod answer;
mod choose;
mod commit;
#[cfg(feature = "runtime")]
mod committer;
mod custom;
mod decide;
mod dial;
#[cfg(feature = "runtime")]
mod drain;
mod explain;
mod gate;
mod lanes;
mod outage;
mod patience;
mod publisher;
mod refresh;
mod replay;
mod route;
mod snapshot;
mod trace_text;
mod update;
mod voice;

pub use commit::Direct;
#[cfg(feature = "runtime")]
pub use committer::{CatchUp, Committer, CommitterCounts, CommitterOptions};
#[cfg(feature = "runtime")]
pub use drain::{Drained, Told, drain_spool};
pub use explain::{Explanation, Question};
pub use gate::{Admitted, Credentials, Gate, Knock, Refused};
pub use publisher::{PublishError, Publisher, Round};
pub use replay::{Distribution, Replay, Share};
pub use route::Origin;
pub use snapshot::{Ending, Snapshot};
pub use trace_text::{Plain, TraceText};

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
///
/// [`commit`](Parts::commit) must lead to [`store`](Parts::store): the engine writes signals through the one and reads
/// calls and configuration from the other. Who replaces the store replaces both:
///
/// ```
/// use std::sync::Arc;
/// use cxroute_core::engine::{Direct, Parts};
/// use cxroute_core::memory::{MemoryLive, MemoryStore};
/// use cxroute_core::port::Store;
/// use cxroute_core::secret::NoVault;
///
/// // Put a store of your own here.
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
/// let parts = Parts {
///     commit: Arc::new(Direct::new(Arc::clone(&store))),
///     store,
///     live: Arc::new(MemoryLive::new()),
///     vault: Arc::new(NoVault),
///     authenticator: None,
///     spool: None,
///     public_url: "https://cx.example.com".to_owned(),
/// };
/// ```
pub struct Parts {
    /// The durable truth.
    pub store: Arc<dyn Store>,
    /// The execution plane.
    pub live: Arc<dyn LiveState>,
    /// Where signals are made durable. It must lead to [`store`](Parts::store): [`Direct::new`] of the same store, or
    #[cfg_attr(
        feature = "runtime",
        doc = "[`Committer::start`] with it and, if there is one, the same spool."
    )]
    #[cfg_attr(
        not(feature = "runtime"),
        doc = "`Committer::start` (feature `runtime`) with it and, if there is one, the same spool."
    )]
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
    /// and as the base of a richer set: `Parts { vault, ..Parts::in_memory(store, url) }`. Both
    /// [`store`](Parts::store) and [`commit`](Parts::commit) are the given one: do not replace only one of them.
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
    /// How long a call waits for what only the store knows.
    patience: patience::Patience,
    /// Held while a gate is loaded, so that it is loaded once.
    loading: lanes::Lanes,
}

/// When a webhook arrived, and the randomness that its record's id takes if it makes one.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Now.
    pub at: Timestamp,
    /// Of which the lowest 11 bits go into an id: those of webhooks of one millisecond should differ.
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
    /// A secret did not seal or open. No method of the engine returns it at present: an agent whose secret does not open is
    /// disabled ([`Snapshot::compile`]), a signature secret that does not open is [`Refused::WrongSignature`], and a
    /// recorded answer that does not open is replaced. It is there for hosts that use a [`Vault`] themselves.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Answer {
    /// The document as text; it always is UTF-8.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.cxml).unwrap_or_default()
    }
}

impl Engine {
    /// An engine of these parts. The operator is the host's proof that it may serve every tenant of the store.
    pub fn new(parts: Parts, operator: &Operator) -> Self {
        Self {
            parts,
            operator: operator.again(),
            strategy: None,
            gates: Mutex::default(),
            spare: MemoryLive::new(),
            patience: patience::Patience::default(),
            loading: lanes::Lanes::default(),
        }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }
}
