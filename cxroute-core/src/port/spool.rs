//! `Spool`: where signals wait on this server's own disk while the store is away, and the last snapshot of each tenant.

use std::sync::Arc;

use async_trait::async_trait;

use crate::authority::IngestScope;
use crate::call::{SessionToken, Signal};
use crate::config::{Configuration, Domain};
use crate::id::TenantId;

/// A durable queue of signals on this server's own disk (domain.md §7), which one server owns at a time.
///
/// # Contract
/// - What [`Spool::append`] acknowledges survives `kill -9` and a power cut; what it refuses is not kept.
/// - [`Spool::oldest`] gives signals in the order in which they were appended, and gives them again until
///   [`Spool::remove`] or [`Spool::set_aside`] acknowledges that they have been dealt with: draining happens at least
///   once, and the store's receipt makes it once.
/// - It holds signals, never statements: what they do to a call is decided when they are drained.
/// - A signal that cannot be read back is set aside by itself; it never keeps the others from draining.
#[async_trait]
pub trait Spool: Send + Sync {
    /// Appends signals in order, all or none; they are durable on return. A signal's `Serialize` form is redacted: what
    /// is written holds no secret of a payload.
    ///
    /// # Errors
    /// [`SpoolError::Full`] at the size limit or on a full disk, [`SpoolError::Unavailable`] otherwise.
    async fn append(&self, batch: &[(Arc<IngestScope>, Signal)]) -> Result<(), SpoolError>;

    /// At most `limit` signals that wait, oldest first.
    async fn oldest(&self, limit: usize) -> Result<Vec<Spooled>, SpoolError>;

    /// Forgets signals that the store has taken. Unknown ids, and those of signals that were set aside, are passed over.
    async fn remove(&self, ids: &[SpoolId]) -> Result<(), SpoolError>;

    /// Keeps a signal for inspection, but no longer gives it: the store refuses it for its own sake, and will again.
    /// `reason` is kept beside it and must not contain secrets. An unknown id is passed over.
    async fn set_aside(&self, id: SpoolId, reason: &str) -> Result<(), SpoolError>;

    /// Whether signals of this session wait, so that its later ones have to queue behind them. Answered from memory;
    /// `true` from the moment [`Spool::append`] is called with such a signal until the last one is removed or set aside.
    fn holds(&self, scope: &IngestScope, token: &SessionToken) -> bool;

    /// How much waits. Answered from memory.
    fn level(&self) -> SpoolLevel;

    /// Whether nothing waits.
    fn is_empty(&self) -> bool {
        self.level().signals == 0
    }

    /// Keeps `configuration` as the last one known of its tenant, in place of an older one or one of the same
    /// revision; an older revision than the one that is kept changes nothing. Its secrets are sealed.
    async fn save_snapshot(&self, configuration: &Configuration) -> Result<(), SpoolError>;

    /// The last configuration known of the tenant of `domain`.
    async fn snapshot(&self, domain: &Domain) -> Result<Option<Configuration>, SpoolError>;

    /// The domains whose configurations are kept, at most `most`: those that take the most room first, since they take
    /// longest to load. A server that starts loads them before their first calls come.
    async fn domains(&self, most: usize) -> Result<Vec<Domain>, SpoolError>;
}

/// Names a spooled signal: ids rise in the order of appending and are never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpoolId(u64);

impl SpoolId {
    /// The id with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A signal that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Spooled {
    /// Names it.
    pub id: SpoolId,
    /// Its tenant: the drainer mints the scope.
    pub tenant: TenantId,
    /// The signal as it was appended.
    pub signal: Signal,
}

/// How much waits in a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolLevel {
    /// Signals that wait.
    pub signals: u64,
    /// The room that they take, in bytes of the spool's own form; those set aside do not count.
    pub bytes: u64,
    /// Signals that were set aside.
    pub set_aside: u64,
}

/// Why a spool refused or failed, by meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// Another server owns the folder.
    #[error("the spool in {folder} is in use by another server; give each server a spool folder of its own")]
    Locked {
        /// The folder.
        folder: String,
    },
    /// There is no room: the size limit is reached, or the disk is full.
    #[error("the spool is full: {reason}")]
    Full {
        /// Which limit.
        reason: String,
    },
    /// It could not be read or written.
    #[error("the spool is away: {reason}")]
    Unavailable {
        /// Why, without secrets.
        reason: String,
    },
    /// What is stored cannot be read back.
    #[error("{what} is corrupt: {reason}")]
    Corrupt {
        /// What, for example `snapshots example.cloudonix.net`.
        what: String,
        /// Why, without its content.
        reason: String,
    },
}
