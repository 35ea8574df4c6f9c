//! The execution plane that any number of servers share: [`LiveState`] on Redis 7 and later, single, behind Sentinels, or
//! a cluster.
//!
//! # How it works
//!
//! A [`Plane`](cxroute_core::strategy::Plane) is deterministic, so servers need not share its state: they share the order
//! of its operations. Per tenant, Redis keeps a log of them. A server appends what is asked with one small script, as one
//! entry for all calls that wait, gets in the same answer what others have appended since, applies everything to its own
//! copy of the plane, and finds there what its operations came to. The rules are those of the library, on every server alike; Redis computes nothing, so a
//! choice costs it the same at ten members and at a thousand.
//!
//! - **A server that comes late** starts from a snapshot that others write now and then; the log is cut behind it.
//! - **A Redis that lost something** (it was started anew, a replica took over) is noticed by its run id, which every
//!   script compares: operations fail with [`LiveError::Lost`], the tenant is restored from the store into a new *epoch*,
//!   and what was meant for the old one does nothing.
//! - **A Redis that is away** fails with [`LiveError::Unavailable`] within
//!   [`patience`](RedisLiveOptions::patience), and at once while it stays away. What it is told meanwhile (that a choice is
//!   durable, made here or [elsewhere](LiveState::adopt), that a call has ended) it hears when it is back, and goes on. If
//!   that is more than this server keeps for it, the tenant is restored from the store into a new epoch.
//! - **A script that runs late**, after its caller has given up, finds its deadline passed and does nothing.
//! - **A choice whose server died** before it was durable is taken back by its lease, like everywhere.
//!
//! Time is Redis's: servers whose clocks differ do not disturb each other.
//!
//! # Keys
//!
//! All keys of a tenant begin with `tenant:{id}`, the braces included: in a cluster they share a slot. All have an expiry.
//!
//! | key | type | what |
//! |---|---|---|
//! | `tenant:{5}:plane` | hash | the plane's epoch, version, position |
//! | `tenant:{5}:plane:log` | stream | the operations since the snapshot before the last one |
//! | `tenant:{5}:plane:snapshot` | list | the state that a server starts from, in pieces |
//!
//! These are for people; no decision reads them. The server that made a choice writes them within two seconds, off the way
//! of calls, those of single calls for some 250 calls a second at most; a view of an older place in the log never replaces a
//! newer one.
//!
//! | key | type | what |
//! |---|---|---|
//! | `tenant:{5}:group:20:load_balanced:calls` | sorted set | agents, by their calls in the window |
//! | `tenant:{5}:group:20:load_balanced:window` | sorted set | `time:agent`: an agent was chosen in the step of the window that began then |
//! | `tenant:{5}:group:20:round_robin:current` | string | the agent that was chosen last |
//! | `tenant:{5}:routing:lock:TOKEN` | string | a choice is made and not yet known to be durable; ends with its lease |
//! | `tenant:{5}:webhook:idempotent:KIND:TOKEN:HASH` | string | `processing`, then `completed`, for 300 s |
//!
//! The keys of [`RedisEvents`] are listed there.

mod ask;
mod batch;
mod copy;
mod events;
mod keys;
mod link;
mod made;
mod mirror;
mod options;
mod owed;
mod replica;
mod script;
mod tenant;
mod tls;
mod url;
mod wire;

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use cxroute_core::authority::IngestScope;
use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::id::TenantId;
use cxroute_core::port::{LiveError, LiveState};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, PlaneImage, SessionImage, Settle, Settled,
};
use cxroute_core::time::Timestamp;
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use self::events::{RedisEvents, RedisEventsOptions};
pub use self::options::{PlaneClock, RedisLiveOptions};
pub use self::url::RedisUrlError;

use self::ask::{Ask, Asked, Reply};
use self::keys::Keys;
use self::link::Link;
use self::tenant::{RESTORING, Standing, Tenant};
use self::wire::Operation;

/// The execution plane in Redis.
pub struct RedisLive {
    link: Arc<Link>,
    options: RedisLiveOptions,
    tenants: RwLock<FxHashMap<TenantId, Door>>,
}

/// The way to a tenant's task.
#[derive(Clone)]
struct Door {
    asks: mpsc::UnboundedSender<Ask>,
    standing: Arc<Standing>,
}

