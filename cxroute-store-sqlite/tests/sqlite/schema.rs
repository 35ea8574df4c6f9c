//! The schema: what every table has to have, and how it comes to be.

use sqlx::SqliteConnection;

use crate::support::{Fixture, open, sql, try_open};

/// Tables whose rows nothing points to and that are read in order of arrival: their key is one number.
const JOURNALS: [&str; 3] = ["config_audit", "outbox", "webhook_audit"];

/// The tables that the specification names.
const SPECIFIED: [&str; 9] = [
    "tenants",
    "users",
    "voice_agents",
    "agent_groups",
    "agent_group_memberships",
    "inbound_routing_rules",
    "outbound_routing_rules",
    "call_records",
    "webhook_audit",
];

async fn tables(sql: &mut SqliteConnection) -> Vec<String> {
    let tables = "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'
                  AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations' ORDER BY name";
    sqlx::query_scalar(tables).fetch_all(sql).await.unwrap()
}

#[tokio::test]
async fn every_table_is_strict_and_every_row_belongs_to_a_tenant() {
    let fixture = Fixture::new().await;
    let mut sql = fixture.sql().await;
    let tables = tables(&mut sql).await;
    for named in SPECIFIED {
        assert!(tables.iter().any(|table| table == named), "{named} is missing");
    }
    for table in &tables {
        let strict: i64 = sqlx::query_scalar("SELECT strict FROM pragma_table_list WHERE name = ?")
            .bind(table)
            .fetch_one(&mut sql)
            .await
            .unwrap();
        assert_eq!(strict, 1, "{table} is not STRICT");
        if table == "tenants" {
            continue;
        }
        let column = "SELECT \"notnull\", pk FROM pragma_table_info(?) WHERE name = 'tenant_id'";
        let found: Option<(i64, i64)> =
            sqlx::query_as(column).bind(table).fetch_optional(&mut sql).await.unwrap();
        let journal = JOURNALS.contains(&table.as_str());
        assert_eq!(found, Some((1, i64::from(!journal))), "{table}: tenant_id leads the primary key");
    }
}

#[tokio::test]
async fn every_foreign_key_goes_from_tenant_to_tenant_and_every_table_has_one() {
    let fixture = Fixture::new().await;
    let mut sql = fixture.sql().await;
    for table in tables(&mut sql).await.iter().filter(|table| *table != "tenants") {
        let keys: Vec<(i64, String, String, String)> = sqlx::query_as(
            "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?) ORDER BY id, seq",
        )
        .bind(table)
        .fetch_all(&mut sql)
        .await
        .unwrap();
        let ids: std::collections::BTreeSet<i64> = keys.iter().map(|key| key.0).collect();
        assert!(!ids.is_empty(), "{table} has no foreign key");
        for id in ids {
            let tenant = keys.iter().any(|(of, parent, from, to)| {
                let column = if parent == "tenants" { "id" } else { "tenant_id" };
                *of == id && from == "tenant_id" && to == column
            });
            assert!(tenant, "{table}: foreign key {id} leaves the tenant out");
        }
    }
}

#[tokio::test]
async fn opening_an_existing_database_changes_nothing() {
    let fixture = Fixture::new().await;
    let schema = async |fixture: &Fixture| -> Vec<(String, Option<String>)> {
        sqlx::query_as("SELECT name, sql FROM sqlite_schema ORDER BY name")
            .fetch_all(&mut fixture.sql().await)
            .await
            .unwrap()
    };
    let before = schema(&fixture).await;
    let fixture = fixture.reopened().await;
    assert_eq!(schema(&fixture).await, before);
    assert_eq!(fixture.read().await.revision().await.unwrap(), 1);
}

#[tokio::test]
async fn servers_that_open_one_new_database_at_once_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let folder = folder.path().to_owned();
            tokio::spawn(async move { try_open(&folder).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_schema_that_is_newer_than_the_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.close().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'the future', 1, x'00', 0)",
    )
    .execute(&mut sql(&folder.path().join("cxroute.db")).await)
    .await
    .unwrap();
    let refused = try_open(folder.path()).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("newer (migration 9999)"), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().await;
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn commits_are_durable_by_the_settings_of_every_connection() {
    let fixture = Fixture::new().await;
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut fixture.sql().await).await.unwrap();
    assert_eq!(mode, "wal");
    assert_eq!(fixture.store.durability().await.unwrap(), "wal, synchronous=2, foreign_keys=1");
}
