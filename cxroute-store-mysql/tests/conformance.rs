//! The MySQL store against the conformance kit, on MySQL and on MariaDB: every law of the port, each on a database of its
//! own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a kit without its adapter has nothing to say")]

mod support;

/// On MySQL itself, which `CXROUTE_TEST_MYSQL` names.
mod mysql {
    use cxroute_core::conformance::Subject;
    use cxroute_store_mysql::MySqlStore;

    use crate::support::Database;

    async fn store() -> Subject<MySqlStore> {
        let database = Database::create("CXROUTE_TEST_MYSQL").await;
        Subject::new(database.store().await).keeping(database)
    }

    cxroute_core::conformance_store!(store);
}

/// On MariaDB, which `CXROUTE_TEST_MARIADB` names.
mod mariadb {
    use cxroute_core::conformance::Subject;
    use cxroute_store_mysql::MySqlStore;

    use crate::support::Database;

    async fn store() -> Subject<MySqlStore> {
        let database = Database::create("CXROUTE_TEST_MARIADB").await;
        Subject::new(database.store().await).keeping(database)
    }

    cxroute_core::conformance_store!(store);
}
