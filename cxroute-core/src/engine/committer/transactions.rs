//! The transactions that a committer has under way: which signals share one, and which have to wait for another's end.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::{CommitterOptions, Item, Shared};
use crate::call::SessionToken;
use crate::id::TenantId;

/// However slow the store is, so many signals share a transaction if they wait for one.
const LEAST_IN_BATCH: usize = 16;

/// So many signals begin a transaction beside another: each one costs the database about as much as ten signals.
const LEAST_BESIDE: usize = 32;

type CallKey = (TenantId, SessionToken);

/// Transactions under way.
pub(super) struct Transactions<'s> {
    shared: &'s Arc<Shared>,
    under_way: JoinSet<Done>,
    /// The calls that they have signals of: later ones of these wait.
    calls: FxHashSet<CallKey>,
    pace: Pace,
    away_until: Instant,
}

/// What came of a transaction.
pub(super) struct Done {
    calls: Vec<CallKey>,
    signals: usize,
    span: Duration,
    unanswered: Vec<Item>,
    is_away: bool,
}

/// Whether anything was done with the signals that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    Some,
    Nothing,
}

/// The signals that may go, and the calls of those that go into the store.
#[derive(Default)]
struct Sorted {
    direct: Vec<Item>,
    calls: Vec<CallKey>,
    late: Vec<Item>,
}

impl<'s> Transactions<'s> {
    pub(super) fn of(shared: &'s Arc<Shared>) -> Self {
        let (pace, away_until) = (Pace::of(&shared.options), Instant::now());
        Self { shared, under_way: JoinSet::new(), calls: FxHashSet::default(), pace, away_until }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    fn is_full(&self) -> bool {
        self.under_way.len() >= self.shared.options.most_at_once.max(1)
    }

    /// How many signals may be taken beside those that wait.
    pub(super) fn room(&self, waiting: &[Item]) -> usize {
        if self.is_full() { 0 } else { self.pace.most.saturating_sub(waiting.len()) }
    }

    /// Begins a transaction, if one may begin, with the first signals that wait and whose calls are in none that is under
    /// way. What the store is not to be asked for goes to the spool.
    pub(super) async fn begin(&mut self, waiting: &mut Vec<Item>) -> Begun {
        let least = if self.is_idle() { 1 } else { LEAST_BESIDE.min(self.pace.most) };
        if waiting.len() < least || self.is_full() {
            return Begun::Nothing;
        }
        let Sorted { direct, calls, late } = self.sort(waiting);
        if direct.is_empty() && late.is_empty() {
            return Begun::Nothing;
        }
        if !direct.is_empty() {
            self.calls.extend(calls.iter().cloned());
            let shared = Arc::clone(self.shared);
            self.under_way.spawn(async move {
                let (began, signals) = (Instant::now(), direct.len());
                let (unanswered, is_away) = shared.store_batch(direct).await;
                Done { calls, signals, span: began.elapsed(), unanswered, is_away }
            });
        }
        if !late.is_empty() {
            self.shared.spool_batch(late).await;
        }
        Begun::Some
    }

    /// Takes what may go now. The signals of a call keep their order.
    fn sort(&self, waiting: &mut Vec<Item>) -> Sorted {
        let mut sorted = Sorted::default();
        let mut held: FxHashSet<CallKey> = FxHashSet::default();
        let is_away = Instant::now() < self.away_until;
        for mut item in mem::take(waiting) {
            let call = item.signal.token.clone().map(|token| (item.scope.tenant(), token));
            let is_held = call.as_ref().is_some_and(|call| self.calls.contains(call) || held.contains(call));
            if is_held || sorted.direct.len() + sorted.late.len() == self.pace.most {
                held.extend(call);
                waiting.push(item);
                continue;
            }
            // In this order: what is forgotten in between has left the spool for the store, which knows it.
            item.copy = self.shared.waiting.knows(&item.scope, &item.signal);
            if self.shared.queues_behind(&item) || is_away {
                sorted.late.push(item);
            } else {
                sorted.calls.extend(call);
                sorted.direct.push(item);
            }
        }
        sorted
    }

    /// The next transaction that ends; none if none is under way.
    pub(super) async fn next_end(&mut self) -> Option<Result<Done, JoinError>> {
        self.under_way.join_next().await
    }

    /// Lets what waited for a transaction's end go on. What the store did not take goes to the spool before a later signal
    /// of its call can overtake it.
    pub(super) async fn end(&mut self, done: Result<Done, JoinError>) {
        // One that panicked has dropped its signals, and so told those who wait for them.
        if let Ok(Done { calls, signals, span, unanswered, is_away }) = done {
            self.pace.took(signals, span);
            if is_away {
                self.away_until = Instant::now() + self.shared.options.pause;
            }
            if !unanswered.is_empty() {
                self.shared.spool_batch(unanswered).await;
            }
            for call in &calls {
                self.calls.remove(call);
            }
        }
        if self.is_idle() {
            self.calls.clear();
        }
    }
}

/// How many signals share a transaction: as many as the store takes well within its budget, so that a store that gets
/// slower under load gets smaller batches, and is not taken for one that is away.
struct Pace {
    most: usize,
    limit: usize,
    budget: Duration,
}

impl Pace {
    fn of(options: &CommitterOptions) -> Self {
        let limit = options.most_in_batch.max(1);
        Self { most: limit, limit, budget: options.store_budget }
    }

    fn took(&mut self, signals: usize, span: Duration) {
        if span > self.budget / 2 && signals > 0 {
            self.most = (signals / 2).clamp(LEAST_IN_BATCH.min(self.limit), self.limit);
        } else if signals >= self.most && span < self.budget / 4 {
            self.most = (self.most + self.most / 4 + 1).min(self.limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_gets_slow_gets_smaller_batches_and_larger_ones_once_it_is_fast_again() {
        let budget = Duration::from_millis(150);
        let mut pace = Pace::of(&CommitterOptions { store_budget: budget, ..CommitterOptions::default() });
        pace.took(256, budget / 5);
        assert_eq!(pace.most, 256);
        pace.took(200, budget);
        assert_eq!(pace.most, 100);
        (0..10).for_each(|_| pace.took(pace.most, budget));
        assert_eq!(pace.most, LEAST_IN_BATCH);
        pace.took(3, budget / 100);
        assert_eq!(pace.most, LEAST_IN_BATCH, "a batch that was not full says nothing");
        (0..100).for_each(|_| pace.took(pace.most, budget / 5));
        assert_eq!(pace.most, 256);
    }
}
