//! `Events` in this process: per tenant the last events, and everybody who listens reads them there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use rustc_hash::FxHashMap;
use tokio::sync::watch;

use crate::authority::{IngestScope, Operator, ReadScope};
use crate::call::CallEvent;
use crate::id::TenantId;
use crate::port::{
    Event, EventId, Events, EventsError, Heard, News, Next, Outgoing, Since, Subscription, Term, hear,
};
use crate::time::Timestamp;

/// So many events of a tenant are kept for those who were away.
const KEPT: usize = 10_000;

/// Events in memory, for one server: it leads, always. What it keeps ends with the process: who resumes after that is
/// told of a gap.
#[derive(Debug)]
pub struct MemoryEvents {
    epoch: u64,
    kept: usize,
    tenants: RwLock<FxHashMap<TenantId, Arc<Board>>>,
}

/// One tenant's events.
#[derive(Debug)]
struct Board {
    log: Mutex<Log>,
    /// Changes whenever the log does.
    last: watch::Sender<EventId>,
}

#[derive(Debug)]
struct Log {
    last: EventId,
    events: VecDeque<(EventId, CallEvent)>,
}

impl MemoryEvents {
    /// Nothing has happened yet. The time tells this run's events from those of earlier ones.
    pub fn starting(at: Timestamp) -> Self {
        Self::keeping(at, KEPT)
    }

    /// As [`Self::starting`]; keeps so many events of each tenant.
    pub fn keeping(at: Timestamp, kept: usize) -> Self {
        let epoch = u64::try_from(at.as_millis()).unwrap_or(0).max(1);
        Self { epoch, kept, tenants: RwLock::default() }
    }

    fn board(&self, tenant: TenantId) -> Arc<Board> {
        let found = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        found.unwrap_or_else(|| {
            let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
            let last = EventId { epoch: self.epoch, number: 0 };
            let log = Mutex::new(Log { last, events: VecDeque::new() });
            let board = || Arc::new(Board { log, last: watch::Sender::new(last) });
            Arc::clone(tenants.entry(tenant).or_insert_with(board))
        })
    }

    /// The one term that there is.
    const fn term(&self) -> Term {
        Term::new(self.epoch)
    }
}

#[async_trait]
impl Events for MemoryEvents {
    async fn lead(&self, _operator: &Operator) -> Result<Option<Term>, EventsError> {
        Ok(Some(self.term()))
    }

    async fn publish(
        &self,
        scope: &IngestScope,
        term: Term,
        waiting: &[Outgoing],
    ) -> Result<(), EventsError> {
        if term < self.term() {
            return Err(EventsError::Superseded);
        }
        let board = self.board(scope.tenant());
        let mut log = board.log.lock().unwrap_or_else(PoisonError::into_inner);
        for outgoing in waiting {
            log.last = log.last.next();
            // A gap is a number without an event.
            if let News::Call(event) = &outgoing.news {
                let id = log.last;
                log.events.push_back((id, event.clone()));
            }
        }
        let surplus = log.events.len().saturating_sub(self.kept);
        log.events.drain(..surplus);
        board.last.send_replace(log.last);
        Ok(())
    }

    async fn subscribe(&self, scope: &ReadScope, since: Since) -> Result<Box<dyn Subscription>, EventsError> {
        let board = self.board(scope.tenant());
        let changes = board.last.subscribe();
        let last = *changes.borrow();
        let at = match since {
            Since::Now => last,
            Since::After(id) if id > last => EventId::ZERO,
            Since::After(id) => id,
        };
        Ok(Box::new(MemorySubscription { at, board, changes }))
    }
}

struct MemorySubscription {
    at: EventId,
    board: Arc<Board>,
    changes: watch::Receiver<EventId>,
}

impl MemorySubscription {
    fn take(&mut self) -> Option<Heard> {
        let log = self.board.log.lock().unwrap_or_else(PoisonError::into_inner);
        let next = log.events.get(log.events.partition_point(|(id, _)| *id <= self.at));
        Some(match (hear(self.at, log.last, next.map(|(id, _)| *id))?, next) {
            (Next::Event, Some((id, event))) => {
                self.at = *id;
                Heard::Event(Event::of_call(*id, event))
            }
            (Next::Gap { to }, _) => {
                self.at = to;
                Heard::Gap
            }
            (Next::Event, None) => return None,
        })
    }
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn next(&mut self) -> Heard {
        loop {
            self.changes.mark_unchanged();
            if let Some(heard) = self.take() {
                return heard;
            }
            // The board, which sends, is held by this subscription.
            let _there = self.changes.changed().await;
        }
    }

    fn position(&self) -> EventId {
        self.at
    }
}
