//! Group commit with a spool behind it (feature `runtime`): concurrent webhooks share one transaction, and while the
//! store does not answer in time their signals wait on this server's own disk.
//!
//! One task collects and commits, another drains the spool. Both live on the Tokio runtime that [`Committer::start`]
//! is called on, and end when the committer is closed.

mod transactions;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use self::transactions::{Begun, Transactions};
use super::drain::{self, Then, Told, Way};
use crate::authority::{IngestScope, Operator};
use crate::call::{EventKey, Ingested, SessionToken, Signal, SignalKind};
use crate::id::TenantId;
use crate::port::{Commit, Committed, Retry, Spool, Store, StoreError};

/// How a committer behaves.
#[derive(Clone, Copy, Debug)]
pub struct CommitterOptions {
    /// At most so many signals share a transaction; 256 by default.
    pub most_in_batch: usize,
    /// So many transactions are under way at once, at least 1 and by default 1. Another one begins only once 32 signals
    /// wait, so that few signals share one all the same, and never with a call that an earlier one has signals of.
    pub most_at_once: usize,
    /// The store answers within this, or its signals go to the spool (domain.md §7); 150 ms by default.
    pub store_budget: Duration,
    /// After a time-out the store is left alone for this long; 500 ms by default.
    pub pause: Duration,
}

impl Default for CommitterOptions {
    fn default() -> Self {
        Self {
            most_in_batch: 256,
            most_at_once: 1,
            store_budget: Duration::from_millis(150),
            pause: Duration::from_millis(500),
        }
    }
}

/// What a committer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitterCounts {
    /// Transactions.
    pub batches: u64,
    /// Signals that the store took at once.
    pub stored: u64,
    /// Signals that went to the spool.
    pub spooled: u64,
    /// Signals that came back from it into the store.
    pub drained: u64,
    /// Signals that neither took.
    pub refused: u64,
}

/// Collects concurrent signals into transactions, with a spool behind them.
///
/// One task collects and commits, another drains the spool into the store once the store answers again. Both live on the
/// Tokio runtime that [`Committer::start`] is called on, and end when the committer is closed. A signal is acknowledged
/// when a transaction with it is committed, or, where the store does not answer within
/// [`store_budget`](CommitterOptions::store_budget), when it is in the spool; signals of one call keep their order on the
/// way through either.
pub struct Committer {
    queue: mpsc::UnboundedSender<Item>,
    shared: Arc<Shared>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// So many signals leave the spool in one transaction: live calls' transactions wait for the rows that it locks.
const MOST_DRAINED: usize = 64;

struct Item {
    scope: Arc<IngestScope>,
    signal: Signal,
    /// Whether the first copy of it was in the spool, or had just left it, when this one was taken.
    copy: IsCopy,
    done: oneshot::Sender<Result<Committed, StoreError>>,
}

struct Shared {
    store: Arc<dyn Store>,
    spool: Option<Arc<dyn Spool>>,
    told: Option<Told>,
    operator: Operator,
    options: CommitterOptions,
    counts: Counts,
    /// The signals in the spool: a copy of one is told that it is a copy.
    waiting: Waiting,
    /// Tells the drainer that something was spooled, and everyone that the committer closes.
    wake: Notify,
    closing: watch::Sender<Running>,
}

#[derive(Default)]
struct Counts {
    batches: AtomicU64,
    stored: AtomicU64,
    spooled: AtomicU64,
    drained: AtomicU64,
    refused: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Running {
    Yes,
    Closing,
}

impl Committer {
    /// Starts committing to `store`, with `spool` behind it, on the current Tokio runtime. What the spool held is `told` once
    /// it is in the store.
    pub fn start(
        store: Arc<dyn Store>,
        spool: Option<Arc<dyn Spool>>,
        told: Option<Told>,
        operator: Operator,
        options: CommitterOptions,
    ) -> Arc<Self> {
        let (queue, items) = mpsc::unbounded_channel();
        let (closing, _) = watch::channel(Running::Yes);
        let counts = Counts::default();
        let shared = Arc::new(Shared {
            store,
            spool,
            told,
            operator,
            options,
            counts,
            waiting: Waiting::default(),
            wake: Notify::new(),
            closing,
        });
        let mut tasks = vec![tokio::spawn(collect(Arc::clone(&shared), items))];
        if shared.spool.is_some() {
            tasks.push(tokio::spawn(drain_for_ever(Arc::clone(&shared))));
        }
        Arc::new(Self { queue, shared, tasks: Mutex::new(tasks) })
    }

