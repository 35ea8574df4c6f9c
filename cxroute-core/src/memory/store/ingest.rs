//! Committing one signal in memory: receipt, step, history, books, rollups, outbox, audit.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::CallShelf;
use super::calls::Receipt;
use crate::call::{Acceptance, Ingested, Signal, SignalKind, rollup, step};

impl CallShelf {
    pub(super) fn ingest(
        &mut self,
        mut signal: Signal,
        most_calls: usize,
        last_event: &AtomicU64,
    ) -> Ingested {
        self.audited += 1;
        let Some(token) = signal.token.clone() else { return Ingested::Committed(None) };
        self.calls.settle_id(&token, &mut signal);
        let stored = self.calls.entry(&token);
        let audit = (signal.key.kind, signal.received_at, signal.audit.clone());
        if let Some(receipt) = stored.receipts.iter().find(|receipt| receipt.key == signal.key) {
            let (answer, choice) = (receipt.answer.clone(), receipt.choice);
            stored.audit.push(audit);
            return Ingested::Duplicate { answer, choice };
        }
        if matches!(signal.kind, SignalKind::AuditOnly) {
            // No receipt: the signal that it is a copy of may still be on its way, in another server's spool.
            stored.audit.push(audit);
            return Ingested::Committed(stored.call.clone());
        }
        let before = stored.call.take();
        let after = step(before.as_deref().cloned(), &signal);
        if after.acceptance == Acceptance::Conflict {
            self.audited -= 1;
            stored.call = before;
            let call = after.call.map(Arc::new).or_else(|| stored.call.clone());
            return call.map_or(Ingested::Committed(None), Ingested::Conflict);
        }
        stored.audit.push(audit);
        stored.history.extend(after.history);
        stored.receipts.push(Receipt { key: signal.key, choice: signal.choice(), answer: signal.answer });
        stored.call = after.call.map(Arc::new);
        let call = stored.call.clone();
        if let SignalKind::Voice { decision, .. } | SignalKind::Dial { decision, .. } = signal.kind {
            stored.traces.push(decision.trace);
            if after.acceptance == Acceptance::Taken {
                self.books.apply(&decision.delta);
            }
        }
        self.outbox.add(after.events, last_event);
        let Some(call) = call else { return Ingested::Committed(None) };
        for delta in rollup(before.as_deref(), &call) {
            let row = self.rollups.entry((delta.kind, delta.quarter)).or_default();
            *row += delta.figures;
        }
        if before.is_none() {
            self.calls.note_new(call.id, &token, most_calls);
        }
        Ingested::Committed(Some(call))
    }
}
