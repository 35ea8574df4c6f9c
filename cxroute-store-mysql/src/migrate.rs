//! The schema's migrations, embedded. They are listed here by hand, so that a build needs neither a database nor a
//! procedural macro; a test holds the list against the folder.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Executor as _, MySqlConnection, MySqlPool, SqlSafeStr};

use crate::error::{Fault, Kind};

/// A migration: version, description and text.
type Text = (i64, &'static str, &'static str);

/// The migrations, in order.
pub(crate) const MIGRATIONS: [Text; 4] = [
    (1, "first schema", include_str!("../../migrations/mysql/0001_first_schema.sql")),
    (
        2,
        "late results and retention",
        include_str!("../../migrations/mysql/0002_late_results_and_retention.sql"),
    ),
    (3, "a row a webhook", include_str!("../../migrations/mysql/0003_a_row_a_webhook.sql")),
    (4, "the ledger", include_str!("../../migrations/mysql/0004_the_ledger.sql")),
];

/// Whoever brings the schema up to date; the others wait for so many seconds. Names of locks are the whole server's.
const LOCK: &str = "SELECT CAST(GET_LOCK(CONCAT('cxroute-', LEFT(SHA2(DATABASE(), 256), 40)), 60) AS SIGNED)";
const UNLOCK: &str = "DO RELEASE_LOCK(CONCAT('cxroute-', LEFT(SHA2(DATABASE(), 256), 40)))";

/// Brings the database to the newest schema; does nothing to one that has it.
pub(crate) async fn migrate(pool: &MySqlPool) -> Result<(), Fault> {
    let mut connection = pool.acquire().await?;
    let locked: Option<i64> = sqlx::query_scalar(LOCK).fetch_one(&mut *connection).await?;
    if locked != Some(1) {
        return Err(Fault::new(Kind::Busy, "another server is still bringing its schema up to date"));
    }
    let done = run(&mut connection, &MIGRATIONS).await;
    // Should this fail, the lock goes with the connection.
    let unlocked = connection.execute(UNLOCK).await;
    done.and(unlocked.map(drop).map_err(Fault::from))
}

/// Brings the database to the schema of the last of these, whoever else does.
pub(crate) async fn run(connection: &mut MySqlConnection, migrations: &[Text]) -> Result<(), Fault> {
    let migrations = migrations.iter().map(|(version, description, text)| {
        let (description, text) = (Cow::Borrowed(*description), text.into_sql_str());
        Migration::new(*version, description, MigrationType::Simple, text, false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // sqlx asks for its lock with a time-out of -1, which MariaDB takes for none: it locks nothing there.
    migrator.set_locking(false);
    migrator.run_direct(None, connection, false).await.map_err(Fault::from_migration)
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn every_migration_of_the_folder_is_embedded_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/mysql");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let embedded: Vec<String> = MIGRATIONS
            .iter()
            .map(|(version, name, _)| format!("{version:04}_{}.sql", name.replace(' ', "_")))
            .collect();
        assert_eq!(files, embedded);
    }
}