impl RedisLive {
    /// The plane at `url`: `redis://[user:password@]host[:port][/db]`, `redis+cluster://host:port,host:port,…`, or
    /// `redis+sentinel://host:port,…/master-name[/db]`.
    ///
    /// With TLS it is `rediss://…`, `rediss+cluster://…` or `rediss+sentinel://…`. Every server, node and Sentinel must
    /// show a certificate of a public authority, or of one in the file of `?ca=FILE` (PEM), for the name or address
    /// under which it is reached; nodes of a cluster and masters are reached as Redis announces them. `&cert=FILE` and
    /// `&key=FILE` are what this side shows to a Redis that asks for it (`tls-auth-clients`). There is no way to
    /// believe just any certificate. The files are read once.
    ///
    /// It begins to connect on the current Tokio runtime and does not wait: until it is connected, and whenever Redis does
    /// not answer, operations fail with [`LiveError::Unavailable`].
    ///
    /// # Errors
    /// [`RedisUrlError`] says what was expected; it never quotes the URL, which may hold a password.
    pub fn open(url: &str, options: RedisLiveOptions) -> Result<Self, RedisUrlError> {
        let link = Arc::new(Link::open(url::source(url)?));
        Ok(Self { link, options, tenants: RwLock::default() })
    }

    fn door(&self, scope: &IngestScope) -> Door {
        let tenant = scope.tenant();
        let found = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        if let Some(door) = found.filter(|door| !door.asks.is_closed()) {
            return door;
        }
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = tenants.get(&tenant).filter(|door| !door.asks.is_closed()) {
            return door.clone();
        }
        let (asks, inbox) = mpsc::unbounded_channel();
        let standing = Arc::<Standing>::default();
        let task = Tenant::new(Arc::clone(&self.link), Keys::of(scope), self.options, Arc::clone(&standing));
        tokio::spawn(task.run(inbox));
        let door = Door { asks, standing };
        tenants.insert(tenant, door.clone());
        door
    }

    /// Asks and waits for the answer, for `patience` at most.
    async fn ask<T>(
        &self,
        scope: &IngestScope,
        patience: Duration,
        ask: impl FnOnce(Reply<T>) -> Ask,
    ) -> Result<T, LiveError> {
        let away = |reason: String| LiveError::Unavailable { reason };
        let (reply, answer) = oneshot::channel();
        let door = self.door(scope);
        door.asks.send(ask(reply)).map_err(|_| away("its task has just ended".to_owned()))?;
        match timeout(patience, answer).await {
            Ok(answered) => answered.map_err(|_| away("its task has ended".to_owned()))?,
            Err(_) => Err(away(format!("no answer within {} ms", patience.as_millis()))),
        }
    }

    /// Tells the plane something. Nobody waits until it has heard, unless it is known to be in trouble.
    async fn tell(
        &self,
        scope: &IngestScope,
        operation: Operation,
        now: Option<Timestamp>,
    ) -> Result<(), LiveError> {
        let door = self.door(scope);
        if door.standing.takes.load(Ordering::Relaxed) {
            let told = door.asks.send(Ask::Tell(operation, now, None));
            return told.map_err(|_| LiveError::Unavailable { reason: "its task has just ended".to_owned() });
        }
        self.ask(scope, self.options.patience, |reply| Ask::Tell(operation, now, Some(reply))).await
    }
}

#[async_trait]
impl LiveState for RedisLive {
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        let asked = Asked::of(request);
        self.ask(scope, self.options.patience, |reply| Ask::Choose(asked, reply)).await
    }

    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        let asked = Asked::of(request);
        self.ask(scope, self.options.patience, |reply| Ask::Preview(asked, reply)).await
    }

    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError> {
        let token = token.clone();
        self.ask(scope, self.options.patience, |reply| Ask::Settle(token, settle, now, reply)).await
    }

    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError> {
        let (token, answer) = (token.clone(), answer.clone());
        self.tell(scope, Operation::Complete { token, key, answer, open_until }, None).await
    }

    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError> {
        self.tell(scope, Operation::Retract { token: token.clone(), key }, None).await
    }

    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
        self.tell(scope, Operation::End { token: token.clone() }, Some(now)).await
    }

    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
        self.tell(scope, Operation::StopAttempts { token: token.clone() }, None).await
    }

    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
        self.tell(scope, Operation::Hydrate(image), None).await
    }

    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
        self.tell(scope, Operation::Adopt(adopted), Some(now)).await
    }

    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
        self.ask(scope, RESTORING, |reply| Ask::Restore(Box::new(image), reply)).await
    }
}
