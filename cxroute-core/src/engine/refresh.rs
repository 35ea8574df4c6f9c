//! Loading and refreshing gates: one load per tenant however many calls wait for it, and a poll of revisions that
//! replaces snapshots without stopping readers.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use rustc_hash::FxHashMap;

use super::gate::{Gate, Source};
use super::snapshot::Snapshot;
use super::{Engine, EngineError};
use crate::config::{Configuration, Domain};
use crate::id::TenantId;
use crate::port::Changes;

/// Gates are kept for this many tenants; beyond that one makes room, and is loaded again when its tenant calls.
const MOST_GATES: usize = 20_000;

/// What a store says of a domain.
type Found = Result<Option<Snapshot>, EngineError>;

/// Whose word of a domain is taken.
enum Said {
    ByStore(Found),
    BySpool(Snapshot),
}

/// What the store finds, or what the spool keeps if that is there first or the store fails. Both go on meanwhile: the store's
/// answer is on its way into the spool, perhaps, and would keep the spool from answering if it stood still.
async fn first_word(
    mut finding: Pin<&mut impl Future<Output = Found>>,
    mut keeping: Pin<&mut impl Future<Output = Option<Snapshot>>>,
) -> Said {
    let (mut found, mut asked) = (None, true);
    poll_fn(|context| {
        if found.is_none()
            && let Poll::Ready(answer) = finding.as_mut().poll(context)
        {
            match answer {
                Ok(answer) => return Poll::Ready(Said::ByStore(Ok(answer))),
                Err(error) => found = Some(error),
            }
        }
        if asked && let Poll::Ready(kept) = keeping.as_mut().poll(context) {
            asked = false;
            if let Some(snapshot) = kept {
                return Poll::Ready(Said::BySpool(snapshot));
            }
        }
        match found.take() {
            Some(error) if !asked => Poll::Ready(Said::ByStore(Err(error))),
            error => {
                found = error;
                Poll::Pending
            }
        }
    })
    .await
}

