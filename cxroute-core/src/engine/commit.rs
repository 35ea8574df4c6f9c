//! The simplest way to commit: each signal by itself, straight to the store.

use std::sync::Arc;

use async_trait::async_trait;

use crate::authority::IngestScope;
use crate::call::Signal;
use crate::port::{Commit, Committed, Store, StoreError};

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
