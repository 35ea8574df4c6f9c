//! Group commit on MySQL: a batch's calls are locked by one statement and read by the next, its receipts by a third, and
//! what it comes to is written by a statement a table.
//!
//! Two servers may take signals of one call at once. A call that is there is locked by whoever comes first; of two that
//! make it, the unique key of its token stops the second, whose transaction is run again and finds the call. Deadlocks
//! end the same way.

pub(crate) mod write;

use async_trait::async_trait;
use cxroute_core::port::{Retry, StoreError};
use cxroute_store_sql::batch::{Committer, Fold, Item, Outcome, Shelf, Wanted};
use cxroute_store_sql::codec::{key, to_document};
use sqlx::{Connection as _, MySqlConnection};
use tokio::time::timeout;

use crate::call_row::{columns, select_calls};
use crate::error::{Fault, Kind, TRIES};
use crate::store::MySqlStore;

/// Locks the calls of a batch that are there, in key order; which they are. In a derived table of its own: MySQL refuses to
/// lock what comes out of `JSON_TABLE` itself.
pub(crate) const LOCKS: &str = "
SELECT c.tenant_id, c.id
FROM (SELECT j.tenant, j.token FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR,
    token LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]' ERROR ON ERROR)) j) k
STRAIGHT_JOIN call_sessions s ON s.tenant_id = k.tenant AND s.session_token = CAST(k.token AS BINARY)
STRAIGHT_JOIN call_records c ON c.tenant_id = s.tenant_id AND c.id = s.call_id FOR UPDATE";

/// Calls that are locked, with their attempts: a statement of its own. One that locks sees calls as they are once it has
/// waited for them, and what it reads beside them as it was when it read the first.
pub(crate) const CALLS: &str = select_calls!(
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR, id BIGINT PATH '$[1]' ERROR ON ERROR)) k"
    " STRAIGHT_JOIN call_records c ON c.tenant_id = k.tenant AND c.id = k.id"
);

pub(crate) const RECEIPTS: &str = "
SELECT k.at, r.choice, r.answer
FROM JSON_TABLE(?, '$[*]' COLUMNS (at BIGINT PATH '$.at' ERROR ON ERROR, tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    token LONGTEXT CHARACTER SET utf8mb4 PATH '$.token' ERROR ON ERROR, kind LONGTEXT CHARACTER SET utf8mb4 PATH '$.kind' ERROR ON ERROR,
    hash LONGTEXT CHARACTER SET utf8mb4 PATH '$.hash' ERROR ON ERROR)) k
STRAIGHT_JOIN receipts r ON r.tenant_id = k.tenant AND r.session_token = CAST(k.token AS BINARY)
    AND r.kind = CONVERT(k.kind USING ascii) AND r.hash = UNHEX(k.hash)";

/// Which of the ids that new calls have drawn are taken.
pub(crate) const TAKEN: &str = "
SELECT c.tenant_id, c.id
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR, id BIGINT PATH '$[1]' ERROR ON ERROR)) k
STRAIGHT_JOIN call_records c ON c.tenant_id = k.tenant AND c.id = k.id";

/// The ids from one that is taken on: a statement of its own, since the databases find no range that is read from JSON.
pub(crate) const IDS: &str =
    "SELECT tenant_id, id FROM call_records WHERE tenant_id = ? AND id BETWEEN ? AND ?";

/// MariaDB's JSON goes 32 levels deep, MySQL's 100.
const DEEPEST: u32 = 30;

const BATCH: &str = "a batch of signals";

/// Why a batch was given up.
enum Failure {
    /// Another server was faster: run again, it may succeed.
    Raced(StoreError),
    Other(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

impl Failure {
    /// What a failed statement on `what` comes to.
    fn of(error: sqlx::Error, what: &str) -> Self {
        let fault = Fault::from(error);
        match fault.kind {
            Kind::Raced | Kind::Taken => Self::Raced(fault.into_store(what)),
            _ => Self::Other(fault.into_store(what)),
        }
    }
}

#[async_trait]
impl Committer for MySqlStore {
    fn kept(&self, payload: String) -> String {
        shallow(payload)
    }

    async fn commit(&self, items: &mut [Item]) -> Result<Vec<Outcome>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_commit(items).await {
                Err(Failure::Raced(_)) if tries < TRIES => {}
                Err(Failure::Raced(error) | Failure::Other(error)) => return Err(error),
                Ok(outcomes) => return Ok(outcomes),
            }
        }
    }
}

