//! A row of `call_records`, as MySQL gives it.

use cxroute_core::port::StoreError;
use cxroute_store_sql::calls::CallColumns;
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use crate::error::Fault;

/// Reads calls `c`, for [`columns`]; a `FROM` with `call_records c` follows.
macro_rules! select_calls {
    ($($rest:literal)*) => {
        concat!(
            "SELECT c.id, CONVERT(c.session_token USING utf8mb4), c.direction, c.from_number, c.to_number, c.state,",
            " c.reason, c.received_at, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', c.start_time) DIV 1000,",
            " TIMESTAMPDIFF(MICROSECOND, '1970-01-01', c.end_time) DIV 1000,",
            " CAST(c.duration AS SIGNED), c.session_ended, c.cdr, c.live_until,",
            " CAST(c.step_count AS SIGNED), c.tenant_id, c.attempts, c.early",
            $($rest,)*
        )
    };
}
pub(crate) use select_calls;

/// The columns of a row of [`select_calls`].
pub(crate) fn columns(row: &MySqlRow) -> Result<CallColumns, StoreError> {
    decoded(row).map_err(|error| Fault::from(error).into_store("call_records"))
}

fn decoded(row: &MySqlRow) -> Result<CallColumns, sqlx::Error> {
    Ok(CallColumns {
        id: row.try_get(0)?,
        token: row.try_get(1)?,
        direction: row.try_get(2)?,
        from: row.try_get(3)?,
        to: row.try_get(4)?,
        state: row.try_get(5)?,
        reason: row.try_get(6)?,
        received_at: row.try_get(7)?,
        start_time: row.try_get(8)?,
        end_time: row.try_get(9)?,
        duration: row.try_get(10)?,
        session_ended: row.try_get(11)?,
        cdr: row.try_get(12)?,
        live_until: row.try_get(13)?,
        step_count: row.try_get(14)?,
        tenant: row.try_get(15)?,
        attempts: row.try_get(16)?,
        early: row.try_get(17)?,
    })
}
