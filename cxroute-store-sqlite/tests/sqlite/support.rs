//! What the tests are made of: a store in a private folder with one tenant.

use std::sync::Arc;

use cxroute_core::authority::{IngestScope, Operator};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::Domain;
use cxroute_core::conformance::fixture::START;
use cxroute_core::id::TenantId;
use cxroute_core::port::{Store, StoreError, TenantRead, TenantTx};
use cxroute_store_sqlite::{SqliteStore, StoreOptions};
use sqlx::{ConnectOptions, SqliteConnection};

#[expect(clippy::disallowed_methods, reason = "a test is its own operator")]
pub(crate) const fn operator() -> Operator {
    Operator::assume()
}

/// A store in a private folder, with one tenant.
pub(crate) struct Fixture {
    pub(crate) store: SqliteStore,
    pub(crate) tenant: TenantId,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let tenant = create(&store, "one.example.net").await;
        Self { store, tenant, folder }
    }

    /// The same files, opened anew.
    pub(crate) async fn reopened(self) -> Self {
        let Self { store, tenant, folder } = self;
        store.close().await;
        Self { store: open(folder.path()).await, tenant, folder }
    }

    pub(crate) async fn read(&self) -> Box<dyn TenantRead> {
        self.store.read(&operator().read(self.tenant)).await.unwrap()
    }

    pub(crate) async fn begin(&self) -> Box<dyn TenantTx> {
        self.store.begin(&operator().config(self.tenant)).await.unwrap()
    }

    pub(crate) fn scope(&self) -> Arc<IngestScope> {
        Arc::new(operator().ingest(self.tenant))
    }

    pub(crate) async fn ingest(&self, signals: Vec<Signal>) -> Vec<Result<Ingested, StoreError>> {
        let scope = self.scope();
        self.store.ingest(signals.into_iter().map(|signal| (Arc::clone(&scope), signal)).collect()).await
    }

    /// Ingests signals that are all taken.
    pub(crate) async fn take(&self, signals: Vec<Signal>) {
        for done in self.ingest(signals).await {
            assert!(matches!(done, Ok(Ingested::Committed(_))), "{done:?}");
        }
    }

    /// Another connection to the database: another process, or whoever writes by hand.
    pub(crate) async fn sql(&self) -> SqliteConnection {
        sql(self.store.file()).await
    }
}

pub(crate) async fn sql(file: &std::path::Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new();
    options.filename(file).foreign_keys(true).connect().await.unwrap()
}

pub(crate) async fn open(folder: &std::path::Path) -> SqliteStore {
    try_open(folder).await.unwrap()
}

pub(crate) async fn try_open(folder: &std::path::Path) -> Result<SqliteStore, StoreError> {
    let location = format!("sqlite:{}", folder.join("cxroute.db").display());
    SqliteStore::open(&location, &StoreOptions::default()).await
}

pub(crate) async fn create(store: &SqliteStore, domain: &str) -> TenantId {
    let domain = Domain::parse(domain).unwrap();
    store.create_tenant(&operator(), "A tenant", &domain, START).await.unwrap()
}
