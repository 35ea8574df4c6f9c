//! The calls of one tenant in memory, by token and by age.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::call::{Audit, Call, EventKey, EventKind, HistoryEntry, SessionToken, Signal, Trace};
use crate::id::CallId;
use crate::secret::Sealed;
use crate::time::Timestamp;

/// So many calls are forgotten at a time: webhooks wait for it.
const MOST_FORGOTTEN: usize = 1_000;

/// Receipts are kept this long, twice of what domain.md §6 promises.
const COPIES_KNOWN: Duration = Duration::from_secs(48 * 3_600);

/// Everything that is kept of the calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Boxed: a map that grows must not move them all, while every other call waits.
    by_token: FxHashMap<SessionToken, Box<Stored>>,
    by_id: BTreeMap<CallId, SessionToken>,
}

/// Everything that is kept of one token; `call` is none while only updates of an unknown call have come.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) call: Option<Arc<Call>>,
    pub(super) history: SmallVec<[HistoryEntry; 4]>,
    pub(super) traces: SmallVec<[Arc<Trace>; 1]>,
    pub(super) receipts: SmallVec<[Receipt; 1]>,
    pub(super) audit: SmallVec<[(EventKind, Timestamp, Audit); 1]>,
}

/// The proof that a signal was taken.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) key: EventKey,
    pub(super) answer: Option<Sealed>,
    pub(super) choice: u64,
}

impl Calls {
    pub(super) fn get(&self, token: &SessionToken) -> Option<&Stored> {
        self.by_token.get(token).map(|stored| &**stored)
    }

    pub(super) fn entry(&mut self, token: &SessionToken) -> &mut Stored {
        self.by_token.entry(token.clone()).or_default()
    }

    /// Gives the call that `signal` may create the next id that no other call has.
    pub(super) fn settle_id(&self, token: &SessionToken, signal: &mut Signal) {
        if self.get(token).is_some_and(|stored| stored.call.is_some()) {
            return;
        }
        let Some(id) = signal.new_call_id() else { return };
        while self.by_id.contains_key(id) {
            *id = CallId::new(id.get() + 1);
        }
    }

    /// Notes a new call, and forgets the oldest ended ones beyond `most`.
    pub(super) fn note_new(&mut self, id: CallId, token: &SessionToken, most: usize) {
        self.by_id.insert(id, token.clone());
        while self.by_id.len() > most {
            let Some((id, token)) = self.by_id.pop_first() else { return };
            let live = |stored: &Stored| stored.call.as_ref().is_some_and(|call| !call.state.is_terminal());
            if self.get(&token).is_some_and(live) && self.by_id.len() < most.saturating_mul(2) {
                self.by_id.insert(id, token);
                return;
            }
            self.by_token.remove(&token);
        }
    }

    /// Forgets some of the calls before `oldest` that are not live, once copies of their webhooks are not promised to be
    /// known any longer; how many calls and webhooks.
    pub(super) fn forget_before(&mut self, oldest: CallId, now: Timestamp) -> (u64, u64) {
        let promised = now.as_millis().saturating_sub(COPIES_KNOWN.as_millis() as i64);
        let goes = |token: &SessionToken| {
            let stored = self.get(token)?;
            let live = stored.call.as_deref()?.cdr.is_none() && stored.call.as_deref()?.live_until > now;
            let recent = stored.audit.iter().any(|(_, at, _)| at.as_millis() >= promised);
            Some(!live && !recent)
        };
        let gone: Vec<CallId> = self
            .by_id
            .range(..oldest)
            .filter(|(_, token)| goes(token).unwrap_or(true))
            .map(|(id, _)| *id)
            .take(MOST_FORGOTTEN)
            .collect();
        let mut webhooks = 0;
        for id in &gone {
            let stored = self.by_id.remove(id).and_then(|token| self.by_token.remove(&token));
            webhooks += stored.map_or(0, |stored| stored.audit.len() as u64);
        }
        (gone.len() as u64, webhooks)
    }

    /// Calls older than `after`, newest first.
    pub(super) fn newest_first(&self, after: Option<CallId>) -> impl Iterator<Item = &Call> {
        let upto = after.unwrap_or(CallId::new(u64::MAX));
        let older = self.by_id.range(..upto).rev();
        older.filter_map(|(_, token)| self.by_token.get(token)?.call.as_deref())
    }

    /// Every call.
    pub(super) fn all(&self) -> impl Iterator<Item = &Call> {
        self.by_token.values().filter_map(|stored| stored.call.as_deref())
    }
}
