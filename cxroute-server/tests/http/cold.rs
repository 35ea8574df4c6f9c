//! A server that has just started: its tenants are loaded before they call, and a store that says nothing makes nobody
//! wait whom the spool knows.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cxroute_server::server::Committing;
use cxroute_store_sqlite::{SpoolOptions, SqliteSpool};

use crate::client::Request;
use crate::desk::{Desk, TENANT};
use crate::faulty::{Fault, Faulty};

const DEADLINE: Duration = Duration::from_secs(2);

/// A server on this store, with its spool in `folder`.
async fn server(store: &Arc<Faulty>, folder: &Path) -> Desk {
    let spool = SqliteSpool::open(folder, SpoolOptions::default()).await.unwrap();
    let durability = Committing::Grouped { spool: Arc::new(spool), at_once: 1 };
    Desk::open_on(Arc::clone(store), durability, DEADLINE).await
}

/// A server has known the tenant, and is gone.
async fn life(store: &Arc<Faulty>, folder: &Path) {
    let mut desk = server(store, folder).await;
    desk.apply(TENANT).await;
    assert!(desk.voice(&desk.session()).await.dialled().is_some());
    desk.take_server().drain(DEADLINE).await;
    drop(desk);
    // The spool is free once the last task that has it is gone.
    while SqliteSpool::open(folder, SpoolOptions::default()).await.is_err() {
        tokio::task::yield_now().await;
    }
}

async fn is_ready(desk: &Desk) -> bool {
    desk.send(&Request::new("GET", "/readyz")).await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_after_a_start_is_answered_from_the_spool_while_the_store_says_nothing() {
    let (store, folder) = (Arc::new(Faulty::new()), tempfile::tempdir().unwrap());
    life(&store, folder.path()).await;
    store.set(Fault::Silent);
    let desk = server(&store, folder.path()).await;
    let first = desk.voice(&format!("{:032x}", 77)).await;
    assert!(first.dialled().is_some(), "{first:?}");
    assert!(!is_ready(&desk).await);
    // Somebody changed the configuration meanwhile; the server learns of it as soon as the store speaks.
    desk.apply(&TENANT.replace("+1202*", "+1303*")).await;
    store.release();
    while desk.voice(&desk.session()).await.dialled().is_some() {
        tokio::task::yield_now().await;
    }
    while !is_ready(&desk).await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_has_loaded_the_tenants_of_its_spool_when_it_is_ready() {
    let (store, folder) = (Arc::new(Faulty::new()), tempfile::tempdir().unwrap());
    life(&store, folder.path()).await;
    let desk = server(&store, folder.path()).await;
    while !is_ready(&desk).await {
        tokio::task::yield_now().await;
    }
    let lookups = store.lookups();
    assert!(desk.voice(&format!("{:032x}", 77)).await.dialled().is_some());
    assert_eq!(store.lookups(), lookups, "the call found its tenant loaded");
}
