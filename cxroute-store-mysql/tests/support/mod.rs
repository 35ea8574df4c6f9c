//! Databases of tests: each test has its own on a server that the environment names, and it goes when the test ends.

use cxroute_store_mysql::{MySqlStore, StoreOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};

/// A database of its own on a server; dropped with this.
#[derive(Debug)]
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A new database on the server that the variable names, for example `mysql://root@127.0.0.1:3306`.
    pub(crate) async fn create(variable: &str) -> Self {
        let server = std::env::var(variable).unwrap_or_else(|_| {
            panic!(
                "{variable} is not set: `cargo xtask test` starts servers and sets it; else give it the URL of one where \
                 databases may be created, such as mysql://root@127.0.0.1:3306"
            )
        });
        let server = server.trim_end_matches('/').to_owned();
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("cxroute_test_{:016x}", u64::from_be_bytes(random));
        run(&server, format!("CREATE DATABASE {name}")).await;
        Self { server, name }
    }

    /// Its URL.
    pub(crate) fn location(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// A store on it, which folds its ledger so often that some of it is folded in every test.
    pub(crate) async fn store(&self) -> MySqlStore {
        let options = StoreOptions { fold_after: 2, ..StoreOptions::default() };
        MySqlStore::open(&self.location(), &options).await.unwrap()
    }
}

async fn run(server: &str, sql: String) {
    let mut connection = MySqlConnection::connect(server).await.unwrap();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
}

/// Drops a database, whoever is still connected to it: a test that ends does not wait for its own pools.
async fn drop_database(server: &str, name: &str) {
    let mut connection = MySqlConnection::connect(server).await.unwrap();
    let connected = "SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST WHERE DB = ?";
    let connected = loop {
        // MySQL fails on what it reads of a connection that is just changing its statement.
        match sqlx::query_scalar::<_, i64>(connected).bind(name).fetch_all(&mut connection).await {
            Err(sqlx::Error::Database(_)) => {}
            connected => break connected.unwrap(),
        }
    };
    for id in connected {
        // It may have gone by itself.
        let _gone = connection.execute(sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}")))).await;
    }
    run(server, format!("DROP DATABASE {name}")).await;
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(drop_database(&server, &name));
        });
        dropping.join().unwrap();
    }
}
