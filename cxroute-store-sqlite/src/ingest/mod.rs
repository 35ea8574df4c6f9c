//! Group commit: signals of any tenants in one transaction, a result for each.
//!
//! A batch costs a constant number of statements: its receipts and calls are read by one each, the effects are folded
//! in memory by [`cxroute_core::call::step`], and written by one text whose statements take a JSON array of rows each.
//! A batch that fails for one row's sake is halved until that row stands alone.

mod books;
mod fold;
mod load;
mod rows;
mod write;

use std::sync::Arc;

use cxroute_core::authority::IngestScope;
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::id::TenantId;
use cxroute_core::port::StoreError;

use self::fold::Fold;
use crate::error::Fault;
use crate::store::SqliteStore;

/// A signal with what can be made ready before the writer is waited for.
pub(crate) struct Item {
    tenant: TenantId,
    signal: Signal,
    /// The webhook without its secrets.
    payload: String,
}

type Outcome = Result<Ingested, StoreError>;

impl SqliteStore {
    /// Commits a batch; the results are in its order.
    pub(crate) async fn ingest_batch(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Outcome> {
        let item = |(scope, signal): (Arc<IngestScope>, Signal)| Item {
            tenant: scope.tenant(),
            payload: signal.audit.payload(),
            signal,
        };
        let mut items: Vec<Item> = batch.into_iter().map(item).collect();
        let mut outcomes = Vec::with_capacity(items.len());
        let mut parts = Vec::from_iter((!items.is_empty()).then_some(0..items.len()));
        while let Some(part) = parts.pop() {
            match self.commit(&mut items[part.clone()]).await {
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

    /// Commits all of `items` or none.
    async fn commit(&self, items: &mut [Item]) -> Result<Vec<Outcome>, StoreError> {
        let away = |error: sqlx::Error| Fault::from(error).into_store("a batch of signals");
        let mut transaction = self.writer().begin_with("BEGIN IMMEDIATE").await.map_err(away)?;
        let known = self.known_tenants(&mut transaction, items.iter().map(|item| item.tenant)).await?;
        let mut fold = Fold::new(load::load(&mut transaction, items).await?);
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            outcomes.push(match known.contains(&item.tenant) {
                true => Ok(fold.take(item)?),
                false => Err(StoreError::NoTenant(item.tenant)),
            });
        }
        write::write(&mut transaction, fold.into_rows()?).await?;
        transaction.commit().await.map_err(away)?;
        Ok(outcomes)
    }
}
