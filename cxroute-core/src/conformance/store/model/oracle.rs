//! The oracle: the contract of a store, said in the plainest code. Slow, and only for one tenant.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::{
    Acceptance, Call, EventKey, HistoryEntry, Ingested, SessionToken, Signal, SignalKind, Trace, step,
};
use crate::config::{ConfigError, Configuration};
use crate::conformance::fixture::image_of;
use crate::port::{AuditEntry, CallDetail, CallFilter, Names};
use crate::secret::Sealed;
use crate::strategy::{Books, PlaneImage};
use crate::time::Timestamp;

/// One tenant as a store should have it.
pub(super) struct Oracle {
    pub(super) configuration: Configuration,
    pub(super) names: Names,
    pub(super) audited: u64,
    calls: BTreeMap<SessionToken, Kept>,
    books: Books,
}

#[derive(Default)]
struct Kept {
    call: Option<Call>,
    history: Vec<HistoryEntry>,
    traces: Vec<Arc<Trace>>,
    receipts: BTreeMap<EventKey, (Option<Sealed>, u64)>,
    audit: Vec<AuditEntry>,
}

impl Oracle {
    pub(super) fn new(configuration: Configuration) -> Self {
        let names = Names::default();
        Self { configuration, names, audited: 0, calls: BTreeMap::new(), books: Books::default() }
    }

    /// Commits a draft; the revision.
    pub(super) fn commit(&mut self, mut draft: Configuration) -> Result<u64, ConfigError> {
        draft.check()?;
        if draft != self.configuration {
            draft.revision += 1;
            self.names.agents.extend(draft.agents.iter().map(|agent| (agent.id, agent.name.clone())));
            self.names.groups.extend(draft.groups.iter().map(|group| (group.id, group.name.clone())));
            self.configuration = draft;
        }
        Ok(self.configuration.revision)
    }

    /// Takes a signal.
    pub(super) fn take(&mut self, mut signal: Signal) -> Ingested {
        self.audited += 1;
        let Some(token) = signal.token.clone() else { return Ingested::Committed(None) };
        self.settle_id(&token, &mut signal);
        let audit = AuditEntry {
            event_type: signal.key.kind.as_str().to_owned(),
            session_token: token.as_str().to_owned(),
            payload: signal.audit.payload(),
            received_at: signal.received_at,
        };
        let kept = self.calls.entry(token).or_default();
        if let Some((answer, choice)) = kept.receipts.get(&signal.key).cloned() {
            kept.audit.push(audit);
            return Ingested::Duplicate { answer, choice };
        }
        if matches!(signal.kind, SignalKind::AuditOnly) {
            kept.audit.push(audit);
            return Ingested::Committed(kept.call.clone().map(Arc::new));
        }
        let after = step(kept.call.clone(), &signal);
        if let (Acceptance::Conflict, Some(call)) = (after.acceptance, &after.call) {
            self.audited -= 1;
            return Ingested::Conflict(Arc::new(call.clone()));
        }
        kept.audit.push(audit);
        kept.receipts.insert(signal.key, (signal.answer.clone(), signal.choice()));
        kept.history.extend(after.history);
        kept.call = after.call;
        if let Some(decision) = signal.decision() {
            kept.traces.push(Arc::clone(&decision.trace));
            if after.acceptance == Acceptance::Taken {
                self.books.apply(&decision.delta);
            }
        }
        Ingested::Committed(kept.call.clone().map(Arc::new))
    }

    fn settle_id(&self, token: &SessionToken, signal: &mut Signal) {
        let known = self.calls.get(token).is_some_and(|kept| kept.call.is_some());
        let taken = |id| self.all().any(|call| call.id == id);
        if let Some(id) = signal.new_call_id().filter(|_| !known) {
            while taken(*id) {
                *id = crate::id::CallId::new(id.get() + 1);
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().filter_map(|kept| kept.call.as_ref())
    }

    pub(super) fn detail(&self, token: &SessionToken) -> Option<CallDetail> {
        let kept = self.calls.get(token)?;
        let (call, history, traces) = (kept.call.clone()?, kept.history.clone(), kept.traces.clone());
        Some(CallDetail { call, history, traces })
    }

    pub(super) fn audit(&self, token: &SessionToken) -> Vec<AuditEntry> {
        self.calls.get(token).map(|kept| kept.audit.clone()).unwrap_or_default()
    }

    pub(super) fn answers(&self, token: &SessionToken) -> Vec<(EventKey, Option<Sealed>)> {
        let kept = self.calls.get(token).into_iter();
        kept.flat_map(|kept| kept.receipts.iter().map(|(key, (answer, _))| (*key, answer.clone()))).collect()
    }

    pub(super) fn calls(&self, filter: &CallFilter) -> Vec<Call> {
        let wanted = |call: &&Call| {
            (filter.agent.is_none() || filter.agent == call.agent())
                && (filter.group.is_none() || filter.group == call.group())
                && filter.from.is_none_or(|from| from <= call.received_at)
                && filter.until.is_none_or(|until| call.received_at < until)
        };
        let mut calls: Vec<_> = self.all().filter(wanted).cloned().collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.id));
        calls
    }

    pub(super) fn image(&self, now: Timestamp) -> PlaneImage {
        image_of(&self.books, self.all(), now)
    }
}
