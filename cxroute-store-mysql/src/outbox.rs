//! The outbox: reading what waits to be published, forgetting what was, giving up what nobody takes.

use cxroute_core::port::{OutboxId, Outgoing, StoreError};
use cxroute_store_sql::outbox::{GivenUp, OutboxColumns, give_up, ids, outgoing};
use sqlx::MySqlConnection;

use crate::error::Fault;
use crate::store::MySqlStore;

/// The most rows that are given up in one transaction: webhooks wait for it.
const ROWS: i64 = 2_000;

/// Takes the limit.
pub(crate) const OLDEST: &str = "SELECT id, tenant_id, event FROM outbox WHERE id > 0 ORDER BY id LIMIT ?";

/// Takes ids.
pub(crate) const FORGET: &str = "
DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$' ERROR ON ERROR)) k
STRAIGHT_JOIN outbox o ON o.id = k.id";

/// Rows beyond the bound that do not tell a gap. Takes the bound, then the limit.
pub(crate) const SURPLUS: &str = "
SELECT id, tenant_id FROM outbox
WHERE id <= (SELECT * FROM (SELECT MAX(id) FROM outbox) latest) - ? AND event <> '\"gap\"' ORDER BY id LIMIT ?";

/// Takes ids.
pub(crate) const MARK: &str = "
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$' ERROR ON ERROR)) k
STRAIGHT_JOIN outbox o ON o.id = k.id SET o.event = '\"gap\"'";

/// Takes `[tenant, id]`s.
pub(crate) const MERGE: &str = "
DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR,
    id BIGINT PATH '$[1]' ERROR ON ERROR)) k
STRAIGHT_JOIN outbox o ON o.tenant_id = k.tenant AND o.id < k.id AND o.event = '\"gap\"'";

impl MySqlStore {
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
        let mut transaction = self.writer().begin().await.map_err(fault)?;
        replace(&mut transaction, &given_up).await.map_err(fault)?;
        transaction.commit().await.map_err(fault)?;
        Ok(given_up.events)
    }
}

async fn replace(connection: &mut MySqlConnection, given_up: &GivenUp) -> Result<(), sqlx::Error> {
    for (sql, rows) in [(MERGE, &given_up.merged), (MARK, &given_up.marked), (FORGET, &given_up.gone)] {
        sqlx::query(sql).bind(rows).execute(&mut *connection).await?;
    }
    Ok(())
}

fn fault(error: sqlx::Error) -> StoreError {
    Fault::from(error).into_store("outbox")
}