    /// What it has done so far.
    pub fn counts(&self) -> CommitterCounts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.shared.counts;
        CommitterCounts {
            batches: of(&counts.batches),
            stored: of(&counts.stored),
            spooled: of(&counts.spooled),
            drained: of(&counts.drained),
            refused: of(&counts.refused),
        }
    }

    /// Drains what an earlier run left in the spool, for at most `most`: a server does so before it takes calls, so
    /// that its execution plane is rebuilt from everything that was acknowledged.
    pub async fn catch_up(&self, most: Duration) -> CatchUp {
        let until = Instant::now() + most;
        while let Some(spool) = &self.shared.spool {
            if spool.is_empty() {
                return CatchUp::Empty;
            }
            if Instant::now() >= until {
                return CatchUp::Waiting;
            }
            self.shared.wake.notify_one();
            sleep(Duration::from_millis(20)).await;
        }
        CatchUp::Empty
    }

    /// Commits what is under way and ends. Signals that come later are refused.
    pub async fn close(&self) {
        self.shared.closing.send_replace(Running::Closing);
        for task in self.tasks.lock().await.drain(..) {
            // A task that panicked has nothing left to finish.
            let _ended = task.await;
        }
    }
}

/// What is left in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// Nothing.
    Empty,
    /// Something still waits: the store is away.
    Waiting,
}

#[async_trait]
impl Commit for Committer {
    async fn commit(&self, scope: Arc<IngestScope>, signal: Signal) -> Result<Committed, StoreError> {
        let (done, result) = oneshot::channel();
        let away =
            || StoreError::Unavailable { reason: "the committer has ended".to_owned(), retry: Retry::Soon };
        let copy = IsCopy::No;
        self.queue.send(Item { scope, signal, copy, done }).map_err(|_| away())?;
        result.await.map_err(|_| away())?
    }
}

/// Waits until the committer closes.
async fn closed(closing: &mut watch::Receiver<Running>) {
    // An error says that it is gone.
    let _closing = closing.wait_for(|running| *running == Running::Closing).await;
}

async fn collect(shared: Arc<Shared>, mut items: mpsc::UnboundedReceiver<Item>) {
    let mut closing = shared.closing.subscribe();
    let mut transactions = Transactions::of(&shared);
    let (mut waiting, mut open) = (Vec::new(), true);
    loop {
        while transactions.begin(&mut waiting).await == Begun::Some {}
        if !open && waiting.is_empty() && transactions.is_idle() {
            return;
        }
        let room = transactions.room(&waiting);
        tokio::select! {
            biased;
            Some(done) = transactions.next_end() => transactions.end(done).await,
            taken = items.recv_many(&mut waiting, room), if open && room > 0 => open = taken > 0,
            () = closed(&mut closing), if open => open = false,
        }
        if !open {
            items.close();
            // What was sent before is still taken.
            while items.recv_many(&mut waiting, usize::MAX).await > 0 {}
        }
    }
}

impl Shared {
    /// Whether the item's session has signals in the spool: order is kept within a session.
    fn queues_behind(&self, item: &Item) -> bool {
        let (Some(spool), Some(token)) = (&self.spool, &item.signal.token) else { return false };
        spool.holds(&item.scope, token)
    }

    /// Commits a batch; what the store did not answer in time is returned, and whether it is away.
    async fn store_batch(&self, items: Vec<Item>) -> (Vec<Item>, bool) {
        if items.is_empty() {
            return (items, false);
        }
        self.counts.batches.fetch_add(1, Ordering::Relaxed);
        let batch: Vec<_> = items.iter().map(|item| (Arc::clone(&item.scope), item.signal.clone())).collect();
        let store = Arc::clone(&self.store);
        // A task of its own: a transaction that is late must end by itself, not be cut off half-way.
        let ingest = tokio::spawn(async move { store.ingest(batch).await });
        let Ok(Ok(results)) = timeout(self.options.store_budget, ingest).await else { return (items, true) };
        let mut unanswered = Vec::new();
        for (item, result) in items.into_iter().zip(results) {
            match result {
                Err(StoreError::Unavailable { .. }) => unanswered.push(item),
                result => {
                    self.counts.stored.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
                    // A client that went away does not take its answer; the effect is durable all the same.
                    let _gone = item.done.send(result.map(Committed::Stored));
                }
            }
        }
        let away = !unanswered.is_empty();
        (unanswered, away)
    }

