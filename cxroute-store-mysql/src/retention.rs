//! Retention: calls that are older than their tenant keeps them go with everything of theirs. A month that is past what
//! every tenant keeps goes as a whole, which costs the same however many calls it has; of the others, calls are deleted by
//! their keys, a bounded number at a time.

use cxroute_core::port::{StoreError, Upkeep};
use cxroute_core::time::Timestamp;
use cxroute_store_sql::codec::to_document;
use cxroute_store_sql::retention::{Aged, CALLS, ROWS, TENANTS, usual_days};
use sqlx::{Executor as _, MySqlConnection};

use crate::error::Fault;
use crate::months;
use crate::store::MySqlStore;

/// Tenants and how long they keep calls. Takes the usual days, after whom, and the limit.
pub(crate) const KEEPING: &str = "
SELECT id, CAST(COALESCE(JSON_EXTRACT(settings, '$.retention_days'), ?) AS SIGNED) FROM tenants
WHERE id > ? ORDER BY id LIMIT ?";

/// Calls that are to go. One without a CDR stays while it counts as live. One that somebody has locked is somebody's
/// still. Takes the tenant, the least id, the id before which calls are too old, the present, and the limit.
macro_rules! old {
    ($columns:literal, $how:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM call_records FORCE INDEX (PRIMARY) WHERE tenant_id = ? AND id >= ? AND id < ?
             AND (cdr IS NOT NULL OR live_until <= ?) ORDER BY id LIMIT ?",
            $how
        )
    };
}

pub(crate) const ANY_OLD: &str = old!("id", "");
pub(crate) const OLD: &str = old!("id, CONVERT(session_token USING utf8mb4)", " FOR UPDATE SKIP LOCKED");

/// A statement on the rows of a table whose call is in a JSON array of ids. The tenant is bound last.
macro_rules! delete {
    ($table:literal, $id:literal) => {
        concat!(
            "DELETE r FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$' ERROR ON ERROR)) k STRAIGHT_JOIN ",
            $table,
            " r ON r.tenant_id = ? AND r.",
            $id,
            " = k.id"
        )
    };
}

/// What hangs on calls, and the calls.
pub(crate) const OF_CALLS: [&str; 2] = [delete!("call_sessions", "call_id"), delete!("call_records", "id")];

/// Their webhooks, by session token.
pub(crate) const OF_SESSIONS: &str = "
DELETE r FROM JSON_TABLE(?, '$[*]' COLUMNS (token LONGTEXT CHARACTER SET utf8mb4 PATH '$' ERROR ON ERROR)) k
STRAIGHT_JOIN webhook_audit r FORCE INDEX (webhook_audit_session)
    ON r.tenant_id = ? AND r.session_token = CAST(k.token AS BINARY)";

/// Webhooks that name no call. Takes the tenant, the id, and the limit.
pub(crate) const STRAY: &str = "
DELETE FROM webhook_audit WHERE tenant_id = ? AND id < ? AND NOT EXISTS (
    SELECT 1 FROM call_sessions s
    WHERE s.tenant_id = webhook_audit.tenant_id AND s.session_token = webhook_audit.session_token)
LIMIT ?";

/// How long calls are kept by whoever keeps them longest. Takes the usual days.
const LONGEST: &str = "
SELECT CAST(MAX(CAST(COALESCE(JSON_EXTRACT(settings, '$.retention_days'), ?) AS SIGNED)) AS SIGNED) FROM tenants";

/// The oldest of a tenant's calls before an id that is still live. Takes the tenant, the present, and the id.
pub(crate) const OLDEST_LIVE: &str = "
SELECT MIN(id) FROM call_records FORCE INDEX (call_records_live)
WHERE tenant_id = ? AND (live_status = TRUE OR live_status IS NULL) AND live_until > ? AND id < ? AND cdr IS NULL";

/// Ways to calls of months that go. Takes the tenant, the id, and the limit.
pub(crate) const SESSIONS: &str = "DELETE FROM call_sessions WHERE tenant_id = ? AND call_id < ? LIMIT ?";

/// Whoever drops months; nobody waits for it. Names of locks are the whole server's.
const LOCK: &str =
    "SELECT CAST(GET_LOCK(CONCAT('cxroute-months-', LEFT(SHA2(DATABASE(), 256), 40)), 0) AS SIGNED)";
const UNLOCK: &str = "DO RELEASE_LOCK(CONCAT('cxroute-months-', LEFT(SHA2(DATABASE(), 256), 40)))";

impl MySqlStore {
    /// Deletes some of what is too old.
    pub(crate) async fn retain(&self, now: Timestamp) -> Result<Upkeep, StoreError> {
        self.try_retain(now).await.map_err(|fault| fault.into_store("calls that are too old"))
    }

