//! Trimming: what no promise needs any longer goes, a bounded number of rows at a time.

use std::time::Duration;

use cxroute_core::port::{StoreError, Upkeep};
use cxroute_core::time::Timestamp;

use crate::error::Fault;
use crate::read::plane::LONGEST_WINDOW;
use crate::store::MySqlStore;

/// Receipts are kept this long, twice of what domain.md §6 promises, and as long as their call lives.
const RECEIPTS_KEPT: Duration = Duration::from_secs(48 * 3_600);

/// The most rows of a kind that go in one transaction: webhooks wait for it.
const ROWS: i64 = 2_000;

/// Takes the time twice, then the limit.
pub(crate) const RECEIPTS: &str = "
DELETE r FROM receipts r JOIN (
    SELECT o.tenant_id, o.session_token, o.kind, o.hash FROM receipts o FORCE INDEX (receipts_age)
    WHERE o.received_at < ? AND NOT EXISTS (
        SELECT 1 FROM call_sessions s JOIN call_records c ON c.tenant_id = s.tenant_id AND c.id = s.call_id
        WHERE s.tenant_id = o.tenant_id AND s.session_token = o.session_token AND c.live_until >= ?
            AND c.live_status = TRUE)
    LIMIT ?) gone USING (tenant_id, session_token, kind, hash)";

/// Takes the time, then the limit.
pub(crate) const STEPS: &str = "DELETE FROM group_window_steps WHERE ends <= ? ORDER BY ends LIMIT ?";

impl MySqlStore {
    /// Deletes at most 2,000 rows of each kind.
    pub(crate) async fn trim(&self, now: Timestamp) -> Result<Upkeep, StoreError> {
        let before = now.as_millis().saturating_sub(RECEIPTS_KEPT.as_millis() as i64);
        let receipts = self.delete(RECEIPTS, &[before, before, ROWS]).await?;
        let old = now.as_millis().saturating_sub(LONGEST_WINDOW).saturating_add(1);
        let window_steps = self.delete(STEPS, &[old, ROWS]).await?;
        Ok(Upkeep { receipts, window_steps, ..Upkeep::default() })
    }

    async fn delete(&self, sql: &'static str, numbers: &[i64]) -> Result<u64, StoreError> {
        let query = numbers.iter().fold(sqlx::query(sql), |query, number| query.bind(*number));
        let done = query.execute(self.writer()).await;
        Ok(done.map_err(|error| Fault::from(error).into_store("what is trimmed"))?.rows_affected())
    }
}
