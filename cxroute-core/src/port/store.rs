//! `Store`: the durable truth. Configuration is read and written as whole aggregates; calls change only by signals.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::events::{OutboxId, Outgoing};
use crate::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use crate::call::{Call, EventKey, HistoryEntry, Ingested, SessionToken, Signal, Trace};
use crate::config::{
    Agent, ConfigError, Configuration, Domain, Group, InboundRule, OutboundRule, Pool, Tenant,
};
use crate::id::{AgentId, CallId, GroupId, PoolId, RuleId, TenantId};
use crate::secret::Sealed;
use crate::strategy::PlaneImage;
use crate::time::Timestamp;

/// The durable truth.
///
/// # Contract
/// - What a method acknowledges is durable: it survives `kill -9` and a power cut. Only
///   [`MemoryStore`](crate::memory::MemoryStore), the executable specification of all the rest, is excepted: what it holds
///   ends with its process.
/// - No method takes a tenant's id: the scope names the tenant, and nothing of another tenant is ever read or written.
///   Another tenant's id gives the same answer as an unknown one.
/// - Errors are named by meaning; not found is `Ok(None)`.
/// - Configuration changes of one tenant happen one after the other; each commit raises the revision by one.
#[async_trait]
pub trait Store: Send + Sync {
    /// Commits signals in one transaction (group commit): per signal the receipt, the [`step`](crate::call::step) on the
    /// locked call, history, attempts, trace, the plane's books, rollups, outbox and audit. Results come in order, one
    /// per signal; one that fails does not fail its neighbours. Signals are taken in order: a later one of a call meets
    /// what an earlier one left, and two with one key are copies.
    ///
    /// - [`Ingested::Committed`]: an update of an unknown call leaves receipt and audit, and creates no call. A signal
    ///   without a token leaves the audit alone. A new call whose id another call of the tenant has gets the next free
    ///   one ([`Signal::new_call_id`]).
    /// - [`Ingested::Duplicate`]: a receipt with this key exists; only the audit is written.
    /// - [`Ingested::Conflict`]: nothing is written.
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>>;

    /// Opens a reading handle: one consistent view is promised per method, not across them.
    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError>;

    /// Opens a configuration transaction; dropping it rolls back.
    ///
    /// It waits while another transaction of the tenant is open. A task that begins a second one before it has committed
    /// or dropped the first waits for itself: a deadlock.
    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError>;

    /// Creates a tenant with default settings and no webhook keys.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the domain is taken, [`StoreError::Invalid`] if [`Configuration::check`] refuses the
    /// name.
    async fn create_tenant(
        &self,
        operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError>;

    /// The tenant of a domain.
    async fn tenant_by_domain(
        &self,
        operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError>;

    /// Every tenant's configuration revision: what servers poll once a second. One cheap statement.
    async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError>;

    /// The oldest events that wait to be published, of all tenants: at most `limit`, which is at least 1. Events of one call
    /// come in the order of their steps, and again until they are forgotten; one that is there may come before one of
    /// another call that was committed earlier.
    ///
    /// A store keeps a bounded number of events that nobody takes. Of a tenant whose events it has given up it tells
    /// [`News::Gap`](super::News::Gap) in their place.
    ///
    /// As provided, nothing ever waits: for a store that has no outbox. **A wrapper must forward it.**
    async fn outbox(&self, operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        let _nothing_waits = (operator, limit);
        Ok(Vec::new())
    }

    /// Forgets events that were published. Unknown ids are passed over.
    ///
    /// As provided, it does nothing. **A wrapper must forward it.**
    async fn forget_events(&self, operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        let _nothing_waits = (operator, ids);
        Ok(())
    }

    /// Deletes some of what no promise needs any longer, and makes ready what the next days need. It takes so little at a
    /// time that webhooks do not wait; servers call it every minute, and again until it says that nothing was to be done.
    /// Several may call it at once.
    ///
    /// What goes: receipts 48 hours after they were taken, unless their call is live; what has left the longest window
    /// (168 hours); events that nobody took, beyond a bound; and calls that are, by their id, older than their tenant's
    /// [`retention_days`](crate::config::TenantSettings::retention_days), with everything of theirs, as well as webhooks of
    /// that age that name no call. A call without a CDR stays while it counts as live, however old it is, and figures stay
    /// for ever. What comes for a call that has gone is new: no copy of anything.
    ///
    /// As provided, it does nothing and returns `Ok` with zeros. **A wrapper must forward it**: one that does not keeps the
    /// store within from ever being tidied; the compiler cannot see that, the conformance kit does.
    async fn upkeep(&self, operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
        let _nothing_to_do = (operator, now);
        Ok(Upkeep::default())
    }
}

/// What [`Store::upkeep`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Receipts that were deleted.
    pub receipts: u64,
    /// Window counts that were deleted: one a step and agent.
    pub window_steps: u64,
    /// Partitions that were made for calls to come.
    pub partitions: u64,
    /// Events that were given up, as nobody took them.
    pub events: u64,
    /// Calls that were deleted with everything of theirs.
    pub calls: u64,
    /// Webhooks of no call that were deleted.
    pub webhooks: u64,
    /// Partitions that were dropped, since every call in them was to go.
    pub dropped: u64,
}

impl Upkeep {
    /// Whether nothing was to be done.
    pub fn is_done(&self) -> bool {
        *self == Self::default()
    }
}

/// A reading handle on one tenant.
pub trait TenantRead: ConfigReader + CallReader {}

impl<T: ConfigReader + CallReader + ?Sized> TenantRead for T {}

/// Reads configuration.
#[async_trait]
pub trait ConfigReader: Send {
    /// The tenant.
    async fn tenant(&mut self) -> Result<Tenant, StoreError>;

