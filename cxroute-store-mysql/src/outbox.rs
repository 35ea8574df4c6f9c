//! The outbox: reading what waits to be published, forgetting what was, giving up what nobody takes.

use cxroute_core::port::{OutboxId, Outgoing, StoreError};
use cxroute_store_sql::outbox::{GivenUp, OutboxColumns, SurplusColumns, beyond, give_up, told, waiting};
use sqlx::MySqlConnection;

use crate::error::Fault;
use crate::store::MySqlStore;

/// The most rows that are given up in one transaction: webhooks wait for it.
const ROWS: i64 = 2_000;

/// The oldest rows that have so many events together. Takes the limit twice.
pub(crate) const OLDEST: &str = "
SELECT o.id, o.tenant_id, o.events, CAST(o.size AS SIGNED), o.told
FROM (SELECT id, SUM(size) OVER (ORDER BY id) - size AS earlier
    FROM (SELECT id, size FROM outbox WHERE id > 0 ORDER BY id LIMIT ?) k) j
STRAIGHT_JOIN outbox o ON o.id = j.id
WHERE j.earlier < ? ORDER BY o.id";

/// Take rows and bits of their events. Rows that are told whole by that go; of the others it is noted.
pub(crate) const WHOLE: &str = "
DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, bits BIGINT PATH '$[1]' ERROR ON ERROR)) k
STRAIGHT_JOIN outbox o ON o.id = k.id AND (o.told | k.bits) = (1 << o.size) - 1";
pub(crate) const TOLD: &str = "
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, bits BIGINT PATH '$[1]' ERROR ON ERROR)) k
STRAIGHT_JOIN outbox o ON o.id = k.id SET o.told = o.told | k.bits";

/// Takes ids.
pub(crate) const FORGET: &str = "
DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$' ERROR ON ERROR)) k
STRAIGHT_JOIN outbox o ON o.id = k.id";

/// How many events wait that are not given up.
const WAITING: &str = "SELECT CAST(COALESCE(SUM(size), 0) AS SIGNED) FROM outbox WHERE events <> '\"gap\"'";

/// The oldest rows that do not tell a gap. Takes the limit.
pub(crate) const SURPLUS: &str = "SELECT id, tenant_id, CAST(size AS SIGNED) FROM outbox WHERE id > 0 AND events <> '\"gap\"' ORDER BY id LIMIT ?";

/// Takes ids.
pub(crate) const MARK: &str = "
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$' ERROR ON ERROR)) k
STRAIGHT_JOIN outbox o ON o.id = k.id SET o.events = '\"gap\"', o.size = 1, o.told = 0";

/// Takes `[tenant, id]`s.
pub(crate) const MERGE: &str = "
DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR,
    id BIGINT PATH '$[1]' ERROR ON ERROR)) k
STRAIGHT_JOIN outbox o ON o.tenant_id = k.tenant AND o.id < k.id AND o.events = '\"gap\"'";

impl MySqlStore {
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
        let mut connection = self.writer().acquire().await.map_err(fault)?;
        // In this order each does its part by itself: what is left between them is told a second time at most.
        for sql in [WHOLE, TOLD] {
            sqlx::query(sql).bind(&rows).execute(&mut *connection).await.map_err(fault)?;
        }
        Ok(())
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
