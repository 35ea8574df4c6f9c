//! Connections: writers that see what others commit, readers that see one consistent view.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::Executor as _;
use sqlx::MySqlPool;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::error::{Fault, Kind};
use crate::tls;

/// What both kinds of connections agree on: strict types, UTC, and no waiting for a lock beyond a second.
const COMMON: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
    time_zone = '+00:00', innodb_lock_wait_timeout = 1";

/// A writer locks the rows that it is going to change, and must see what the one before it committed.
const WRITER: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// A reader's transaction is one view.
const READER: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// What a connection is for.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Writer,
    Reader,
}

/// The options that a URL (`mysql://user:password@host/database`) names. The error does not quote it: it may hold a
/// password.
pub(crate) fn options_of(location: &str) -> Result<MySqlConnectOptions, Fault> {
    let expected = "expected mysql://user:password@host/database";
    let options = location
        .parse::<MySqlConnectOptions>()
        .map_err(|error| Fault::new(Kind::Broken, format!("{expected}: {error}")))?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(Fault::new(Kind::Broken, format!("{expected}, got a URL that names no database")));
    }
    let options = tls::demanded(options, location)?;
    // What the sessions are to be is set by the statements above.
    let options =
        options.charset("utf8mb4").pipes_as_concat(false).no_engine_substitution(false).timezone(None);
    Ok(options.set_names(true).disable_statement_logging())
}

/// At most `most` connections for `role`; none is opened before it is needed.
pub(crate) fn pool(options: &MySqlConnectOptions, most: u32, patience: Duration, role: Role) -> MySqlPool {
    let isolation = match role {
        Role::Writer => WRITER,
        Role::Reader => READER,
    };
    MySqlPoolOptions::new()
        .max_connections(most.max(1))
        .acquire_timeout(patience)
        .idle_timeout(Some(Duration::from_secs(600)))
        .max_lifetime(Some(Duration::from_secs(1_800)))
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(COMMON).await?;
                connection.execute(isolation).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options.clone())
}

#[cfg(test)]
mod tests {
    use super::options_of;

    #[test]
    fn a_url_names_a_database_and_an_error_does_not_quote_its_password() {
        assert_eq!(options_of("mysql://me:secret@db:3307/cxroute").unwrap().get_database(), Some("cxroute"));
        for location in
            ["mysql://me:secret@db", "mysql://me:secret@db/", "mysql://me:secret@db:port/cxroute", ""]
        {
            let reason = options_of(location).unwrap_err().reason;
            assert!(
                reason.contains("mysql://user:password@host/database") && !reason.contains("secret"),
                "{reason}"
            );
        }
    }
}
