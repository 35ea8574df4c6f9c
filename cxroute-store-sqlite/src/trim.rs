//! Trimming: what no promise needs any longer goes, a bounded number of rows at a time.

use std::time::Duration;

use cxroute_core::port::{StoreError, Upkeep};
use cxroute_core::time::Timestamp;

use crate::error::Fault;
use crate::read::plane::LONGEST_WINDOW;
use crate::store::SqliteStore;

/// Receipts are kept this long, twice of what domain.md §6 promises, and as long as their call lives.
const RECEIPTS_KEPT: Duration = Duration::from_secs(48 * 3_600);

/// The most rows of a kind that go in one transaction: webhooks wait for it.
const ROWS: i64 = 2_000;

const RECEIPTS: &str = "
DELETE FROM receipts WHERE (tenant_id, session_token, kind, hash) IN (
    SELECT r.tenant_id, r.session_token, r.kind, r.hash FROM receipts r INDEXED BY receipts_age
    WHERE r.received_at < ?1 AND NOT EXISTS (
        SELECT 1 FROM call_sessions s JOIN call_records c ON c.tenant_id = s.tenant_id AND c.id = s.call_id
        WHERE s.tenant_id = r.tenant_id AND s.session_token = r.session_token AND c.live_until >= ?1
            AND c.status IN ('queued', 'ringing', 'in_progress'))
    LIMIT ?2)";

const STEPS: &str = "
DELETE FROM group_window_steps WHERE (tenant_id, group_id, agent_id, step_millis, step) IN (
    SELECT tenant_id, group_id, agent_id, step_millis, step FROM group_window_steps
    WHERE (step + 1) * step_millis - 1 <= ?1 LIMIT ?2)";

impl SqliteStore {
    /// Deletes at most 2,000 rows of each kind.
    pub(crate) async fn trim(&self, now: Timestamp) -> Result<Upkeep, StoreError> {
        let before = now.as_millis().saturating_sub(RECEIPTS_KEPT.as_millis() as i64);
        let receipts = self.delete(RECEIPTS, before).await?;
        let window_steps = self.delete(STEPS, now.as_millis().saturating_sub(LONGEST_WINDOW)).await?;
        Ok(Upkeep { receipts, window_steps, ..Upkeep::default() })
    }

    async fn delete(&self, sql: &'static str, time: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(sql).bind(time).bind(ROWS).execute(self.writer()).await;
        let done = done.map_err(|error| Fault::from(error).into_store("what is trimmed"))?;
        Ok(done.rows_affected())
    }
}
