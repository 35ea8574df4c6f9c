//! Implement an adapter and hold it against the conformance kit.
//!
//! `Logged` is the smallest adapter there is: it says what is asked of another store, and how long that took. It is
//! held against the same laws as a database:
//!
//! ```text
//! cargo test -p cxroute-core --features conformance --example adapter_with_kit
//! ```
//!
//! A wrapper forwards every method by hand. The compiler names those that it leaves out, but for `Store::upkeep`: its
//! default does nothing, so that a wrapper without it compiles, and is found out by the kit's laws about retention.
//! An adapter of a database implements the same traits on its own transaction and reading handle; `cxroute_core::memory`
//! shows the plainest way.

use std::sync::Arc;

use async_trait::async_trait;
use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::Domain;
use cxroute_core::id::TenantId;
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::{OutboxId, Outgoing, Store, StoreError, TenantRead, TenantTx, Upkeep};
use cxroute_core::time::Timestamp;

/// Where a log's lines go.
type Sink = Box<dyn Fn(&str) + Send + Sync>;

/// A store that logs what is asked of another one: operations and tenants, never content.
struct Logged<S> {
    store: S,
    log: Sink,
}

impl<S> Logged<S> {
    fn new(store: S, log: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { store, log: Box::new(log) }
    }
}

#[async_trait]
impl<S: Store> Store for Logged<S> {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        (self.log)(&format!("ingest {} signals", batch.len()));
        self.store.ingest(batch).await
    }

    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        (self.log)(&format!("read tenant {}", scope.tenant()));
        self.store.read(scope).await
    }

    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        (self.log)(&format!("configure tenant {}", scope.tenant()));
        self.store.begin(scope).await
    }

    async fn create_tenant(
        &self,
        operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        (self.log)(&format!("create tenant {domain}"));
        self.store.create_tenant(operator, name, domain, at).await
    }

    async fn tenant_by_domain(
        &self,
        operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        self.store.tenant_by_domain(operator, domain).await
    }

    async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        self.store.revisions(operator).await
    }

    async fn outbox(&self, operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.store.outbox(operator, limit).await
    }

    async fn forget_events(&self, operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        self.store.forget_events(operator, ids).await
    }

    // Neither the compiler nor the kit asks for this one.
    async fn upkeep(&self, operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
        self.store.upkeep(operator, now).await
    }
}

#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example shows itself, as an operator"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Logged::new(MemoryStore::new(), |line| println!("{line}"));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let operator = Operator::assume();
        let domain = Domain::parse("example.cloudonix.net")?;
        let tenant = store.create_tenant(&operator, "Example", &domain, Timestamp::EPOCH).await?;
        let configuration = store.read(&operator.read(tenant)).await?.configuration().await?;
        println!("{} is at revision {}", configuration.tenant.name, configuration.revision);
        Ok(())
    })
}

/// What an adapter's `tests/conformance.rs` says: how to make one, and that it keeps every law.
#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use cxroute_core::conformance::Subject;

    use super::{Logged, MemoryStore, Store};

    // Any store can be wrapped, also one that is known by its trait alone.
    async fn fresh() -> Subject<Logged<Arc<dyn Store>>> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&lines);
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let store = Logged::new(store, move |line| log.lock().unwrap().push(line.to_owned()));
        // What must outlive the store rides along: here its log, elsewhere a temporary folder or a server.
        Subject::new(store).keeping(lines)
    }

    cxroute_core::conformance_store!(fresh);
}