impl Engine {
    pub(super) fn known_gates(&self) -> MutexGuard<'_, FxHashMap<Domain, Arc<Gate>>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn load_gate(&self, domain: &Domain) -> Result<Option<Arc<Gate>>, EngineError> {
        let _alone = self.loading.enter(domain).await;
        if let Some(gate) = self.known_gates().get(domain) {
            return Ok(Some(Arc::clone(gate)));
        }
        let owner = OnceLock::new();
        let mut finding = pin!(self.find(domain, &owner));
        let in_time = self.patience.within(finding.as_mut()).await;
        let said = match in_time {
            Some(Ok(found)) => Said::ByStore(Ok(found)),
            Some(Err(error)) => match self.kept(domain, owner.get()).await {
                Some(snapshot) => Said::BySpool(snapshot),
                None => Said::ByStore(Err(error)),
            },
            None => first_word(finding, pin!(self.kept(domain, owner.get()))).await,
        };
        match said {
            Said::ByStore(found) => {
                Ok(found?.map(|snapshot| self.keep_gate(domain, snapshot, Source::Store)))
            }
            Said::BySpool(snapshot) => Ok(Some(self.keep_gate(domain, snapshot, Source::Spool))),
        }
    }

    /// What the store says of a domain; whose it is, as soon as that is known.
    async fn find(
        &self,
        domain: &Domain,
        owner: &OnceLock<TenantId>,
    ) -> Result<Option<Snapshot>, EngineError> {
        let found = self.parts.store.tenant_by_domain(&self.operator, domain).await?;
        let Some(tenant) = found else { return Ok(None) };
        let tenant = *owner.get_or_init(|| tenant);
        self.load(tenant).await.map(Some)
    }

    /// What the spool keeps of a domain, if it is `owner`'s: the spool may be that of another store.
    async fn kept(&self, domain: &Domain, owner: Option<&TenantId>) -> Option<Snapshot> {
        let configuration = self.parts.spool.as_ref()?.snapshot(domain).await.ok()??;
        let is_owners = owner.is_none_or(|owner| *owner == configuration.tenant.id);
        is_owners.then(|| self.compile(configuration))
    }

    fn keep_gate(&self, domain: &Domain, snapshot: Snapshot, source: Source) -> Arc<Gate> {
        let scope = self.operator.ingest(snapshot.tenant().id);
        let gate = Arc::new(Gate::new(scope, snapshot, source));
        let mut gates = self.known_gates();
        if gates.len() >= MOST_GATES
            && let Some(other) = gates.keys().next().cloned()
        {
            gates.remove(&other);
        }
        gates.insert(domain.clone(), Arc::clone(&gate));
        gate
    }

    async fn load(&self, tenant: TenantId) -> Result<Snapshot, EngineError> {
        let configuration = self.read_and_save(tenant).await?;
        Ok(self.compile(configuration))
    }

    async fn read_and_save(&self, tenant: TenantId) -> Result<Configuration, EngineError> {
        let scope = self.operator.read(tenant);
        let configuration = self.parts.store.read(&scope).await?.configuration().await?;
        if let Some(spool) = &self.parts.spool {
            // The spool is for bad days: that it cannot be written today must not keep the tenant from being served.
            let _unkept = spool.save_snapshot(&configuration).await;
        }
        Ok(configuration)
    }

    fn compile(&self, configuration: Configuration) -> Snapshot {
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
        let mut changed = 0;
        // What the store has not confirmed may be another tenant's there.
        for gate in self.gates_that(Gate::is_proven) {
            let revision = gate.snapshot().revision();
            if revisions.get(&gate.tenant()).is_none_or(|current| *current == revision) {
                continue;
            }
            self.renew(&gate).await?;
            changed += 1;
        }
        Ok(changed)
    }

    async fn renew(&self, gate: &Gate) -> Result<(), EngineError> {
        let (snapshot, tenant) = (gate.snapshot(), gate.tenant());
        let mut reader = self.parts.store.read(&self.operator.read(tenant)).await?;
        match reader.changes_since(snapshot.revision()).await? {
            Changes::Everything => gate.replace(self.load(tenant).await?),
            Changes::Rules { revision, changes } => {
                gate.replace(snapshot.with_rules(revision, &changes));
                gate.leaves_the_spool_behind();
            }
        }
        Ok(())
    }

    /// The gates that calls go through by what the spool keeps, since the store was away or slower than a call can wait:
    /// look for them about once a second, and give each to [`Engine::prove_gate`].
    pub fn unproven_gates(&self) -> Vec<Arc<Gate>> {
        self.gates_that(|gate| !gate.is_proven())
    }

    /// Puts what the store says in place of what the spool kept, however long that takes: to be done beside the calls. A
    /// gate whose domain the store knows as another tenant's, or not at all, is forgotten.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the store is away; the gate stays as it is.
    pub async fn prove_gate(&self, gate: &Arc<Gate>) -> Result<(), EngineError> {
        let domain = gate.snapshot().tenant().domain.clone();
        let owner = self.parts.store.tenant_by_domain(&self.operator, &domain).await?;
        if owner == Some(gate.tenant()) {
            gate.prove(self.load(gate.tenant()).await?);
        } else {
            self.known_gates().retain(|_, known| !Arc::ptr_eq(known, gate));
        }
        Ok(())
    }

    /// Saves the configurations of which single rules have changed in the spool, where the whole ones are, for the days when
    /// the store is away: call it about once a minute. Returns how many were saved.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the store is away; the others are saved the next time.
    pub async fn save_snapshots(&self) -> Result<usize, EngineError> {
        let mut saved = 0;
        for gate in self.gates_that(Gate::catches_the_spool_up) {
            self.read_and_save(gate.tenant()).await.inspect_err(|_| gate.leaves_the_spool_behind())?;
            saved += 1;
        }
        Ok(saved)
    }

    fn gates_that(&self, are_so: impl Fn(&Gate) -> bool) -> Vec<Arc<Gate>> {
        self.known_gates().values().filter(|gate| are_so(gate)).map(Arc::clone).collect()
    }
}