    /// The configuration's revision.
    async fn revision(&mut self) -> Result<u64, StoreError>;

    /// The whole configuration at one revision: every list in order of id.
    async fn configuration(&mut self) -> Result<Configuration, StoreError>;

    /// What changed after `revision`, so that one rule among a million need not reload the others.
    /// [`Changes::Everything`] if the store no longer knows, if anything but rules has changed, or if it never was at
    /// that revision. Changes come in the order in which they were made.
    async fn changes_since(&mut self, revision: u64) -> Result<Changes, StoreError>;

    /// The names of every agent and group, deleted ones included: what call records show beside ids.
    async fn names(&mut self) -> Result<Names, StoreError>;
}

/// What agents and groups are called, or were when they were deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By agent.
    pub agents: BTreeMap<AgentId, String>,
    /// By group.
    pub groups: BTreeMap<GroupId, String>,
}

/// What changed in a configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Changes {
    /// Only these; the configuration is now at that revision.
    Rules {
        /// The revision that these changes lead to.
        revision: u64,
        /// In order.
        changes: Vec<Change>,
    },
    /// Read it all again.
    Everything,
}

/// A rule that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "changes are few, and gone as soon as they are applied")]
pub enum Change {
    /// An inbound rule.
    Inbound(RuleChange<InboundRule>),
    /// An outbound rule.
    Outbound(RuleChange<OutboundRule>),
}

/// A rule before and after its change; none where it was not there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleChange<R> {
    /// As it was.
    pub before: Option<R>,
    /// As it is.
    pub after: Option<R>,
}

/// Reads calls.
#[async_trait]
pub trait CallReader: Send {
    /// A call by its token.
    async fn call(&mut self, token: &SessionToken) -> Result<Option<Call>, StoreError>;

    /// A call with its history and traces.
    async fn call_detail(&mut self, token: &SessionToken) -> Result<Option<CallDetail>, StoreError>;

    /// Calls, newest (by id) first, after (older than) `page.after`; as many as `page.limit`, fewer only at the end.
    async fn calls(&mut self, filter: &CallFilter, page: Page) -> Result<Vec<Call>, StoreError>;

    /// The sealed answer that a signal was given.
    async fn answer(&mut self, token: &SessionToken, key: EventKey) -> Result<Option<Sealed>, StoreError>;

    /// What the execution plane is rebuilt from: the books ([`Books`](crate::strategy::Books)), and every call that is live
    /// at `now`: not terminal, and with `live_until` after `now`. Lists are in no particular order.
    async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError>;

    /// The webhooks of a call as they were kept, copies too, in the order in which they were taken.
    async fn audit(&mut self, token: &SessionToken) -> Result<Vec<AuditEntry>, StoreError>;

    /// How many webhooks are kept, those that name no call included.
    async fn audit_count(&mut self) -> Result<u64, StoreError>;
}

/// A call with everything that is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallDetail {
    /// The record.
    pub call: Call,
    /// What happened, in order.
    pub history: Vec<HistoryEntry>,
    /// Why it went where it went: one trace per decision, in order.
    pub traces: Vec<Arc<Trace>>,
}

/// Which calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only those whose last attempt was this agent's.
    pub agent: Option<AgentId>,
    /// Only those whose last attempt was this group's.
    pub group: Option<GroupId>,
    /// Only those received at or after this.
    pub from: Option<Timestamp>,
    /// Only those received before this.
    pub until: Option<Timestamp>,
}

