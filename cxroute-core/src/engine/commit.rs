//! Where the engine hands its signals: straight to the store, or to a committer that collects them and has a spool.

use std::sync::Arc;

use async_trait::async_trait;

use crate::authority::IngestScope;
use crate::call::{Ingested, Signal};
use crate::port::{Store, StoreError};

/// Makes a signal durable, one way or another.
///
/// # Contract
/// `Ok` means durable: it survives `kill -9`. `Err` means that nothing is known to be kept.
#[async_trait]
pub trait Commit: Send + Sync {
    /// Makes `signal` durable.
    async fn commit(&self, scope: Arc<IngestScope>, signal: Signal) -> Result<Committed, StoreError>;
}

/// Where a signal is durable now.
#[derive(Clone, Debug, PartialEq)]
pub enum Committed {
    /// In the store.
    Stored(Ingested),
    /// In the local spool, which drains by itself.
    Spooled,
}

/// Commits each signal by itself, without a spool: for services with few calls, and for stores in memory.
pub struct Direct {
    store: Arc<dyn Store>,
}

impl Direct {
    /// Commits to `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Commit for Direct {
    async fn commit(&self, scope: Arc<IngestScope>, signal: Signal) -> Result<Committed, StoreError> {
        let result = self.store.ingest(vec![(scope, signal)]).await.pop();
        let nothing = || StoreError::Corrupt {
            what: "the store's answer".to_owned(),
            reason: "expected one result for one signal, got none".to_owned(),
        };
        result.ok_or_else(nothing)?.map(Committed::Stored)
    }
}
