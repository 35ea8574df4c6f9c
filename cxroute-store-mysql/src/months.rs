//! Months: calls and what hangs on them are partitioned by month, on ids that are minted from time. `pmax`, the partition
//! of what is later, stays empty: months are split off it ahead of time, which costs nothing then.

use cxroute_core::id::CallId;
use cxroute_core::time::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection, MySqlPool};

use crate::error::{Fault, Kind};

/// Partitioned tables. Months are dropped from the last one first: the calls' own say what is still to be done.
const TABLES: [&str; 2] = ["call_records", "webhook_audit"];

/// Besides the present one, so many months are there.
const AHEAD: i32 = 3;

/// Whoever waits longer than these seconds for a table that somebody uses gives way: webhooks queue behind it.
const PATIENCE: &str = "SET SESSION lock_wait_timeout = 2";
const USUAL_PATIENCE: &str = "SET SESSION lock_wait_timeout = DEFAULT";

/// The ids at which a table's months end.
const ENDS: &str = "SELECT CAST(PARTITION_DESCRIPTION AS SIGNED) FROM information_schema.PARTITIONS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND PARTITION_NAME <> 'pmax'";

/// A table's months that end at an id or before it.
const BEFORE: &str = "SELECT CONVERT(PARTITION_NAME USING utf8mb4) FROM information_schema.PARTITIONS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND PARTITION_NAME <> 'pmax'
        AND CAST(PARTITION_DESCRIPTION AS SIGNED) <= ?";

/// A month, and the least id that comes after it.
#[derive(Debug, PartialEq, Eq)]
struct Month {
    name: String,
    end: i64,
}

/// Makes partitions for the present month and those to come where there are none; how many.
pub(crate) async fn open(pool: &MySqlPool, now: Timestamp) -> Result<u64, Fault> {
    let months = months(now)?;
    let mut connection = pool.acquire().await?;
    let mut opened = 0;
    for table in TABLES {
        opened += open_of(&mut connection, table, &months).await?;
    }
    Ok(opened)
}

async fn open_of(connection: &mut MySqlConnection, table: &str, months: &[Month]) -> Result<u64, Fault> {
    let ends: Vec<i64> = sqlx::query_scalar(ENDS).bind(table).fetch_all(&mut *connection).await?;
    let latest = ends.into_iter().max().unwrap_or(0);
    let missing: Vec<&Month> = months.iter().filter(|month| month.end > latest).collect();
    if missing.is_empty() {
        return Ok(0);
    }
    let parts: Vec<String> = missing
        .iter()
        .map(|Month { name, end }| format!("PARTITION {name} VALUES LESS THAN ({end})"))
        .collect();
    // Names and numbers of this file's own making.
    let sql = format!(
        "ALTER TABLE {table} REORGANIZE PARTITION pmax INTO ({}, PARTITION pmax VALUES LESS THAN MAXVALUE)",
        parts.join(", ")
    );
    match alter(connection, sql).await {
        Ok(()) => Ok(missing.len() as u64),
        // Another server has just made them.
        Err(fault) if fault.kind == Kind::Taken => Ok(0),
        Err(fault) => Err(fault),
    }
}

/// Changes a table, unless somebody uses it for too long.
async fn alter(connection: &mut MySqlConnection, sql: String) -> Result<(), Fault> {
    connection.execute(PATIENCE).await?;
    let done = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
    connection.execute(USUAL_PATIENCE).await?;
    done.map(drop).map_err(Fault::from)
}

/// Whether calls have a month of their own that ends at the id `past` or before it.
pub(crate) async fn any_before(connection: &mut MySqlConnection, past: i64) -> Result<bool, Fault> {
    Ok(!before(connection, TABLES[0], past).await?.is_empty())
}

async fn before(connection: &mut MySqlConnection, table: &str, past: i64) -> Result<Vec<String>, Fault> {
    Ok(sqlx::query_scalar(BEFORE).bind(table).bind(past).fetch_all(connection).await?)
}

/// Drops the months that end at the id `past` or before it, with everything in them; how many.
pub(crate) async fn drop_before(connection: &mut MySqlConnection, past: i64) -> Result<u64, Fault> {
    let mut dropped = 0;
    for table in TABLES.into_iter().rev() {
        let months = before(connection, table, past).await?;
        if !months.is_empty() {
            // Names of this file's own making.
            alter(connection, format!("ALTER TABLE {table} DROP PARTITION {}", months.join(", "))).await?;
        }
        dropped += months.len() as u64;
    }
    Ok(dropped)
}

/// The least id of the month that an id is of.
pub(crate) fn begin(id: i64) -> Result<i64, Fault> {
    let no_date = |error: jiff::Error| Fault::new(Kind::Row, error.to_string());
    let minted = CallId::new(id.cast_unsigned()).minted_at().as_millis();
    let day = jiff::Timestamp::from_millisecond(minted).map_err(no_date)?;
    let first = day.to_zoned(TimeZone::UTC).date().first_of_month();
    let first = first.to_zoned(TimeZone::UTC).map_err(no_date)?;
    let first = Timestamp::from_millis(first.timestamp().as_millisecond());
    Ok(CallId::mint(first, 0).get().cast_signed())
}

/// The month of `now` and the next ones.
fn months(now: Timestamp) -> Result<Vec<Month>, Fault> {
    let no_date = |error: jiff::Error| Fault::new(Kind::Row, error.to_string());
    let day = jiff::Timestamp::from_millisecond(now.as_millis()).map_err(no_date)?;
    let first = day.to_zoned(TimeZone::UTC).date().first_of_month();
    (0..=AHEAD).map(|ahead| month(first.saturating_add(ahead.months())).map_err(no_date)).collect()
}

fn month(first: Date) -> Result<Month, jiff::Error> {
    let next = first.saturating_add(1.month()).to_zoned(TimeZone::UTC)?;
    let end = CallId::mint(Timestamp::from_millis(next.timestamp().as_millisecond()), 0);
    Ok(Month { name: first.strftime("p%Y%m").to_string(), end: end.get().cast_signed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_where_the_next_ones_ids_begin() {
        let at =
            |text: &str| Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let months = months(at("2026-11-23T15:00:00Z")).unwrap();
        let names: Vec<&str> = months.iter().map(|month| month.name.as_str()).collect();
        assert_eq!(names, ["p202611", "p202612", "p202701", "p202702"]);
        let first_of_december = CallId::mint(at("2026-12-01T00:00:00Z"), 0).get();
        assert_eq!(months[0].end.cast_unsigned(), first_of_december);
        assert!(CallId::mint(at("2026-11-30T23:59:59.999Z"), u64::MAX).get() < first_of_december);
        let last_of_november = CallId::mint(at("2026-11-30T23:59:59.999Z"), u64::MAX).get().cast_signed();
        assert_eq!(begin(months[0].end).unwrap(), months[0].end);
        assert_eq!(begin(months[0].end + 1).unwrap(), months[0].end);
        let first_of_november = CallId::mint(at("2026-11-01T00:00:00Z"), 0).get().cast_signed();
        assert_eq!(begin(last_of_november).unwrap(), first_of_november);
    }
}
