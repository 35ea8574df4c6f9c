//! `LiveState`: the execution plane, where choices are made atomically.

use async_trait::async_trait;

use crate::authority::IngestScope;
use crate::call::{EventKey, SessionToken};
use crate::secret::Sealed;
use crate::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, PlaneImage, SessionImage, Settle, Settled,
};
use crate::time::Timestamp;

/// The execution plane: every operation is one atomic step for its tenant, however many servers share it.
///
/// # Contract
/// - An adapter is indistinguishable from [`Plane`](crate::strategy::Plane) under any sequence of operations.
/// - [`LiveError::Lost`] says that the plane has no state for this tenant: it never was loaded, or was lost. The operation
///   has done nothing. The caller reads the image from the store and calls [`LiveState::restore`]. No operation but
///   `restore` succeeds before that.
/// - After [`LiveError::Unavailable`] nothing is known of what was asked. A choice that was made all the same is taken
///   back when nobody confirms it within [`PROVISIONAL_LEASE`](crate::strategy::PROVISIONAL_LEASE). What was decided
///   without the plane meanwhile is told to it by [`LiveState::adopt`]. An adapter may keep what it was told, in order,
///   until the plane is back: every operation that returns `()` is harmless when it is late, or done twice.
/// - An operation that returns `()` may return before it is applied; it is applied before any later operation of the same
///   adapter instance on that tenant. An adapter that knows of no state for the tenant says so at once.
/// - Times are the caller's; the plane's own time is the latest it has seen.
#[async_trait]
pub trait LiveState: Send + Sync {
    /// Settles the previous attempt, chooses, and keeps the books: one atomic step (domain.md §3).
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError>;

    /// What [`LiveState::choose`] would answer, changing nothing.
    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError>;

    /// Ends an attempt without asking for another.
    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError>;

    /// The signal `key` is durable with `answer`: its attempt counts until `open_until`, copies get that answer.
    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError>;

    /// Takes back the choice that was made for `key` and not committed.
    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError>;

    /// The call has ended: its attempts free their caps, health is left alone, no further attempt is made.
    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError>;

    /// The session has ended, its results are still to come: no further attempt is made.
    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError>;

    /// Takes over what the store knows of a call that the plane did not know, or knew less of.
    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError>;

    /// Tells the plane of a choice that became durable without it: made elsewhere while it was away, or by an earlier life
    /// of it. It counts once, however often it is told.
    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError>;

    /// Gives the plane a tenant's state, unless it has one already: the first of several restorers wins.
    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError>;
}

/// Why the execution plane gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// It has no state for this tenant, and has done nothing: restore it.
    #[error("the execution plane has no state for this tenant")]
    Lost,
    /// It did not answer, or not in time; nothing is known of what was asked.
    #[error("the execution plane is away: {reason}")]
    Unavailable {
        /// Why, without secrets.
        reason: String,
    },
}
