//! The bench that a spool is tried on.

use std::future::Future;
use std::sync::Arc;

use super::super::{Checked, Guard, Subject, operator};
use crate::authority::IngestScope;
use crate::call::Signal;
use crate::id::TenantId;
use crate::port::{Spool, SpoolError, SpoolId, Spooled};

/// A spool under test.
pub struct SpoolBench {
    pub(super) spool: Arc<dyn Spool>,
    _guard: Guard,
}

impl SpoolBench {
    /// A bench for this spool.
    pub fn of<S: Spool + 'static>(subject: Subject<S>) -> Self {
        Self { spool: subject.adapter, _guard: subject.guard }
    }

    /// Appends a batch of one tenant.
    pub(super) async fn append(&self, tenant: u64, signals: &[Signal]) -> Result<(), SpoolError> {
        let scope = scope(tenant);
        let batch: Vec<_> = signals.iter().map(|signal| (Arc::clone(&scope), signal.clone())).collect();
        self.spool.append(&batch).await
    }

    /// Everything that waits.
    pub(super) async fn all(&self) -> Result<Vec<Spooled>, SpoolError> {
        self.spool.oldest(1_000).await
    }

    /// The ids of everything that waits.
    pub(super) async fn ids(&self) -> Result<Vec<SpoolId>, SpoolError> {
        Ok(self.all().await?.into_iter().map(|spooled| spooled.id).collect())
    }
}

/// May take calls for the tenant of this number.
pub(super) fn scope(tenant: u64) -> Arc<IngestScope> {
    Arc::new(operator().ingest(TenantId::new(tenant)))
}

/// Holds a spool that `make` gives against one law.
///
/// # Errors
/// The law does not hold.
pub fn hold<S, M, L>(make: impl FnOnce() -> M, law: impl FnOnce(SpoolBench) -> L) -> Checked
where
    S: Spool + 'static,
    M: Future<Output = Subject<S>>,
    L: Future<Output = Checked>,
{
    crate::conformance::hold(async { law(SpoolBench::of(make().await)).await })
}
