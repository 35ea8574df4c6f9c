//! The SQLite store against the conformance kit: every law of the port, each on a file of its own.

use cxroute_core::conformance::Subject;
use cxroute_store_sqlite::{SqliteStore, StoreOptions};

async fn store() -> Subject<SqliteStore> {
    let folder = tempfile::tempdir().unwrap();
    let location = format!("sqlite:{}", folder.path().join("cxroute.db").display());
    let store = SqliteStore::open(&location, &StoreOptions::default()).await.unwrap();
    Subject::new(store).keeping(folder)
}

cxroute_core::conformance_store!(store);
