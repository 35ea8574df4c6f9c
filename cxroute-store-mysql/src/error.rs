//! What MySQL says, by meaning: away for a moment, away until somebody mends it, taken, or the row's own fault.

use cxroute_core::port::{Retry, StoreError};
use sqlx::migrate::MigrateError;
use sqlx::mysql::MySqlDatabaseError;

/// What lost a race is run again at most so often.
pub(crate) const TRIES: u32 = 8;

/// A failed statement.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// Without secrets and without content.
    pub(crate) reason: String,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Another transaction's: this one was rolled back, and may succeed if it is run again at once.
    Raced,
    /// Somebody else's for the moment: a connection, a lock, a restart.
    Busy,
    /// The machine's or the database's, until it is mended.
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

    /// The server's TLS is not what is demanded.
    fn tls(error: &dyn std::fmt::Display) -> Self {
        let hint = "ssl-ca=FILE in the URL names a private authority, ssl-mode another demand";
        Self::new(Kind::Broken, format!("TLS: {error} ({hint})"))
    }

    /// What a row's content comes to, which nobody but its writer can mend.
    pub(crate) fn of_row(error: StoreError) -> Self {
        Self::new(Kind::Row, error.to_string())
    }

    /// The store's word for it; `what` was being read or written.
    pub(crate) fn into_store(self, what: &str) -> StoreError {
        let Self { kind, reason } = self;
        match kind {
            Kind::Raced | Kind::Busy => StoreError::Unavailable { reason, retry: Retry::Soon },
            Kind::Broken => StoreError::Unavailable { reason, retry: Retry::AfterMending },
            Kind::Taken => StoreError::Conflict { what: what.to_owned() },
            Kind::Row => StoreError::Corrupt { what: what.to_owned(), reason },
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        match error {
            Error::Database(error) => {
                let number = error.try_downcast_ref::<MySqlDatabaseError>().map_or(0, |error| error.number());
                // The text of an error may quote values, for example those of a unique key: the number says enough.
                let reason = match kind_of(number) {
                    Kind::Broken => format!("MySQL {number}: {}", error.message()),
                    _ => format!("MySQL {number}"),
                };
                Self::new(kind_of(number), reason)
            }
            Error::PoolTimedOut => Self::new(Kind::Busy, "no connection became free in time"),
            Error::PoolClosed => Self::new(Kind::Broken, "it was closed"),
            Error::Io(error) if is_of_tls(&error) => Self::tls(&error),
            Error::Io(error) => Self::new(Kind::Busy, error.to_string()),
            Error::Protocol(reason) => Self::new(Kind::Busy, reason),
            Error::Tls(error) => Self::tls(&error),
            Error::Configuration(error) => Self::new(Kind::Broken, error.to_string()),
            Error::ColumnDecode { index, .. } => {
                Self::new(Kind::Row, format!("column {index} has another type than expected"))
            }
            Error::BeginFailed => Self::new(Kind::Busy, "no transaction could be begun"),
            other => Self::new(Kind::Row, other.to_string()),
        }
    }
}

fn is_of_tls(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// By the server's error number, which MySQL and MariaDB share up to 3000
/// (<https://dev.mysql.com/doc/mysql-errors/9.7/en/server-error-reference.html>).
const fn kind_of(number: u16) -> Kind {
    match number {
        // ER_DUP_ENTRY, ER_DUP_ENTRY_WITH_KEY_NAME; ER_SAME_NAME_PARTITION, ER_RANGE_NOT_INCREASING
        1062 | 1586 | 1517 | 1493 => Kind::Taken,
        // ER_LOCK_DEADLOCK, ER_CHECKREAD (MariaDB: a row has changed since the snapshot)
        1213 | 1020 => Kind::Raced,
        // ER_CON_COUNT_ERROR, ER_SERVER_SHUTDOWN, ER_ABORTING_CONNECTION, ER_NET_*, ER_NEW_ABORTING_CONNECTION,
        // ER_LOCK_WAIT_TIMEOUT, ER_TOO_MANY_USER_CONNECTIONS, ER_QUERY_INTERRUPTED, ER_CONNECTION_KILLED (MariaDB),
        // ER_STATEMENT_TIMEOUT (MariaDB, MySQL), ER_CLIENT_INTERACTION_TIMEOUT
        1040 | 1053 | 1152 | 1158..=1161 | 1184 | 1205 | 1203 | 1317 | 1927 | 1969 | 3024 | 4031 => {
            Kind::Busy
        }
        // ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_NO_DB, ER_BAD_DB, ER_TABLEACCESS_DENIED, ER_DISK_FULL, ER_RECORD_FILE_FULL,
        // ER_OUTOFMEMORY, ER_OUT_OF_RESOURCES, ER_BAD_FIELD, ER_PARSE, ER_NO_SUCH_TABLE, ER_OPTION_PREVENTS_STATEMENT,
        // ER_READ_ONLY_MODE, ER_NET_PACKET_TOO_LARGE, ER_SPECIFIC_ACCESS_DENIED, ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED,
        // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
        1044..=1046
        | 1049
        | 1142
        | 1021
        | 1114
        | 1037
        | 1041
        | 1054
        | 1064
        | 1146
        | 1290
        | 1836
        | 1153
        | 1227
        | 1129
        | 1130
        | 1698 => Kind::Broken,
        _ => Kind::Row,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind_of};

    #[test]
    fn error_numbers_are_told_apart_by_whose_fault_they_are() {
        for (number, kind) in [
            (1062, Kind::Taken),
            (1213, Kind::Raced),
            (1205, Kind::Busy),
            (1053, Kind::Busy),
            (1045, Kind::Broken),
            (1146, Kind::Broken),
            (1130, Kind::Broken),
            (1452, Kind::Row),
            (1406, Kind::Row),
        ] {
            assert_eq!(kind_of(number), kind, "{number}");
        }
    }
}
