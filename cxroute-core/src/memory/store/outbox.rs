//! The outbox in memory: the events of committed steps, until somebody takes them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashSet;

use crate::call::CallEvent;
use crate::id::TenantId;
use crate::port::{News, OutboxId, Outgoing};

/// So many events of a tenant wait for somebody who takes them.
const MOST: usize = 1 << 16;

/// One tenant's.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(OutboxId, CallEvent)>,
    /// The last one that was given up, until that was told.
    gap: Option<OutboxId>,
}

impl Outbox {
    /// Adds events; `last` is the last number that was given in the store.
    pub(super) fn add(&mut self, events: impl IntoIterator<Item = CallEvent>, last: &AtomicU64) {
        for event in events {
            if self.waiting.len() == MOST {
                self.gap = self.waiting.pop_front().map(|(id, _)| id);
            }
            let id = OutboxId::new(last.fetch_add(1, Ordering::Relaxed) + 1);
            self.waiting.push_back((id, event));
        }
    }

    /// What waits, in order.
    pub(super) fn oldest(&self, tenant: TenantId) -> impl Iterator<Item = Outgoing> {
        let gap = self.gap.map(|id| Outgoing { id, tenant, news: News::Gap });
        let event = move |(id, event): &(OutboxId, CallEvent)| {
            let news = News::Call(event.clone());
            Outgoing { id: *id, tenant, news }
        };
        gap.into_iter().chain(self.waiting.iter().map(event))
    }

    /// These were published.
    pub(super) fn forget(&mut self, ids: &FxHashSet<OutboxId>) {
        self.gap = self.gap.filter(|id| !ids.contains(id));
        // Who took the oldest took them in order.
        while self.waiting.front().is_some_and(|(id, _)| ids.contains(id)) {
            self.waiting.pop_front();
        }
        if self.waiting.front().is_some_and(|(first, _)| ids.iter().any(|id| id > first)) {
            self.waiting.retain(|(id, _)| !ids.contains(id));
        }
    }

    pub(super) fn into_events(self) -> Vec<CallEvent> {
        self.waiting.into_iter().map(|(_, event)| event).collect()
    }
}
