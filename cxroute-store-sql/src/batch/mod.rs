//! Group commit: signals of any tenants in one transaction, a result for each.
//!
//! A batch costs a constant number of statements. A store's [`Committer::commit`] opens a transaction, reads what
//! [`Wanted`] asks for into a [`Shelf`], gives it to a [`Fold`], which takes the signals one after the other, and writes
//! the [`BatchRows`] that come of it, a statement a table. [`ingest`] halves a batch that fails for one row's sake until
//! that row stands alone.

mod books;
mod fold;
mod ledger;
mod rows;
mod shelf;

use std::sync::Arc;

use async_trait::async_trait;
use cxroute_core::authority::IngestScope;
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::id::{CallId, TenantId};
use cxroute_core::port::StoreError;
use cxroute_core::time::Timestamp;

pub use self::books::BookRows;
pub use self::fold::Fold;
pub use self::ledger::{Ledger, entry_deltas};
pub use self::rows::BatchRows;
pub use self::shelf::{Shelf, Wanted};

/// Who writes a batch: what keeps rows of several servers apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Writer {
    /// The server's number.
    pub server: u16,
    /// The id before that of the first line of audit. A store that numbers them itself passes it over.
    pub audit_id: i64,
}

/// A signal with what can be made ready before the writer is waited for.
#[derive(Debug)]
pub struct Item {
    tenant: TenantId,
    signal: Signal,
    /// The id that it has drawn for a new call: a batch that is run again begins with it.
    drawn: Option<CallId>,
    /// The webhook without its secrets.
    payload: String,
}

impl Item {
    /// Whose it is.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// When it arrived.
    pub const fn received_at(&self) -> Timestamp {
        self.signal.received_at
    }
}

/// What became of one signal.
pub type Outcome = Result<Ingested, StoreError>;

/// A store that commits batches.
#[async_trait]
pub trait Committer: Sync {
    /// A webhook's payload as its database can keep it.
    fn kept(&self, payload: String) -> String {
        payload
    }

    /// Commits all of `items` or none; the outcomes are in their order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store is away, which no smaller batch would mend. Any other is the fault of one
    /// of the items.
    async fn commit(&self, items: &mut [Item]) -> Result<Vec<Outcome>, StoreError>;
}

/// Commits a batch; the outcomes are in its order.
pub async fn ingest<C: Committer + ?Sized>(
    store: &C,
    batch: Vec<(Arc<IngestScope>, Signal)>,
) -> Vec<Outcome> {
    let item = |(scope, mut signal): (Arc<IngestScope>, Signal)| Item {
        tenant: scope.tenant(),
        payload: store.kept(signal.audit.payload()),
        drawn: signal.new_call_id().copied(),
        signal,
    };
    let mut items: Vec<Item> = batch.into_iter().map(item).collect();
    let mut outcomes = Vec::with_capacity(items.len());
    let mut parts = Vec::from_iter((!items.is_empty()).then_some(0..items.len()));
    while let Some(part) = parts.pop() {
        match store.commit(&mut items[part.clone()]).await {
            Ok(committed) => outcomes.extend(committed),
            Err(StoreError::Unavailable { reason, retry }) => {
                let away = || Err(StoreError::Unavailable { reason: reason.clone(), retry });
                outcomes.resize_with(items.len(), away);
                break;
            }
            Err(error) if part.len() == 1 => outcomes.push(Err(error)),
            Err(_) => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
        }
    }
    outcomes
}
