//! The outbox: reading what waits to be published, forgetting what was, giving up what nobody takes.

use cxroute_core::port::{OutboxId, Outgoing, StoreError};
use cxroute_store_sql::outbox::{GivenUp, OutboxColumns, give_up, ids, outgoing};
use sqlx::SqliteConnection;

use crate::error::Fault;
use crate::store::SqliteStore;

/// The most rows that are given up in one transaction: webhooks wait for it.
const ROWS: i64 = 2_000;

const OLDEST: &str = "SELECT id, tenant_id, event FROM outbox ORDER BY id LIMIT ?";

const FORGET: &str = "DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))";

/// Rows beyond the bound that do not tell a gap.
const SURPLUS: &str = "
SELECT id, tenant_id FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - ? AND event <> '\"gap\"' ORDER BY id LIMIT ?";

const MARK: &str = "UPDATE outbox SET event = '\"gap\"' WHERE id IN (SELECT value FROM json_each(?))";

const MERGE: &str = "
DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM json_each(?) k JOIN outbox o ON o.tenant_id = k.value->>0 AND o.id < k.value->>1
    WHERE o.event = '\"gap\"')";

impl SqliteStore {
    /// The oldest events that wait.
    pub(crate) async fn oldest_events(&self, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        let rows: Vec<OutboxColumns> =
            sqlx::query_as(OLDEST).bind(i64::from(limit)).fetch_all(self.readers()).await.map_err(fault)?;
        rows.into_iter().map(outgoing).collect()
    }

    /// They were published.
    pub(crate) async fn delete_events(&self, published: &[OutboxId]) -> Result<(), StoreError> {
        if !published.is_empty() {
            sqlx::query(FORGET).bind(ids(published)).execute(self.writer()).await.map_err(fault)?;
        }
        Ok(())
    }

    /// Gives up some of the events beyond the bound; how many.
    pub(crate) async fn give_up_events(&self) -> Result<u64, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(SURPLUS)
            .bind(i64::from(self.most_events()))
            .bind(ROWS)
            .fetch_all(self.readers())
            .await
            .map_err(fault)?;
        let Some(given_up) = give_up(&rows) else { return Ok(0) };
        let mut transaction = self.writer().begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
        replace(&mut transaction, &given_up).await.map_err(fault)?;
        transaction.commit().await.map_err(fault)?;
        Ok(given_up.events)
    }
}

async fn replace(connection: &mut SqliteConnection, given_up: &GivenUp) -> Result<(), sqlx::Error> {
    for (sql, rows) in [(MERGE, &given_up.merged), (MARK, &given_up.marked), (FORGET, &given_up.gone)] {
        sqlx::query(sql).bind(rows).execute(&mut *connection).await?;
    }
    Ok(())
}

fn fault(error: sqlx::Error) -> StoreError {
    Fault::from(error).into_store("outbox")
}