impl MySqlStore {
    async fn try_commit(&self, items: &mut [Item]) -> Result<Vec<Outcome>, Failure> {
        let mut connection = self.writer().acquire().await.map_err(|error| Failure::of(error, BATCH))?;
        match timeout(self.patience(), self.transact(&mut connection, items)).await {
            Ok(done) => done,
            Err(_) => {
                // Whatever it may still answer is nobody's.
                connection.close_on_drop();
                let reason = "it did not answer in time".to_owned();
                Err(Failure::Other(StoreError::Unavailable { reason, retry: Retry::Soon }))
            }
        }
    }

    async fn transact(
        &self,
        connection: &mut MySqlConnection,
        items: &mut [Item],
    ) -> Result<Vec<Outcome>, Failure> {
        let failed = |error: sqlx::Error| Failure::of(error, BATCH);
        let mut transaction = connection.begin().await.map_err(failed)?;
        let known = self.known_tenants(&mut transaction, items.iter().map(Item::tenant)).await?;
        let mut fold = Fold::new(load(&mut transaction, items).await?);
        let mut outcomes = Vec::with_capacity(items.len());
        let latest = items.iter().map(Item::received_at).max();
        let writer = self.writing(latest, items.len());
        for item in items {
            outcomes.push(match known.contains(&item.tenant()) {
                true => Ok(fold.take(item)?),
                false => Err(StoreError::NoTenant(item.tenant())),
            });
        }
        write::write(&mut transaction, writer, fold.into_rows()?).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(outcomes)
    }
}

/// Reads what a batch has to know, and locks its calls.
async fn load(connection: &mut MySqlConnection, items: &[Item]) -> Result<Shelf, Failure> {
    let (mut shelf, wanted) = (Shelf::default(), Wanted::of(items));
    if wanted.is_empty() {
        return Ok(shelf);
    }
    // Calls before receipts: once a call is locked, its receipts stay as they are.
    calls(connection, &wanted, &mut shelf).await?;
    let receipts: Vec<(i64, i64, Option<Vec<u8>>)> = sqlx::query_as(RECEIPTS)
        .bind(wanted.receipts()?)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| Failure::of(error, "receipts"))?;
    for (at, choice, answer) in receipts {
        shelf.put_receipt(&wanted, at, choice, answer)?;
    }
    ids(connection, &wanted, &mut shelf).await?;
    Ok(shelf)
}

/// Locks the batch's calls, then reads them.
async fn calls(connection: &mut MySqlConnection, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), Failure> {
    let what = "call_records";
    let failed = |error: sqlx::Error| Failure::of(error, what);
    let locked: Vec<(i64, i64)> =
        sqlx::query_as(LOCKS).bind(wanted.calls()?).fetch_all(&mut *connection).await.map_err(failed)?;
    if locked.is_empty() {
        return Ok(());
    }
    let locked = to_document(&locked, what)?;
    for row in sqlx::query(CALLS).bind(locked).fetch_all(&mut *connection).await.map_err(failed)? {
        shelf.put_call(columns(&row)?)?;
    }
    Ok(())
}

/// Reads which ids are taken: those beside a drawn one only if that is, which is rare. An id that is missed, because
/// two new calls of a batch have drawn the same, is met by the unique key, and known when the batch is run again.
async fn ids(connection: &mut MySqlConnection, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), Failure> {
    let what = "call_records";
    let failed = |error: sqlx::Error| Failure::of(error, what);
    let ranges = wanted.ids(shelf);
    if ranges.is_empty() {
        return Ok(());
    }
    let drawn: Vec<(u64, u64)> = ranges.iter().map(|(tenant, first, _)| (*tenant, *first)).collect();
    let taken: Vec<(i64, i64)> = sqlx::query_as(TAKEN)
        .bind(to_document(&drawn, what)?)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    for (tenant, first) in taken {
        let last = ranges.iter().find(|range| (key(range.0), key(range.1)) == (tenant, first));
        let last = last.map_or(first, |range| key(range.2));
        let ids: Vec<(i64, i64)> = sqlx::query_as(IDS)
            .bind(tenant)
            .bind(first)
            .bind(last)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        for (tenant, id) in ids {
            shelf.put_id(tenant, id)?;
        }
    }
    Ok(())
}

/// A payload as a JSON column can hold it: one that is nested deeper than the databases' JSON goes is kept as a text.
fn shallow(payload: String) -> String {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_u32, 0, false, false);
    for byte in payload.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if deepest <= DEEPEST { payload } else { to_document(&payload, "a payload").unwrap_or(payload) }
}

#[cfg(test)]
mod tests {
    use super::shallow;

    #[test]
    fn a_payload_that_is_nested_deeper_than_the_databases_go_is_kept_as_a_text() {
        let nested =
            |depth: usize| format!(r#"{{"a \" [[":{}1{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert_eq!(shallow(nested(30)), nested(30));
        assert_eq!(shallow(nested(31)), serde_json::to_string(&nested(31)).unwrap());
    }
}
