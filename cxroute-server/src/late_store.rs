//! A store that is opened when its database answers: until then it says that it is away, so that a server starts, and
//! answers calls from what its spool keeps, while nobody can reach the database.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::Domain;
use cxroute_core::id::TenantId;
use cxroute_core::port::{OutboxId, Outgoing, Retry, Store, StoreError, TenantRead, TenantTx, Upkeep};
use cxroute_core::time::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::seldom::Seldom;

/// A database that is away is tried again after this.
const PAUSE: Duration = Duration::from_millis(500);
/// That it is away still is logged this often.
const MENTION: Duration = Duration::from_secs(30);
/// So long a start waits for the first try: one that has reached the database may be bringing its tables up to date, or
/// waiting until another server has.
const FIRST: Duration = Duration::from_secs(90);

/// A store that is opened in the background.
#[derive(Clone)]
pub(crate) struct LateStore(watch::Receiver<Option<Arc<dyn Store>>>);

/// How a store stands when a server starts.
pub(crate) enum Start {
    There(Arc<dyn Store>),
    Late(LateStore),
}

impl LateStore {
    /// Opens a store, or goes on trying to in the background while its database is away.
    ///
    /// # Errors
    /// What the first try failed with, if waiting would not mend it.
    pub(crate) async fn start<F>(open: impl Fn() -> F + Send + 'static) -> Result<Start, StoreError>
    where
        F: Future<Output = Result<Arc<dyn Store>, StoreError>> + Send + 'static,
    {
        let ((tell, store), (first, heard)) = (watch::channel(None), oneshot::channel());
        tokio::spawn(keep_trying(open, tell, first));
        if let Ok(Ok(error)) = timeout(FIRST, heard).await {
            return Err(error);
        }
        let there = store.borrow().clone();
        Ok(there.map_or(Start::Late(Self(store)), Start::There))
    }

    /// Returns once it is open.
    pub(crate) async fn there(&self) {
        // Who opens it ends only when it is, or with the process.
        let mut store = self.0.clone();
        let _open = store.wait_for(Option::is_some).await;
    }

    fn store(&self) -> Result<Arc<dyn Store>, StoreError> {
        self.0.borrow().clone().ok_or_else(away)
    }
}

fn away() -> StoreError {
    StoreError::Unavailable { reason: "it has not been reached yet".to_owned(), retry: Retry::Soon }
}

/// Tries until the store is open, and tells it. `first` hears of an error that waiting does not mend, if it is the first
/// try's, and then that was all; it hears nothing if the store is open or away.
async fn keep_trying<F>(
    open: impl Fn() -> F,
    tell: watch::Sender<Option<Arc<dyn Store>>>,
    first: oneshot::Sender<StoreError>,
) where
    F: Future<Output = Result<Arc<dyn Store>, StoreError>>,
{
    let (mut first, mention) = (Some(first), Seldom::every(MENTION));
    loop {
        let error = match open().await {
            Ok(store) => {
                if first.is_none() {
                    tracing::info!("the store is there, and open");
                }
                tell.send_replace(Some(store));
                return;
            }
            Err(error) => error,
        };
        let error = match (is_away(&error), first.take()) {
            (false, Some(first)) => match first.send(error) {
                Ok(()) => return,
                // The start did not wait for so long: calls are answered by now.
                Err(error) => error,
            },
            _ => error,
        };
        if tell.is_closed() {
            return;
        }
        if mention.due().is_some() {
            tracing::warn!(%error, "the store cannot be opened; calls are answered by what the spool keeps, and it is tried again");
        }
        sleep(PAUSE).await;
    }
}

/// Whether waiting may mend it.
const fn is_away(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { retry: Retry::Soon, .. })
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for LateStore {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        match self.store() {
            Ok(store) => store.ingest(batch).await,
            Err(_) => batch.iter().map(|_| Err(away())).collect(),
        }
    }

    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        self.store()?.read(scope).await
    }

    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        self.store()?.begin(scope).await
    }

    async fn create_tenant(
        &self,
        operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        self.store()?.create_tenant(operator, name, domain, at).await
    }

    async fn tenant_by_domain(
        &self,
        operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        self.store()?.tenant_by_domain(operator, domain).await
    }

    async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        self.store()?.revisions(operator).await
    }

    async fn outbox(&self, operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.store()?.outbox(operator, limit).await
    }

    async fn forget_events(&self, operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        self.store()?.forget_events(operator, ids).await
    }

    async fn upkeep(&self, operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
        self.store()?.upkeep(operator, now).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use cxroute_core::call::{Audit, EventKey, EventKind, SignalKind};
    use cxroute_core::cloudonix::{VoiceRequest, Webhook};
    use cxroute_core::memory::MemoryStore;

    use super::*;
    use crate::cli::operator;

    fn failed(retry: Retry) -> StoreError {
        StoreError::Unavailable { reason: "planted".to_owned(), retry }
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_is_away_is_opened_once_it_answers_and_until_then_everything_says_so() {
        let (tries, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Notify::new()));
        let (tried, answers) = (Arc::clone(&tries), Arc::clone(&answer));
        let open = move || {
            let (number, answers) = (tried.fetch_add(1, Ordering::SeqCst), Arc::clone(&answers));
            async move {
                match number {
                    0 => Err(failed(Retry::Soon)),
                    // Whoever serves already goes on when something has to be mended.
                    1 => Err(failed(Retry::AfterMending)),
                    _ => {
                        answers.notified().await;
                        Ok(Arc::new(MemoryStore::new()) as Arc<dyn Store>)
                    }
                }
            }
        };
        let Start::Late(late) = LateStore::start(open).await.unwrap() else { panic!("it is away") };
        let operator = operator();
        let domain = Domain::parse("example.cloudonix.net").unwrap();
        let scope = Arc::new(operator.ingest(TenantId::new(1)));
        let named = VoiceRequest::read(&Webhook::of("{}")).event_name();
        let signal = Signal {
            token: None,
            key: EventKey::new(EventKind::VoiceRequest, &named),
            received_at: Timestamp::EPOCH,
            kind: SignalKind::AuditOnly,
            answer: None,
            audit: Audit::of(bytes::Bytes::new()),
        };
        let taken = late.ingest(vec![(Arc::clone(&scope), signal.clone()), (scope, signal)]).await;
        assert_eq!(taken.len(), 2);
        assert!(taken.iter().all(|taken| taken.as_ref().is_err_and(is_away)), "{taken:?}");
        assert!(late.revisions(&operator).await.is_err_and(|error| is_away(&error)));
        assert!(late.outbox(&operator, 1).await.is_err_and(|error| is_away(&error)));
        answer.notify_one();
        late.there().await;
        assert_eq!(tries.load(Ordering::SeqCst), 3);
        late.create_tenant(&operator, "Example", &domain, Timestamp::EPOCH).await.unwrap();
        assert_eq!(late.revisions(&operator).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_waiting_does_not_mend_is_an_error_at_the_start_and_a_store_that_is_there_is_itself() {
        let broken = || async { Err(failed(Retry::AfterMending)) };
        let refused = LateStore::start(broken).await.err().unwrap();
        assert!(refused.to_string().contains("planted"), "{refused}");
        let there = || async { Ok(Arc::new(MemoryStore::new()) as Arc<dyn Store>) };
        assert!(matches!(LateStore::start(there).await, Ok(Start::There(_))));
    }
}
