//! Retention: calls that are older than their tenant keeps them go with everything of theirs, a bounded number at a time.

use cxroute_core::port::{StoreError, Upkeep};
use cxroute_core::time::Timestamp;
use cxroute_store_sql::codec::to_document;
use cxroute_store_sql::retention::{Aged, CALLS, ROWS, TENANTS, usual_days};

use crate::error::Fault;
use crate::store::SqliteStore;

/// Tenants and how long they keep calls. Takes the usual days, after whom, and the limit.
const KEEPING: &str = "
SELECT id, CAST(COALESCE(settings->>'retention_days', ?) AS INTEGER) FROM tenants WHERE id > ? ORDER BY id LIMIT ?";

/// Calls that are to go. One without a CDR stays while it counts as live.
const OLD: &str = "
SELECT id, session_token FROM call_records
WHERE tenant_id = ?1 AND id < ?2 AND (cdr IS NOT NULL OR live_until <= ?3) ORDER BY id LIMIT ?4";

/// What hangs on calls, and the calls last: each takes the tenant, and their ids as a JSON array.
const OF_CALLS: [&str; 2] = [
    "DELETE FROM call_sessions WHERE tenant_id = ? AND call_id IN (SELECT value FROM json_each(?))",
    "DELETE FROM call_records WHERE tenant_id = ? AND id IN (SELECT value FROM json_each(?))",
];

/// Their webhooks, by session token.
const OF_SESSIONS: &str =
    "DELETE FROM webhook_audit WHERE tenant_id = ? AND session_token IN (SELECT value FROM json_each(?))";

/// Webhooks that name no call. Takes the tenant, the time, and the limit.
const STRAY: &str = "
DELETE FROM webhook_audit WHERE id IN (
    SELECT w.id FROM webhook_audit w INDEXED BY webhook_audit_age
    WHERE w.tenant_id = ? AND w.created_at < ? AND NOT EXISTS (
        SELECT 1 FROM call_sessions s WHERE s.tenant_id = w.tenant_id AND s.session_token = w.session_token)
    LIMIT ?)";

impl SqliteStore {
    /// Deletes some of what is too old.
    pub(crate) async fn retain(&self, now: Timestamp) -> Result<Upkeep, StoreError> {
        let failed = |error: sqlx::Error| Fault::from(error).into_store("tenants");
        let keeping: Vec<(i64, i64)> = sqlx::query_as(KEEPING)
            .bind(usual_days())
            .bind(self.round().after())
            .bind(TENANTS)
            .fetch_all(self.readers())
            .await
            .map_err(failed)?;
        let page: Result<Vec<Aged>, _> =
            keeping.into_iter().map(|(tenant, days)| Aged::of(tenant, days, now)).collect();
        let page = page?;
        let mut done = Upkeep::default();
        for aged in &page {
            match self.retain_calls(*aged, now).await? {
                0 => done.webhooks += self.retain_webhooks(*aged).await?,
                calls => done.calls += calls,
            }
        }
        self.round().looked_at(&page, !done.is_done());
        Ok(done)
    }

    async fn retain_calls(&self, aged: Aged, now: Timestamp) -> Result<u64, StoreError> {
        let failed = |error: sqlx::Error| Fault::from(error).into_store("call_records");
        let old = sqlx::query_as(OLD).bind(aged.tenant).bind(aged.id).bind(now.as_millis());
        // Nobody writes while there is nothing to write.
        let any: Option<(i64, String)> =
            old.bind(1_i64).fetch_optional(self.readers()).await.map_err(failed)?;
        if any.is_none() {
            return Ok(0);
        }
        let mut transaction = self.writer().begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let old = sqlx::query_as(OLD).bind(aged.tenant).bind(aged.id).bind(now.as_millis());
        let old: Vec<(i64, String)> = old.bind(CALLS).fetch_all(&mut *transaction).await.map_err(failed)?;
        let (ids, tokens): (Vec<i64>, Vec<String>) = old.into_iter().unzip();
        let count = ids.len() as u64;
        let (ids, tokens) = (to_document(&ids, "call_records")?, to_document(&tokens, "call_records")?);
        let of_calls = OF_CALLS.into_iter().map(|delete| (delete, &ids));
        for (delete, keys) in of_calls.chain([(OF_SESSIONS, &tokens)]) {
            let delete = sqlx::query(delete).bind(aged.tenant).bind(keys);
            delete.execute(&mut *transaction).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(count)
    }

    async fn retain_webhooks(&self, aged: Aged) -> Result<u64, StoreError> {
        let stray = sqlx::query(STRAY).bind(aged.tenant).bind(aged.millis).bind(ROWS);
        let done = stray.execute(self.writer()).await;
        Ok(done.map_err(|error| Fault::from(error).into_store("webhook_audit"))?.rows_affected())
    }
}
