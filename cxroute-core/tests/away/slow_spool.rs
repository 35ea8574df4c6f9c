//! A spool that does one thing at a time and takes long to write: as one on a file with one connection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cxroute_core::authority::IngestScope;
use cxroute_core::call::{SessionToken, Signal};
use cxroute_core::config::{Configuration, Domain};
use cxroute_core::port::{Spool, SpoolError, SpoolId, SpoolLevel, Spooled};
use tokio::sync::Mutex;

/// Around another spool.
pub(crate) struct SlowSpool<S> {
    pub(crate) spool: S,
    pub(crate) takes: Duration,
    door: Mutex<()>,
}

impl<S> SlowSpool<S> {
    pub(crate) fn new(spool: S, takes: Duration) -> Self {
        Self { spool, takes, door: Mutex::new(()) }
    }
}

#[async_trait]
impl<S: Spool> Spool for SlowSpool<S> {
    async fn append(&self, batch: &[(Arc<IngestScope>, Signal)]) -> Result<(), SpoolError> {
        self.spool.append(batch).await
    }
    async fn oldest(&self, limit: usize) -> Result<Vec<Spooled>, SpoolError> {
        self.spool.oldest(limit).await
    }
    async fn remove(&self, ids: &[SpoolId]) -> Result<(), SpoolError> {
        self.spool.remove(ids).await
    }
    async fn set_aside(&self, id: SpoolId, reason: &str) -> Result<(), SpoolError> {
        self.spool.set_aside(id, reason).await
    }
    fn holds(&self, scope: &IngestScope, token: &SessionToken) -> bool {
        self.spool.holds(scope, token)
    }
    fn level(&self) -> SpoolLevel {
        self.spool.level()
    }
    async fn save_snapshot(&self, configuration: &Configuration) -> Result<(), SpoolError> {
        let _alone = self.door.lock().await;
        tokio::time::sleep(self.takes).await;
        self.spool.save_snapshot(configuration).await
    }
    async fn snapshot(&self, domain: &Domain) -> Result<Option<Configuration>, SpoolError> {
        let _alone = self.door.lock().await;
        self.spool.snapshot(domain).await
    }
    async fn domains(&self, most: usize) -> Result<Vec<Domain>, SpoolError> {
        self.spool.domains(most).await
    }
}
