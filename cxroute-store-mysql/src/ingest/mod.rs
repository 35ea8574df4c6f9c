//! Group commit on MySQL: a batch is one text that begins a transaction, writes and commits, in one round trip; before it
//! goes another that locks and reads the calls and receipts that its signals ask for, unless they are calls' first ones.
//!
//! Two servers may take signals of one call at once. A call that is there is locked by whoever comes first; of two that
//! make it, the unique key of its token stops the second, whose transaction is run again, reads everything that its signals
//! ask for, and finds the call. Copies of a call's first signal, and deadlocks, end the same way.

pub(crate) mod write;

use async_trait::async_trait;
use cxroute_core::call::Ingested;
use cxroute_core::port::{Retry, StoreError};
use cxroute_store_sql::batch::{Committer, Fold, Item, Outcome, Shelf, Wanted};
use cxroute_store_sql::codec::{corrupt, key, to_document};
use sqlx::mysql::MySqlRow;
use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, MySql, MySqlConnection, Row as _};
use tokio::time::timeout;

use crate::call_row::{columns, select_calls};
use crate::error::{Fault, Kind, TRIES};
use crate::literal::Values;
use crate::packet::{Bound, Packet};
use crate::store::MySqlStore;

/// Locks the calls of a batch that are there, in the order of their tokens, and reads them. In a derived table of its own:
/// MySQL refuses to lock what comes out of `JSON_TABLE` itself.
pub(crate) const CALLS: &str = select_calls!(
    " FROM (SELECT j.tenant, j.token FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR,"
    " token LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]' ERROR ON ERROR)) j) k"
    " STRAIGHT_JOIN call_sessions s ON s.tenant_id = k.tenant AND s.session_token = CAST(k.token AS BINARY)"
    " STRAIGHT_JOIN call_records c ON c.tenant_id = s.tenant_id AND c.id = s.call_id FOR UPDATE"
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
        let mut reading = Reading::KnownCalls;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_commit(items, reading).await {
                Err(Failure::Raced(_)) if tries < TRIES => reading = Reading::Everything,
                Err(Failure::Raced(error) | Failure::Other(error)) => return Err(error),
                Ok(outcomes) => return Ok(outcomes),
            }
        }
    }
}

/// What a transaction reads before it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// What is asked for by signals that are no calls' first ones.
    KnownCalls,
    /// Whatever its signals ask for.
    Everything,
}

/// A connection that goes back to the others only when its transaction has ended.
struct Lent {
    connection: PoolConnection<MySql>,
    ended: Ended,
}

#[derive(PartialEq, Eq)]
enum Ended {
    Yes,
    No,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.ended == Ended::No {
            // Whatever it may still answer is nobody's.
            self.connection.close_on_drop();
        }
    }
}

impl MySqlStore {
    async fn try_commit(&self, items: &mut [Item], reading: Reading) -> Result<Vec<Outcome>, Failure> {
        let connection = self.writer().acquire().await.map_err(|error| Failure::of(error, BATCH))?;
        let mut lent = Lent { connection, ended: Ended::No };
        let done = timeout(self.patience(), self.transact(&mut lent.connection, items, reading)).await;
        let late = || {
            let reason = "it did not answer in time".to_owned();
            Err(Failure::Other(StoreError::Unavailable { reason, retry: Retry::Soon }))
        };
        let done = done.unwrap_or_else(|_| late());
        let ended = match &done {
            Ok(_) => true,
            Err(_) => timeout(self.patience(), lent.connection.execute("ROLLBACK"))
                .await
                .is_ok_and(|done| done.is_ok()),
        };
        lent.ended = if ended { Ended::Yes } else { Ended::No };
        done
    }

