//! `Commit`: where the engine hands its signals, so that it need not know of batches and spools.

use std::sync::Arc;

use async_trait::async_trait;

use super::store::StoreError;
use crate::authority::IngestScope;
use crate::call::{Ingested, Signal};

/// Makes a signal durable, one way or another.
///
/// # Contract
/// `Ok` means durable: it survives `kill -9` (but for a [`MemoryStore`](crate::memory::MemoryStore), where nothing does).
/// `Err` means that nothing is known to be kept.
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