/// A keyset page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only calls older than this one.
    pub after: Option<CallId>,
    /// At most so many: 1 to 10,000.
    pub limit: u32,
}

/// A webhook as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Which webhook.
    pub event_type: String,
    /// The call; empty if it named none.
    pub session_token: String,
    /// JSON text without secrets. White space and the order of keys are the store's: databases lay JSON out anew.
    pub payload: String,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// A configuration transaction on one tenant. Whole aggregates in; [`TenantTx::commit`] consumes it, dropping it rolls
/// back. Ids come from [`TenantTx::mint`], so that secrets can be sealed for their rows before they are saved.
#[async_trait]
pub trait TenantTx:
    TenantRead + TenantWriter + PoolWriter + AgentWriter + GroupWriter + RuleWriter + Send
{
    /// A new id for an aggregate of any kind: 1 to 2⁵³ − 1, unique within the tenant, and never given again once this
    /// transaction has committed, whether it was used or not.
    async fn mint(&mut self) -> Result<u64, StoreError>;

    /// Commits; the new revision. A transaction that changes nothing (nothing was saved, or only what was there) keeps
    /// the revision. Only the whole is checked, and only here: the order of saves does not matter, names can be
    /// swapped. What is refused leaves nothing behind.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the configuration as a whole is not valid ([`Configuration::check`]).
    async fn commit(self: Box<Self>, at: Timestamp) -> Result<u64, StoreError>;
}

/// Writes the tenant itself.
#[async_trait]
pub trait TenantWriter: Send {
    /// Saves name, settings and keys; the domain is fixed.
    async fn save_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError>;
}

/// Writes pools.
#[async_trait]
pub trait PoolWriter: Send {
    /// Creates or replaces a pool.
    async fn save_pool(&mut self, pool: &Pool) -> Result<(), StoreError>;

    /// Deletes a pool; whether there was one.
    async fn delete_pool(&mut self, id: PoolId) -> Result<Deleted, StoreError>;
}

/// Writes agents.
#[async_trait]
pub trait AgentWriter: Send {
    /// Creates or replaces an agent.
    async fn save_agent(&mut self, agent: &Agent) -> Result<(), StoreError>;

    /// Deletes an agent: it is gone from configuration, calls that name it keep its name.
    async fn delete_agent(&mut self, id: AgentId) -> Result<Deleted, StoreError>;
}

/// Writes groups with their members.
#[async_trait]
pub trait GroupWriter: Send {
    /// Creates or replaces a group and its members.
    async fn save_group(&mut self, group: &Group) -> Result<(), StoreError>;

    /// Deletes a group with its memberships: calls that name it keep its name.
    async fn delete_group(&mut self, id: GroupId) -> Result<Deleted, StoreError>;
}

/// Writes rules.
#[async_trait]
pub trait RuleWriter: Send {
    /// Creates or replaces an inbound rule.
    async fn save_inbound_rule(&mut self, rule: &InboundRule) -> Result<(), StoreError>;

    /// Deletes an inbound rule.
    async fn delete_inbound_rule(&mut self, id: RuleId) -> Result<Deleted, StoreError>;

    /// Creates or replaces an outbound rule.
    async fn save_outbound_rule(&mut self, rule: &OutboundRule) -> Result<(), StoreError>;

    /// Deletes an outbound rule.
    async fn delete_outbound_rule(&mut self, id: RuleId) -> Result<Deleted, StoreError>;
}

/// Whether a deletion found something to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It did.
    Gone,
    /// There was nothing of that id.
    NotFound,
}

/// Why a store refused or failed, by meaning.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something unique is taken.
    #[error("{what} is taken")]
    Conflict {
        /// What, for example `domain example.cloudonix.net`.
        what: String,
    },
    /// The configuration as a whole is not valid.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
    /// The tenant of the scope does not exist.
    #[error("there is no tenant {0}")]
    NoTenant(TenantId),
    /// The store did not answer, or not in time; nothing is known of what was asked.
    #[error("the store is away: {reason}")]
    Unavailable {
        /// Why, without secrets.
        reason: String,
        /// Whether trying again soon makes sense.
        retry: Retry,
    },
    /// What is stored cannot be read back.
    #[error("{what} is corrupt: {reason}")]
    Corrupt {
        /// What, for example `call_records 17`.
        what: String,
        /// Why, without its content.
        reason: String,
    },
}

/// Whether trying again soon makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It does: a lock, a connection, a time-out.
    Soon,
    /// Not before somebody has mended it: disk full, read-only, no permission.
    AfterMending,
}
