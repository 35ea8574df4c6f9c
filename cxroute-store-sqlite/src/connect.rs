//! Opening a database file: private to its owner, WAL, durable commits, one writer, a few readers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::error::{Fault, Kind};

/// The WAL is written back to the file after this many pages of 4 KiB: rarely enough that batches do not pay for it.
const CHECKPOINT_PAGES: &str = "4000";

/// A database file and how long its locks are waited for.
pub(crate) struct Place<'a> {
    pub(crate) file: &'a Path,
    pub(crate) busy: Duration,
    /// How long a connection of this process is waited for.
    pub(crate) patience: Duration,
}

impl Place<'_> {
    /// The one connection that writes: whoever holds it is the writer.
    pub(crate) async fn writer(&self) -> Result<SqlitePool, Fault> {
        create_private(self.file)?;
        let options = self.options().create_if_missing(true).pragma("cache_size", "-16384");
        self.pool(1, options).await
    }

    /// Connections that read, each at its own snapshot.
    pub(crate) async fn readers(&self, most: u32) -> Result<SqlitePool, Fault> {
        let options = self.options().pragma("cache_size", "-4096").pragma("query_only", "1");
        self.pool(most.max(1), options).await
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.file)
            .busy_timeout(self.busy)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("fullfsync", "1")
            .pragma("checkpoint_fullfsync", "1")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", "67108864")
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging()
    }

    async fn pool(&self, most: u32, options: SqliteConnectOptions) -> Result<SqlitePool, Fault> {
        let pool = SqlitePoolOptions::new()
            .max_connections(most)
            .acquire_timeout(self.patience)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        Ok(pool.connect_with(options).await?)
    }
}

/// The file that a store URL (`sqlite:cxroute.db`, `sqlite:///var/lib/cxroute.db`) or a path names.
pub(crate) fn file_of(location: &str) -> Result<PathBuf, Fault> {
    let path = location.strip_prefix("sqlite:").unwrap_or(location);
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.starts_with(':') || path.contains('?') {
        let reason = format!("expected sqlite:FILE such as sqlite:cxroute.db, got {location:?}");
        return Err(Fault::new(Kind::Broken, reason));
    }
    Ok(PathBuf::from(path))
}

/// Creates the file, readable by its owner only; SQLite gives its WAL the same mode. A file that exists is left alone.
fn create_private(file: &Path) -> Result<(), Fault> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Fault::new(Kind::Broken, format!("{}: {error}", file.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::file_of;

    #[test]
    fn urls_and_paths_name_files_and_other_urls_say_what_was_expected() {
        for (location, file) in [
            ("sqlite:cxroute.db", "cxroute.db"),
            ("sqlite://cxroute.db", "cxroute.db"),
            ("sqlite:///var/lib/cxroute.db", "/var/lib/cxroute.db"),
            ("/var/lib/cxroute.db", "/var/lib/cxroute.db"),
        ] {
            assert_eq!(file_of(location).unwrap(), std::path::Path::new(file), "{location}");
        }
        for location in ["", "sqlite:", "sqlite::memory:", "sqlite:a.db?mode=ro"] {
            assert!(file_of(location).unwrap_err().reason.contains("sqlite:cxroute.db"), "{location}");
        }
    }
}