    async fn spool_batch(&self, items: Vec<Item>) {
        let away = |reason: String| StoreError::Unavailable { reason, retry: Retry::Soon };
        let count = items.len() as u64;
        let Some(spool) = &self.spool else {
            self.counts.refused.fetch_add(count, Ordering::Relaxed);
            for item in items {
                let _gone = item
                    .done
                    .send(Err(away("the store did not answer in time, and there is no spool".into())));
            }
            return;
        };
        let batch: Vec<_> =
            items.iter().map(|item| (Arc::clone(&item.scope), answered(&item.signal))).collect();
        let kept = spool.append(&batch).await;
        let counter = if kept.is_ok() { &self.counts.spooled } else { &self.counts.refused };
        counter.fetch_add(count, Ordering::Relaxed);
        for item in items {
            let result = match &kept {
                Ok(()) => Ok(self.waiting.note(&item)),
                Err(error) => Err(away(error.to_string())),
            };
            let _gone = item.done.send(result);
        }
        self.wake.notify_one();
    }

    /// Moves signals from the spool into the store; whether to go on at once.
    async fn drain_some(&self, spool: &dyn Spool) -> Then {
        let most = self.options.most_in_batch.min(MOST_DRAINED);
        let way =
            Way { store: self.store.as_ref(), spool, told: self.told.as_ref(), operator: &self.operator };
        let step = drain::step(&way, most).await;
        self.counts.drained.fetch_add(step.drained.dealt_with(), Ordering::Relaxed);
        // Only now, and only whole sessions: while the spool holds one, copies of all its signals go there, too.
        for (tenant, token) in step.sessions {
            if !spool.holds(&self.operator.ingest(tenant), &token) {
                self.waiting.forget(tenant, &token);
            }
        }
        step.then
    }
}

/// The signals of the sessions that this run has put into the spool and that are still there.
#[derive(Default)]
struct Waiting(std::sync::Mutex<FxHashMap<(TenantId, SessionToken), FxHashSet<EventKey>>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum IsCopy {
    Yes,
    No,
}

impl Waiting {
    fn knows(&self, scope: &IngestScope, signal: &Signal) -> IsCopy {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.is_empty() {
            return IsCopy::No;
        }
        let session = signal.token.clone().and_then(|token| sessions.get(&(scope.tenant(), token)));
        match session.is_some_and(|keys| keys.contains(&signal.key)) {
            true => IsCopy::Yes,
            false => IsCopy::No,
        }
    }

    /// Notes a spooled signal; what its sender is told.
    fn note(&self, item: &Item) -> Committed {
        let Item { scope, signal, copy, .. } = item;
        let Some(token) = signal.token.clone() else { return Committed::Spooled };
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = sessions.entry((scope.tenant(), token)).or_default().insert(signal.key);
        let is_update = matches!(signal.kind, SignalKind::Update(_) | SignalKind::Cdr(_));
        match is_update && (!first || *copy == IsCopy::Yes) {
            true => Committed::Stored(Ingested::Duplicate { answer: None, choice: 0 }),
            false => Committed::Spooled,
        }
    }

    fn forget(&self, tenant: TenantId, token: &SessionToken) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&(tenant, token.clone()));
    }
}

async fn drain_for_ever(shared: Arc<Shared>) {
    let Some(spool) = shared.spool.clone() else { return };
    let mut closing = shared.closing.subscribe();
    loop {
        let wait = match shared.drain_some(spool.as_ref()).await {
            Then::GoOn => Duration::ZERO,
            Then::Nothing => Duration::from_secs(5),
            Then::Pause => shared.options.pause,
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = shared.wake.notified(), if wait > shared.options.pause => {}
            _ = closing.wait_for(|running| *running == Running::Closing) => return,
        }
    }
}

/// The signal as the spool keeps it: its answer is on the line by the time it is drained.
fn answered(signal: &Signal) -> Signal {
    let mut signal = signal.clone();
    if let SignalKind::Voice { basis, .. } | SignalKind::Dial { basis, .. } = &mut signal.kind {
        basis.answered = true;
    }
    signal
}
