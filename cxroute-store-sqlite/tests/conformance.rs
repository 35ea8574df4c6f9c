//! The SQLite store and the spool against the conformance kit: every law of the ports, each on files of its own.

#![expect(clippy::unwrap_used, reason = "a kit without its adapter has nothing to say")]

use cxroute_core::conformance::Subject;
use cxroute_store_sqlite::{SpoolOptions, SqliteSpool, SqliteStore, StoreOptions};

async fn store() -> Subject<SqliteStore> {
    let folder = tempfile::tempdir().unwrap();
    let location = format!("sqlite:{}", folder.path().join("cxroute.db").display());
    let store = SqliteStore::open(&location, &StoreOptions::default()).await.unwrap();
    Subject::new(store).keeping(folder)
}

cxroute_core::conformance_store!(store);

async fn spool() -> Subject<SqliteSpool> {
    let folder = tempfile::tempdir().unwrap();
    let spool = SqliteSpool::open(folder.path(), SpoolOptions::default()).await.unwrap();
    Subject::new(spool).keeping(folder)
}

cxroute_core::conformance_spool!(spool);
