//! What SQLite says, by meaning: away for a moment, away until somebody mends it, full, taken, or the row's own fault.

use cxroute_core::port::{Retry, SpoolError, StoreError};
use sqlx::migrate::MigrateError;

/// A failed statement.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// Without secrets and without content: SQLite's messages name tables and columns only.
    pub(crate) reason: String,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody else's for the moment: a lock, a connection.
    Busy,
    /// The disk or the file is full.
    Full,
    /// The machine's or the file's, until it is mended.
    Broken,
    /// Something unique is taken.
    Taken,
    /// The row's own.
    Row,
}

impl Fault {
    pub(crate) fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    pub(crate) fn from_migration(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::from(error),
            MigrateError::VersionMissing(version) => {
                let reason = format!("its schema is newer (migration {version}) than this program knows");
                Self::new(Kind::Broken, reason)
            }
            other => Self::new(Kind::Broken, other.to_string()),
        }
    }

    /// The store's word for it; `what` was being read or written.
    pub(crate) fn into_store(self, what: &str) -> StoreError {
        let Self { kind, reason } = self;
        match kind {
            Kind::Busy => StoreError::Unavailable { reason, retry: Retry::Soon },
            Kind::Full | Kind::Broken => StoreError::Unavailable { reason, retry: Retry::AfterMending },
            Kind::Taken => StoreError::Conflict { what: what.to_owned() },
            Kind::Row => StoreError::Corrupt { what: what.to_owned(), reason },
        }
    }

    /// The spool's word for it.
    pub(crate) fn into_spool(self, what: &str) -> SpoolError {
        let Self { kind, reason } = self;
        match kind {
            Kind::Full => SpoolError::Full { reason },
            Kind::Busy | Kind::Broken => SpoolError::Unavailable { reason },
            Kind::Taken | Kind::Row => SpoolError::Corrupt { what: what.to_owned(), reason },
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        match error {
            Error::Database(error) => {
                let code = error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
                Self::new(kind_of(code), format!("SQLite {code}: {}", error.message()))
            }
            Error::PoolTimedOut => Self::new(Kind::Busy, "no connection became free in time"),
            Error::PoolClosed => Self::new(Kind::Broken, "it was closed"),
            Error::WorkerCrashed => Self::new(Kind::Busy, "its connection was lost"),
            Error::Io(error) => Self::new(Kind::Broken, error.to_string()),
            Error::ColumnDecode { index, .. } => {
                Self::new(Kind::Row, format!("column {index} has another type than expected"))
            }
            Error::BeginFailed => Self::new(Kind::Busy, "no transaction could be begun"),
            other => Self::new(Kind::Row, other.to_string()),
        }
    }
}

/// By SQLite's result code (<https://www.sqlite.org/rescode.html>), extended or not.
const fn kind_of(code: i32) -> Kind {
    const UNIQUE: i32 = 2067;
    const PRIMARY_KEY: i32 = 1555;
    match code {
        UNIQUE | PRIMARY_KEY => return Kind::Taken,
        _ => {}
    }
    match code & 0xff {
        // BUSY, LOCKED, NOMEM, INTERRUPT, PROTOCOL (a race for the WAL's locks), SCHEMA
        5 | 6 | 7 | 9 | 15 | 17 => Kind::Busy,
        // FULL
        13 => Kind::Full,
        // PERM, READONLY, IOERR, CORRUPT, CANTOPEN, NOLFS, AUTH, NOTADB
        3 | 8 | 10 | 11 | 14 | 22 | 23 | 26 => Kind::Broken,
        _ => Kind::Row,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind_of};

    #[test]
    fn result_codes_are_told_apart_by_whose_fault_they_are() {
        for (code, kind) in [
            (5, Kind::Busy),
            (517, Kind::Busy),
            (13, Kind::Full),
            (8, Kind::Broken),
            (778, Kind::Broken),
            (14, Kind::Broken),
            (11, Kind::Broken),
            (2067, Kind::Taken),
            (1555, Kind::Taken),
            (787, Kind::Row),
            (3091, Kind::Row),
            (1, Kind::Row),
        ] {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }
}
