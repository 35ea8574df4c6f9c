//! The spool's folder: its lock, and the file in it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use cxroute_core::port::SpoolError;
use sqlx::SqlitePool;

use super::SpoolOptions;
use super::waiting::{Session, Waiting};
use crate::connect::Place;
use crate::error::Fault;

const SCHEMA: &str = include_str!("schema.sql");

const COUNT: &str = "SELECT tenant_id, session_token, octet_length(signal) FROM signals WHERE aside IS NULL";

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
    let file = folder.join("spool.db");
    let place = Place { file: &file, busy: Duration::from_millis(250), patience: options.patience };
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
