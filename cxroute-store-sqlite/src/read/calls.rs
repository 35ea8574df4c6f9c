//! Reading calls: by token, in detail, newest first by keyset.

use cxroute_core::call::{Call, EventKey, SessionToken};
use cxroute_core::port::{AuditEntry, CallDetail, CallFilter, Page, StoreError};
use cxroute_core::secret::Sealed;
use cxroute_core::time::Timestamp;
use cxroute_store_sql::calls::{StepColumns, id_range, steps};
use cxroute_store_sql::codec::{key, number, time};

use super::Scoped;
use crate::call_row::{columns, select_calls};
use crate::error::Fault;

const BY_TOKEN: &str = select_calls!(
    " FROM call_sessions s CROSS JOIN call_records c ON c.tenant_id = s.tenant_id AND c.id = s.call_id"
    " WHERE s.tenant_id = ? AND s.session_token = ?"
);

/// Ids between `?2` and `?3`, the last parameters being the exact bounds of the time of receipt and the limit. The
/// statements differ by the index that they walk.
const NEWEST: &str = select_calls!(
    " FROM call_records c WHERE c.tenant_id = ?1 AND c.id >= ?2 AND c.id < ?3"
    " AND c.received_at >= ?4 AND c.received_at < ?5 ORDER BY c.id DESC LIMIT ?6"
);
const NEWEST_OF_AGENT: &str = select_calls!(
    " FROM call_records c INDEXED BY call_records_agent WHERE c.tenant_id = ?1 AND c.id >= ?2 AND c.id < ?3"
    " AND c.received_at >= ?4 AND c.received_at < ?5 AND c.agent_id = ?7 ORDER BY c.id DESC LIMIT ?6"
);
const NEWEST_OF_GROUP: &str = select_calls!(
    " FROM call_records c INDEXED BY call_records_group WHERE c.tenant_id = ?1 AND c.id >= ?2 AND c.id < ?3"
    " AND c.received_at >= ?4 AND c.received_at < ?5 AND c.group_id = ?8 ORDER BY c.id DESC LIMIT ?6"
);
const NEWEST_OF_BOTH: &str = select_calls!(
    " FROM call_records c INDEXED BY call_records_agent WHERE c.tenant_id = ?1 AND c.id >= ?2 AND c.id < ?3"
    " AND c.received_at >= ?4 AND c.received_at < ?5 AND c.agent_id = ?7 AND c.group_id = ?8"
    " ORDER BY c.id DESC LIMIT ?6"
);

impl Scoped<'_> {
    pub(super) async fn call(&mut self, token: &SessionToken) -> Result<Option<Call>, StoreError> {
        let row = sqlx::query(BY_TOKEN)
            .bind(self.tenant)
            .bind(token.as_str())
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store("call_records"))?;
        row.map(|row| Ok(columns(&row)?.into_call()?.0)).transpose()
    }

    pub(super) async fn call_detail(
        &mut self,
        token: &SessionToken,
    ) -> Result<Option<CallDetail>, StoreError> {
        let Some(call) = self.call(token).await? else { return Ok(None) };
        let what = &format!("the history of call {}", call.id);
        let rows: Vec<StepColumns> = sqlx::query_as(
            "SELECT history, trace FROM webhook_audit
             WHERE tenant_id = ? AND session_token = ? AND call_id = ? AND step IS NOT NULL ORDER BY step",
        )
        .bind(self.tenant)
        .bind(token.as_str())
        .bind(key(call.id.get()))
        .fetch_all(&mut *self.connection)
        .await
        .map_err(|error| Fault::from(error).into_store(what))?;
        let (history, traces) = steps(&rows, call.id)?;
        Ok(Some(CallDetail { call, history, traces }))
    }

    pub(super) async fn calls(&mut self, filter: &CallFilter, page: Page) -> Result<Vec<Call>, StoreError> {
        let (least, below) = self.id_range(filter, page).await?;
        let sql = match (filter.agent, filter.group) {
            (None, None) => NEWEST,
            (Some(_), None) => NEWEST_OF_AGENT,
            (None, Some(_)) => NEWEST_OF_GROUP,
            (Some(_), Some(_)) => NEWEST_OF_BOTH,
        };
        let rows = sqlx::query(sql)
            .bind(self.tenant)
            .bind(least)
            .bind(below)
            .bind(filter.from.map_or(i64::MIN, Timestamp::as_millis))
            .bind(filter.until.map_or(i64::MAX, Timestamp::as_millis))
            .bind(i64::from(page.limit))
            .bind(filter.agent.map(|agent| key(agent.get())))
            .bind(filter.group.map(|group| key(group.get())))
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store("call_records"))?;
        rows.iter().map(|row| Ok(columns(row)?.into_call()?.0)).collect()
    }

    /// The ids that calls of the filter's time can have: ids are minted from the time of receipt, up to the skew that
    /// the books have noted.
    async fn id_range(&mut self, filter: &CallFilter, page: Page) -> Result<(i64, i64), StoreError> {
        if filter.from.is_none() && filter.until.is_none() {
            return Ok(id_range(filter, page, 0));
        }
        let skew: Vec<(i64,)> =
            self.all("SELECT id_skew FROM plane_books WHERE tenant_id = ?", "plane_books").await?;
        Ok(id_range(filter, page, skew.first().map_or(0, |row| row.0)))
    }

    pub(super) async fn answer(
        &mut self,
        token: &SessionToken,
        event: EventKey,
    ) -> Result<Option<Sealed>, StoreError> {
        let answer: Option<Option<Vec<u8>>> = sqlx::query_scalar(
            "SELECT answer FROM receipts WHERE tenant_id = ? AND session_token = ? AND kind = ? AND hash = ?",
        )
        .bind(self.tenant)
        .bind(token.as_str())
        .bind(event.kind.as_str())
        .bind(event.hash.to_be_bytes().to_vec())
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(|error| Fault::from(error).into_store("receipts"))?;
        Ok(answer.flatten().map(Sealed::from_bytes))
    }

    pub(super) async fn audit(&mut self, token: &SessionToken) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT event_type, payload, created_at FROM webhook_audit WHERE tenant_id = ? AND session_token = ?
             ORDER BY id",
        )
        .bind(self.tenant)
        .bind(token.as_str())
        .fetch_all(&mut *self.connection)
        .await
        .map_err(|error| Fault::from(error).into_store("webhook_audit"))?;
        let entry = |(event_type, payload, at)| AuditEntry {
            event_type,
            session_token: token.as_str().to_owned(),
            payload,
            received_at: time(at),
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    pub(super) async fn audit_count(&mut self) -> Result<u64, StoreError> {
        let what = "webhook_audit";
        let rows: Vec<(i64,)> =
            self.all("SELECT count(*) FROM webhook_audit WHERE tenant_id = ?", what).await?;
        number(rows.first().map_or(0, |row| row.0), what)
    }
}
