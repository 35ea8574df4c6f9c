//! A spool in memory: not durable, and good for nothing but showing that the laws of `Spool` can be kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cxroute_core::authority::IngestScope;
use cxroute_core::call::{SessionToken, Signal};
use cxroute_core::config::{Configuration, Domain};
use cxroute_core::port::{Spool, SpoolError, SpoolId, SpoolLevel, Spooled};

/// A spool in memory.
#[derive(Default)]
pub(crate) struct MemorySpool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    waiting: BTreeMap<SpoolId, Spooled>,
    set_aside: u64,
    snapshots: BTreeMap<Domain, Configuration>,
}

impl MemorySpool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Spool for MemorySpool {
    async fn append(&self, batch: &[(Arc<IngestScope>, Signal)]) -> Result<(), SpoolError> {
        let mut state = self.state();
        for (scope, signal) in batch {
            state.last += 1;
            let id = SpoolId::new(state.last);
            let (tenant, signal) = (scope.tenant(), signal.clone());
            state.waiting.insert(id, Spooled { id, tenant, signal });
        }
        Ok(())
    }

    async fn oldest(&self, limit: usize) -> Result<Vec<Spooled>, SpoolError> {
        Ok(self.state().waiting.values().take(limit).cloned().collect())
    }

    async fn remove(&self, ids: &[SpoolId]) -> Result<(), SpoolError> {
        self.state().waiting.retain(|id, _| !ids.contains(id));
        Ok(())
    }

    async fn set_aside(&self, id: SpoolId, _reason: &str) -> Result<(), SpoolError> {
        let mut state = self.state();
        let gone = state.waiting.remove(&id);
        state.set_aside += u64::from(gone.is_some());
        Ok(())
    }

    fn holds(&self, scope: &IngestScope, token: &SessionToken) -> bool {
        let of_session = |spooled: &Spooled| {
            spooled.tenant == scope.tenant() && spooled.signal.token.as_ref() == Some(token)
        };
        self.state().waiting.values().any(of_session)
    }

    fn level(&self) -> SpoolLevel {
        let state = self.state();
        let bytes =
            |spooled: &Spooled| serde_json::to_string(&spooled.signal).map_or(0, |text| text.len() as u64);
        SpoolLevel {
            signals: state.waiting.len() as u64,
            bytes: state.waiting.values().map(bytes).sum(),
            set_aside: state.set_aside,
        }
    }

    async fn save_snapshot(&self, configuration: &Configuration) -> Result<(), SpoolError> {
        let mut state = self.state();
        let kept =
            state.snapshots.entry(configuration.tenant.domain.clone()).or_insert(configuration.clone());
        if kept.revision <= configuration.revision {
            *kept = configuration.clone();
        }
        Ok(())
    }

    async fn snapshot(&self, domain: &Domain) -> Result<Option<Configuration>, SpoolError> {
        Ok(self.state().snapshots.get(domain).cloned())
    }

    async fn domains(&self, most: usize) -> Result<Vec<Domain>, SpoolError> {
        let room = |kept: &Configuration| serde_json::to_string(kept).map_or(0, |text| text.len());
        let state = self.state();
        let mut domains: Vec<&Domain> = state.snapshots.keys().collect();
        domains.sort_by_key(|domain| std::cmp::Reverse(room(&state.snapshots[*domain])));
        Ok(domains.into_iter().take(most).cloned().collect())
    }
}
