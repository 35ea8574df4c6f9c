//! The spool's folder: its lock, and the file in it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cxroute_core::port::{SpoolError, SpoolLevel};
use sqlx::SqlitePool;

use super::SpoolOptions;
use super::waiting::{Session, Waiting};
use crate::connect::Place;
use crate::error::Fault;

const SCHEMA: &str = include_str!("schema.sql");

const COUNT: &str = "SELECT tenant_id, session_token, octet_length(signal) FROM signals WHERE aside IS NULL";

const LEVEL: &str = "SELECT count(*) FILTER (WHERE aside IS NULL), \
    coalesce(sum(octet_length(signal)) FILTER (WHERE aside IS NULL), 0), \
    count(*) FILTER (WHERE aside IS NOT NULL) FROM signals";

/// How long a lock on the file is waited for.
const BUSY: Duration = Duration::from_millis(250);

fn file_in(folder: &Path) -> PathBuf {
    folder.join("spool.db")
}

/// Refuses a folder in which no server has kept a spool.
pub(super) fn expect_file(folder: &Path) -> Result<(), SpoolError> {
    match file_in(folder).is_file() {
        true => Ok(()),
        false => Err(SpoolError::Unavailable { reason: format!("there is none in {}", folder.display()) }),
    }
}

/// How much waits in a folder, whoever has it locked.
pub(super) async fn level(folder: &Path) -> Result<SpoolLevel, Fault> {
    let file = file_in(folder);
    let database = Place { file: &file, busy: BUSY, patience: Duration::from_secs(2) }.readers(1).await?;
    let (signals, bytes, aside): (i64, i64, i64) = sqlx::query_as(LEVEL).fetch_one(&database).await?;
    database.close().await;
    let [signals, bytes, set_aside] = [signals, bytes, aside].map(i64::cast_unsigned);
    Ok(SpoolLevel { signals, bytes, set_aside })
}

/// Creates the folder for its owner only, and locks it. The operating system unlocks it when the process ends.
pub(super) fn lock(folder: &Path) -> Result<File, SpoolError> {
    let away =
        |error: std::io::Error| SpoolError::Unavailable { reason: format!("{}: {error}", folder.display()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(away)?;
    let file = folder.join("lock");
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(file).map_err(away)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(SpoolError::Locked { folder: folder.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(away(error)),
    }
}

/// Opens the file in a locked folder, and counts what waits in it.
pub(super) async fn open(folder: &Path, options: SpoolOptions) -> Result<(SqlitePool, Waiting), Fault> {
    let file = file_in(folder);
    let place = Place { file: &file, busy: BUSY, patience: options.patience };
    let database = place.writer().await?;
    sqlx::query(SCHEMA).execute(&database).await?;
    let waiting = Waiting::default();
    let rows: Vec<(i64, String, i64)> = sqlx::query_as(COUNT).fetch_all(&database).await?;
    let signals: Vec<(Session, u64)> =
        rows.into_iter().map(|(tenant, token, bytes)| super::counted(tenant, token, bytes)).collect();
    // What is there already is counted whatever the limit says now.
    if waiting.enter(&signals, u64::MAX).is_ok() {
        let aside: i64 = sqlx::query_scalar("SELECT count(*) FROM signals WHERE aside IS NOT NULL")
            .fetch_one(&database)
            .await?;
        waiting.set_aside(aside.cast_unsigned());
    }
    Ok((database, waiting))
}