    async fn try_retain(&self, now: Timestamp) -> Result<Upkeep, Fault> {
        let mut connection = self.writer().acquire().await?;
        let (mut done, floor) = drop_months(&mut connection, now).await?;
        let page = keeping(&mut connection, self.round().after(), now).await?;
        let mut deleted = false;
        for aged in &page {
            let (calls, webhooks) = match retain_calls(&mut connection, *aged, floor, now).await? {
                0 => (0, retain_webhooks(&mut connection, *aged).await?),
                calls => (calls, 0),
            };
            deleted |= calls + webhooks > 0;
            done.calls += calls;
            done.webhooks += webhooks;
        }
        self.round().looked_at(&page, deleted);
        Ok(done)
    }
}

/// The tenants after this one, and what of theirs is too old.
async fn keeping(connection: &mut MySqlConnection, after: i64, now: Timestamp) -> Result<Vec<Aged>, Fault> {
    let keeping = sqlx::query_as(KEEPING).bind(usual_days()).bind(after).bind(TENANTS);
    let keeping: Vec<(i64, i64)> = keeping.fetch_all(connection).await?;
    keeping.into_iter().map(|(tenant, days)| aged(tenant, days, now)).collect()
}

fn aged(tenant: i64, days: i64, now: Timestamp) -> Result<Aged, Fault> {
    Aged::of(tenant, days, now).map_err(Fault::of_row)
}

/// Deletes some of a tenant's calls from the id `floor` on; how many.
async fn retain_calls(
    connection: &mut MySqlConnection,
    aged: Aged,
    floor: i64,
    now: Timestamp,
) -> Result<u64, Fault> {
    let Aged { tenant, id, .. } = aged;
    let any = sqlx::query_scalar(ANY_OLD).bind(tenant).bind(floor).bind(id).bind(now.as_millis()).bind(1_i64);
    let any: Option<i64> = any.fetch_optional(&mut *connection).await?;
    if any.is_none() {
        return Ok(0);
    }
    let mut transaction = sqlx::Connection::begin(connection).await?;
    let old = sqlx::query_as(OLD).bind(tenant).bind(floor).bind(id).bind(now.as_millis()).bind(CALLS);
    let old: Vec<(i64, String)> = old.fetch_all(&mut *transaction).await?;
    let (ids, tokens): (Vec<i64>, Vec<String>) = old.into_iter().unzip();
    let count = ids.len() as u64;
    let ids = to_document(&ids, "call_records").map_err(Fault::of_row)?;
    let tokens = to_document(&tokens, "call_records").map_err(Fault::of_row)?;
    let of_calls = OF_CALLS.into_iter().map(|delete| (delete, &ids));
    for (delete, keys) in of_calls.chain([(OF_SESSIONS, &tokens)]) {
        sqlx::query(delete).bind(keys).bind(tenant).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(count)
}

async fn retain_webhooks(connection: &mut MySqlConnection, aged: Aged) -> Result<u64, Fault> {
    let stray = sqlx::query(STRAY).bind(aged.tenant).bind(aged.id).bind(ROWS);
    Ok(stray.execute(connection).await?.rows_affected())
}

/// Drops the months that are past what every tenant keeps, once no session leads to them; what was done, and the id from
/// which on calls are deleted one by one.
async fn drop_months(connection: &mut MySqlConnection, now: Timestamp) -> Result<(Upkeep, i64), Fault> {
    let nothing = (Upkeep::default(), 0);
    let longest: Option<i64> =
        sqlx::query_scalar(LONGEST).bind(usual_days()).fetch_one(&mut *connection).await?;
    let Some(longest) = longest else { return Ok(nothing) };
    let past = months::begin(aged(0, longest, now)?.id)?;
    if !months::any_before(connection, past).await? {
        return Ok(nothing);
    }
    let locked: Option<i64> = sqlx::query_scalar(LOCK).fetch_one(&mut *connection).await?;
    if locked != Some(1) {
        return Ok((Upkeep::default(), past));
    }
    let done = drop_before(connection, past, now).await;
    // Should this fail, the lock goes with the connection.
    let unlocked = connection.execute(UNLOCK).await;
    let done = done?;
    unlocked?;
    Ok(done)
}

async fn drop_before(
    connection: &mut MySqlConnection,
    past: i64,
    now: Timestamp,
) -> Result<(Upkeep, i64), Fault> {
    let tenants: Vec<i64> = sqlx::query_scalar("SELECT id FROM tenants").fetch_all(&mut *connection).await?;
    let mut past = past;
    for tenant in &tenants {
        let live = sqlx::query_scalar(OLDEST_LIVE).bind(tenant).bind(now.as_millis()).bind(past);
        let live: Option<i64> = live.fetch_one(&mut *connection).await?;
        past = live.map_or(Ok(past), months::begin)?;
    }
    let mut done = Upkeep::default();
    if !months::any_before(connection, past).await? {
        return Ok((done, 0));
    }
    for tenant in tenants {
        let sessions = sqlx::query(SESSIONS).bind(tenant).bind(past).bind(ROWS);
        done.calls += sessions.execute(&mut *connection).await?.rows_affected();
        if done.calls > 0 {
            return Ok((done, past));
        }
    }
    done.dropped = months::drop_before(connection, past).await?;
    Ok((done, past))
}
