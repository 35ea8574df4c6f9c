//! The outbox: reading what waits to be published, forgetting what was, giving up what nobody takes.

use cxroute_core::port::{OutboxId, Outgoing, StoreError};
use cxroute_store_sql::outbox::{GivenUp, OutboxColumns, SurplusColumns, beyond, give_up, told, waiting};
use sqlx::SqliteConnection;

use crate::error::Fault;
use crate::store::SqliteStore;

/// The most rows that are given up in one transaction: webhooks wait for it.
const ROWS: i64 = 2_000;

/// The oldest rows that have so many events together. Takes the limit twice.
const OLDEST: &str = "
SELECT o.id, o.tenant_id, o.events, o.size, o.told
FROM (SELECT id, sum(size) OVER (ORDER BY id) - size AS earlier
    FROM (SELECT id, size FROM outbox ORDER BY id LIMIT ?)) w
CROSS JOIN outbox o ON o.id = w.id
WHERE w.earlier < ? ORDER BY o.id";

/// Takes rows and bits of their events: first what was told of rows is noted, then those that were told whole go.
const TOLD: &str = "
UPDATE outbox SET told = told | (k.value->>1) FROM json_each(?) k WHERE outbox.id = k.value->>0";
const WHOLE: &str = "
DELETE FROM outbox WHERE id IN (SELECT value->>0 FROM json_each(?)) AND told = (1 << size) - 1";

/// Takes ids.
const FORGET: &str = "DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))";

/// How many events wait that are not given up.
const WAITING: &str = "SELECT COALESCE(sum(size), 0) FROM outbox WHERE events <> '\"gap\"'";

/// The oldest rows that do not tell a gap.
const SURPLUS: &str = "SELECT id, tenant_id, size FROM outbox WHERE events <> '\"gap\"' ORDER BY id LIMIT ?";

const MARK: &str = "
UPDATE outbox SET events = '\"gap\"', size = 1, told = 0 WHERE id IN (SELECT value FROM json_each(?))";

const MERGE: &str = "
DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM json_each(?) k JOIN outbox o ON o.tenant_id = k.value->>0 AND o.id < k.value->>1
    WHERE o.events = '\"gap\"')";

impl SqliteStore {
    /// The oldest events that wait.
    pub(crate) async fn oldest_events(&self, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        let rows: Vec<OutboxColumns> = sqlx::query_as(OLDEST)
            .bind(i64::from(limit))
            .bind(i64::from(limit))
            .fetch_all(self.readers())
            .await
            .map_err(fault)?;
        waiting(rows, limit)
    }

    /// They were published.
    pub(crate) async fn delete_events(&self, published: &[OutboxId]) -> Result<(), StoreError> {
        if published.is_empty() {
            return Ok(());
        }
        let rows = told(published);
        let mut transaction = self.writer().begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
        for sql in [TOLD, WHOLE] {
            sqlx::query(sql).bind(&rows).execute(&mut *transaction).await.map_err(fault)?;
        }
        transaction.commit().await.map_err(fault)
    }

    /// Gives up some of the events beyond the bound; how many.
    pub(crate) async fn give_up_events(&self) -> Result<u64, StoreError> {
        let most = i64::from(self.most_events());
        let waiting: i64 = sqlx::query_scalar(WAITING).fetch_one(self.readers()).await.map_err(fault)?;
        if waiting <= most {
            return Ok(0);
        }
        let rows: Vec<SurplusColumns> =
            sqlx::query_as(SURPLUS).bind(ROWS).fetch_all(self.readers()).await.map_err(fault)?;
        let rows = beyond(rows, waiting, most);
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