    async fn transact(
        &self,
        connection: &mut MySqlConnection,
        items: &mut [Item],
        reading: Reading,
    ) -> Result<Vec<Outcome>, Failure> {
        let known = self.known_tenants(connection, items.iter().map(Item::tenant)).await?;
        let mut packet = Packet::new(connection);
        packet.plain("START TRANSACTION");
        let shelf = load(&mut packet, items, reading).await?;
        let latest = items.iter().map(Item::received_at).max();
        let writer = self.writing(latest, items.len());
        let mut fold = Fold::<Values>::new(shelf, writer);
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            outcomes.push(match known.contains(&item.tenant()) {
                true => Ok(fold.take(item)?),
                false => Err(StoreError::NoTenant(item.tenant())),
            });
        }
        if reading == Reading::KnownCalls
            && outcomes.iter().any(|outcome| matches!(outcome, Ok(Ingested::Conflict(_))))
        {
            // It writes nothing that a unique key could refuse, and perhaps it is none once its call is read.
            return Err(Failure::Raced(StoreError::Conflict { what: BATCH.to_owned() }));
        }
        write::write(&mut packet, fold.into_rows()?).await?;
        packet.plain("COMMIT");
        packet.send().await.map_err(|error| Failure::of(error, "a signal"))?;
        self.folder().batch_committed();
        Ok(outcomes)
    }
}

/// Reads what a batch has to know, and locks its calls.
async fn load(packet: &mut Packet<'_>, items: &[Item], reading: Reading) -> Result<Shelf, Failure> {
    let wanted = match reading {
        Reading::KnownCalls => Wanted::of_known_calls(items),
        Reading::Everything => Wanted::of(items),
    };
    let mut shelf = Shelf::default();
    if wanted.is_empty() {
        return Ok(shelf);
    }
    // Calls before receipts: once a call is locked, its receipts stay as they are.
    packet.statement(CALLS, &[Bound::Text(&wanted.calls()?)]);
    packet.statement(RECEIPTS, &[Bound::Text(&wanted.receipts()?)]);
    let answers = packet.send().await.map_err(|error| Failure::of(error, BATCH))?;
    let [_begun, calls, receipts] = &answers[..] else {
        return Err(unexpected(&answers).into());
    };
    for row in calls {
        shelf.put_call(columns(row)?)?;
    }
    for row in receipts {
        let (at, choice, answer) = receipt(row).map_err(|error| Failure::of(error, "receipts"))?;
        shelf.put_receipt(&wanted, at, choice, answer)?;
    }
    if reading == Reading::Everything {
        ids(packet, &wanted, &mut shelf).await?;
    }
    Ok(shelf)
}

fn receipt(row: &MySqlRow) -> Result<(i64, i64, Option<Vec<u8>>), sqlx::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

fn unexpected(answers: &[Vec<MySqlRow>]) -> StoreError {
    corrupt(BATCH, format_args!("expected an answer a statement, got {}", answers.len()))
}

/// Reads which ids are taken: those beside a drawn one only if that is, which is rare. An id that is missed, because
/// two new calls of a batch have drawn the same, is met by the unique key, and known when the batch is run again.
async fn ids(packet: &mut Packet<'_>, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), Failure> {
    let what = "call_records";
    let ranges = wanted.ids(shelf);
    if ranges.is_empty() {
        return Ok(());
    }
    let drawn: Vec<(u64, u64)> = ranges.iter().map(|(tenant, first, _)| (*tenant, *first)).collect();
    packet.statement(TAKEN, &[Bound::Text(&to_document(&drawn, what)?)]);
    for (tenant, first) in keys(packet).await? {
        let last = ranges.iter().find(|range| (key(range.0), key(range.1)) == (tenant, first));
        let last = last.map_or(first, |range| key(range.2));
        packet.statement(IDS, &[Bound::Number(tenant), Bound::Number(first), Bound::Number(last)]);
        for (tenant, id) in keys(packet).await? {
            shelf.put_id(tenant, id)?;
        }
    }
    Ok(())
}

/// Sends the one statement that there is: tenants and ids.
async fn keys(packet: &mut Packet<'_>) -> Result<Vec<(i64, i64)>, Failure> {
    let failed = |error: sqlx::Error| Failure::of(error, "call_records");
    let answers = packet.send().await.map_err(failed)?;
    let [rows] = &answers[..] else { return Err(unexpected(&answers).into()) };
    let key = |row: &MySqlRow| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(|row| key(row).map_err(failed)).collect()
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
