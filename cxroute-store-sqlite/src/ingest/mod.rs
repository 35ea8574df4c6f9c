//! Group commit on SQLite: a batch's receipts and calls are read by a statement each, and what it comes to is written by
//! three texts.

mod write;

use async_trait::async_trait;
use cxroute_core::port::StoreError;
use cxroute_store_sql::batch::{Committer, Fold, Item, Outcome, Shelf, Wanted, Writer};
use cxroute_store_sql::codec::{Rows, to_document};
use sqlx::SqliteConnection;

use crate::call_row::{columns, select_calls};
use crate::error::Fault;
use crate::store::SqliteStore;

const RECEIPTS: &str = "SELECT k.value->>'at', r.choice, r.answer FROM json_each(?) k CROSS JOIN receipts r \
    ON r.tenant_id = k.value->>'tenant' AND r.session_token = k.value->>'token' \
    AND r.kind = k.value->>'kind' AND r.hash = unhex(k.value->>'hash')";

const CALLS: &str = select_calls!(
    " FROM json_each(?) k CROSS JOIN call_sessions s"
    " ON s.tenant_id = k.value->>0 AND s.session_token = k.value->>1"
    " CROSS JOIN call_records c ON c.tenant_id = s.tenant_id AND c.id = s.call_id"
);

const IDS: &str = "SELECT DISTINCT c.tenant_id, c.id FROM json_each(?) k CROSS JOIN call_records c \
    ON c.tenant_id = k.value->>0 AND c.id BETWEEN k.value->>1 AND k.value->>2";

#[async_trait]
impl Committer for SqliteStore {
    async fn commit(&self, items: &mut [Item]) -> Result<Vec<Outcome>, StoreError> {
        let away = |error: sqlx::Error| Fault::from(error).into_store("a batch of signals");
        let mut transaction = self.writer().begin_with("BEGIN IMMEDIATE").await.map_err(away)?;
        let known = self.known_tenants(&mut transaction, items.iter().map(Item::tenant)).await?;
        let mut fold = Fold::<Rows>::new(load(&mut transaction, items).await?, Writer::default());
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            outcomes.push(match known.contains(&item.tenant()) {
                true => Ok(fold.take(item)?),
                false => Err(StoreError::NoTenant(item.tenant())),
            });
        }
        write::write(&mut transaction, fold.into_rows()?).await?;
        transaction.commit().await.map_err(away)?;
        Ok(outcomes)
    }
}

/// Reads what a batch has to know.
async fn load(connection: &mut SqliteConnection, items: &[Item]) -> Result<Shelf, StoreError> {
    let (mut shelf, wanted) = (Shelf::default(), Wanted::of(items));
    if wanted.is_empty() {
        return Ok(shelf);
    }
    let failed = |what: &'static str| move |error: sqlx::Error| Fault::from(error).into_store(what);
    let receipts: Vec<(i64, i64, Option<Vec<u8>>)> = sqlx::query_as(RECEIPTS)
        .bind(wanted.receipts()?)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed("receipts"))?;
    for (at, choice, answer) in receipts {
        shelf.put_receipt(&wanted, at, choice, answer)?;
    }
    let calls = sqlx::query(CALLS).bind(wanted.calls()?).fetch_all(&mut *connection).await;
    for row in calls.map_err(failed("call_records"))? {
        shelf.put_call(columns(&row)?)?;
    }
    let ranges = wanted.ids(&shelf);
    if !ranges.is_empty() {
        let taken: Vec<(i64, i64)> = sqlx::query_as(IDS)
            .bind(to_document(&ranges, "call_records")?)
            .fetch_all(connection)
            .await
            .map_err(failed("call_records"))?;
        for (tenant, id) in taken {
            shelf.put_id(tenant, id)?;
        }
    }
    Ok(shelf)
}
