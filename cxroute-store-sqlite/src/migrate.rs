//! The schema's migrations, embedded. They are listed here by hand, so that a build needs neither a database nor a
//! procedural macro; a test holds the list against the folder.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqlitePool};

use crate::error::Fault;

/// Version, description and text, in order.
const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "first schema", include_str!("../../migrations/sqlite/0001_first_schema.sql")),
    (
        2,
        "late results and retention",
        include_str!("../../migrations/sqlite/0002_late_results_and_retention.sql"),
    ),
    (3, "a row a webhook", include_str!("../../migrations/sqlite/0003_a_row_a_webhook.sql")),
];

/// So many processes may meet while they open one new database.
const TRIES: u32 = 4;

/// Brings the database to the newest schema; does nothing to one that has it.
pub(crate) async fn migrate(writer: &SqlitePool) -> Result<(), Fault> {
    let migrations = MIGRATIONS.iter().map(|(version, description, text)| {
        let (description, text) = (Cow::Borrowed(*description), text.into_sql_str());
        Migration::new(*version, description, MigrationType::Simple, text, false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    let mut done = migrator.run(writer).await;
    for _ in 1..TRIES {
        if done.is_ok() {
            break;
        }
        done = migrator.run(writer).await;
    }
    done.map_err(Fault::from_migration)
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn every_migration_of_the_folder_is_embedded_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite");
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
