//! `Publisher`: from the store's outbox to those who listen. It spawns nothing and waits for nothing: a host asks it for
//! one round after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::authority::Operator;
use crate::id::TenantId;
use crate::port::{Events, EventsError, OutboxId, Outgoing, Store, StoreError, Term};

/// A round that could not publish the events of so many tenants ends.
const MOST_FAILURES: usize = 3;

/// Publishes what waits in a store's outbox, while no other does.
///
/// Every server has one and asks it for a [`round`](Self::round) again and again, some 20 times a second. An event that was
/// published is forgotten by the store; one that was not waits, in order.
pub struct Publisher {
    store: Arc<dyn Store>,
    events: Arc<dyn Events>,
    operator: Operator,
    /// Published, and still in the outbox as far as is known.
    unforgotten: Vec<OutboxId>,
}

/// What came of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Another server publishes.
    Elsewhere,
    /// So many events were published; more may wait.
    Published(usize),
    /// Nothing waits.
    Idle,
}

/// Why a round was not finished. What is left waits for a later one.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It could not be published.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// The outbox could not be read, or not trimmed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Publisher {
    /// So many events are published in a round: after a full one more may wait.
    pub const MOST: usize = 500;

    /// Between this outbox and these listeners.
    pub fn new(store: Arc<dyn Store>, events: Arc<dyn Events>, operator: &Operator) -> Self {
        Self { store, events, operator: operator.again(), unforgotten: Vec::new() }
    }

    /// Publishes the oldest events that wait, in order, and lets the store forget them.
    ///
    /// # Errors
    /// [`PublishError`]. What was published by then is not published again.
    pub async fn round(&mut self) -> Result<Round, PublishError> {
        // What is still in the outbox would be read again.
        self.forget().await?;
        let Some(term) = self.events.lead(&self.operator).await? else { return Ok(Round::Elsewhere) };
        let waiting = self.store.outbox(&self.operator, Self::MOST as u32).await?;
        if waiting.is_empty() {
            return Ok(Round::Idle);
        }
        let published = self.publish(term, waiting).await;
        let count = self.unforgotten.len();
        self.forget().await?;
        published?;
        Ok(Round::Published(count))
    }

    async fn publish(&mut self, term: Term, waiting: Vec<Outgoing>) -> Result<(), EventsError> {
        let mut by_tenant: BTreeMap<TenantId, Vec<Outgoing>> = BTreeMap::new();
        for outgoing in waiting {
            by_tenant.entry(outgoing.tenant).or_default().push(outgoing);
        }
        let (mut first, mut failures) = (Ok(()), 0);
        for (tenant, waiting) in by_tenant {
            match self.events.publish(&self.operator.ingest(tenant), term, &waiting).await {
                Ok(()) => self.unforgotten.extend(waiting.iter().map(|outgoing| outgoing.id)),
                Err(EventsError::Superseded) => return Err(EventsError::Superseded),
                // One tenant's events may be somewhere else than another's.
                Err(error) => {
                    failures += 1;
                    first = first.and(Err(error));
                    if failures == MOST_FAILURES {
                        break;
                    }
                }
            }
        }
        first
    }

    async fn forget(&mut self) -> Result<(), StoreError> {
        if !self.unforgotten.is_empty() {
            self.store.forget_events(&self.operator, &self.unforgotten).await?;
            self.unforgotten.clear();
        }
        Ok(())
    }
}
