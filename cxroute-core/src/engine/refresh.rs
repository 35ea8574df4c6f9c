//! Loading and refreshing gates: one load per tenant however many calls wait for it, and a poll of revisions that
//! replaces snapshots without stopping readers.

use std::sync::{Arc, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::gate::Gate;
use super::snapshot::Snapshot;
use super::{Engine, EngineError};
use crate::config::Domain;
use crate::id::TenantId;
use crate::port::Changes;

/// Gates are kept for this many tenants; beyond that one makes room, and is loaded again when its tenant calls.
const MOST_GATES: usize = 20_000;

impl Engine {
    pub(super) fn known_gates(&self) -> MutexGuard<'_, FxHashMap<Domain, Arc<Gate>>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn load_gate(&self, domain: &Domain) -> Result<Option<Arc<Gate>>, EngineError> {
        let _alone = self.loading.lock().await;
        if let Some(gate) = self.known_gates().get(domain) {
            return Ok(Some(Arc::clone(gate)));
        }
        let found = match self.parts.store.tenant_by_domain(&self.operator, domain).await {
            Ok(Some(tenant)) => self.load(tenant).await,
            Ok(None) => return Ok(None),
            Err(error) => Err(error.into()),
        };
        let snapshot = match (found, &self.parts.spool) {
            (Ok(snapshot), _) => snapshot,
            (Err(error), None) => return Err(error),
            (Err(error), Some(spool)) => match spool.snapshot(domain).await {
                Ok(Some(configuration)) => self.compile(configuration),
                Ok(None) | Err(_) => return Err(error),
            },
        };
        let gate = Arc::new(Gate::new(self.operator.ingest(snapshot.tenant().id), snapshot));
        let mut gates = self.known_gates();
        if gates.len() >= MOST_GATES
            && let Some(other) = gates.keys().next().cloned()
        {
            gates.remove(&other);
        }
        gates.insert(domain.clone(), Arc::clone(&gate));
        Ok(Some(gate))
    }

    async fn load(&self, tenant: TenantId) -> Result<Snapshot, EngineError> {
        let scope = self.operator.read(tenant);
        let configuration = self.parts.store.read(&scope).await?.configuration().await?;
        if let Some(spool) = &self.parts.spool {
            // The spool is for bad days: that it cannot be written today must not keep the tenant from being served.
            let _unkept = spool.save_snapshot(&configuration).await;
        }
        Ok(self.compile(configuration))
    }

    fn compile(&self, configuration: crate::config::Configuration) -> Snapshot {
        Snapshot::compile(configuration, self.parts.vault.as_ref())
    }

    /// Brings every kept gate up to the store's revision: call it once a second, and at once when an event says so.
    /// Returns how many changed.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the store is away; gates that were refreshed before stay so.
    pub async fn refresh(&self) -> Result<usize, EngineError> {
        let revisions: FxHashMap<TenantId, u64> =
            self.parts.store.revisions(&self.operator).await?.into_iter().collect();
        let gates: Vec<Arc<Gate>> = self.known_gates().values().map(Arc::clone).collect();
        let mut changed = 0;
        for gate in gates {
            let snapshot = gate.snapshot();
            if revisions.get(&gate.tenant()).is_none_or(|revision| *revision == snapshot.revision()) {
                continue;
            }
            gate.replace(self.renew(&snapshot).await?);
            changed += 1;
        }
        Ok(changed)
    }

    async fn renew(&self, snapshot: &Snapshot) -> Result<Snapshot, EngineError> {
        let tenant = snapshot.tenant().id;
        let mut reader = self.parts.store.read(&self.operator.read(tenant)).await?;
        match reader.changes_since(snapshot.revision()).await? {
            Changes::Everything => self.load(tenant).await,
            Changes::Rules { revision, changes } => Ok(snapshot.with_rules(revision, &changes)),
        }
    }
}
