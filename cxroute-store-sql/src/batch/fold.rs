//! One signal after the other: what each does to its call, and the rows that come of it.

use std::sync::Arc;

use cxroute_core::call::{Acceptance, Action, Call, Ingested, Signal, SignalKind, Step, rollup, step};
use cxroute_core::id::CallId;
use cxroute_core::port::StoreError;

use super::Item;
use super::rows::{AuditRow, BatchRows, OutboxRow, ReceiptRow, SessionRow, TraceRow};
use super::shelf::{CallKey, Receipt, Shelf, Slot, TRIED_IDS};
use crate::calls::{AttemptRow, CallRow};
use crate::codec::{hex, to_document};

/// A batch on its way: every signal sees the effects of those before it.
#[derive(Debug)]
pub struct Fold {
    shelf: Shelf,
    rows: BatchRows,
}

impl Fold {
    /// Begins with what is stored.
    pub fn new(shelf: Shelf) -> Self {
        Self { shelf, rows: BatchRows::default() }
    }

    /// Takes one signal.
    ///
    /// # Errors
    /// That of one row, for which the whole batch is to be given up.
    pub fn take(&mut self, item: &mut Item) -> Result<Ingested, StoreError> {
        let tenant = item.tenant.get();
        let Some(token) = item.signal.token.clone() else {
            self.audit(item)?;
            return Ok(Ingested::Committed(None));
        };
        let call = (tenant, token);
        if let Some(Receipt { choice, answer }) = self.shelf.receipts.get(&(call.clone(), item.signal.key)) {
            let duplicate = Ingested::Duplicate { answer: answer.clone(), choice: *choice };
            self.audit(item)?;
            return Ok(duplicate);
        }
        let before = self.shelf.calls.get(&call).and_then(|slot| slot.now.clone());
        if matches!(item.signal.kind, SignalKind::AuditOnly) {
            // No receipt: the signal that it is a copy of may still be on its way, in another server's spool.
            self.audit(item)?;
            return Ok(Ingested::Committed(before.map(Arc::new)));
        }
        if before.is_none() {
            self.settle_id(tenant, &mut item.signal)?;
        }
        let after = step(before.clone(), &item.signal);
        if after.acceptance == Acceptance::Conflict {
            let call = after.call.or(before);
            return Ok(call.map_or(Ingested::Committed(None), |call| Ingested::Conflict(Arc::new(call))));
        }
        self.audit(item)?;
        self.receipt(&call, &item.signal)?;
        self.keep(call, before, after, &item.signal)
    }

    /// Keeps what a step came to.
    fn keep(
        &mut self,
        key: CallKey,
        before: Option<Call>,
        after: Step,
        signal: &Signal,
    ) -> Result<Ingested, StoreError> {
        let tenant = key.0;
        let Some(call) = after.call else { return Ok(Ingested::Committed(None)) };
        let slot = self.shelf.calls.entry(key).or_default();
        slot.touched = Some(signal.received_at.as_millis());
        self.rows.history(tenant, &call, slot.counts.history, &after.history)?;
        slot.counts.history += after.history.len() as i64;
        if let Some(decision) = signal.decision() {
            let trace = to_document(&*decision.trace, "call_traces")?;
            let (call, seq) = (call.id.get(), slot.counts.traces);
            self.rows.traces.push(&TraceRow { tenant, call, seq, trace })?;
            slot.counts.traces += 1;
            if after.acceptance == Acceptance::Taken {
                self.rows.books.apply(tenant, &decision.delta)?;
            }
        }
        for event in &after.events {
            self.rows.outbox.push(&OutboxRow { tenant, event: to_document(event, "outbox")? })?;
        }
        for delta in rollup(before.as_ref(), &call) {
            self.rows.rollup(tenant, delta);
        }
        if before.is_none() {
            self.shelf.ids.insert((tenant, call.id.get()));
            self.rows.books.note_id(tenant, &call);
        }
        slot.now = Some(call.clone());
        Ok(Ingested::Committed(Some(Arc::new(call))))
    }

    /// The rows of the whole batch.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_rows(self) -> Result<BatchRows, StoreError> {
        let Self { shelf, mut rows } = self;
        let mut touched: Vec<(u64, Slot)> = shelf
            .calls
            .into_iter()
            .filter(|(_, slot)| slot.touched.is_some())
            .map(|((tenant, _), slot)| (tenant, slot))
            .collect();
        touched.sort_by_key(|(tenant, slot)| (*tenant, slot.now.as_ref().map(|call| call.id)));
        for (tenant, slot) in &touched {
            call_rows(&mut rows, *tenant, slot)?;
        }
        Ok(rows)
    }

    fn audit(&mut self, item: &Item) -> Result<(), StoreError> {
        self.rows.audit.push(&AuditRow {
            tenant: item.tenant.get(),
            kind: item.signal.key.kind.as_str(),
            token: item.signal.token.as_ref().map_or("", |token| token.as_str()),
            payload: &item.payload,
            at: item.signal.received_at.as_millis(),
        })
    }

    fn receipt(&mut self, call: &CallKey, signal: &Signal) -> Result<(), StoreError> {
        self.rows.receipts.push(&ReceiptRow {
            tenant: call.0,
            token: call.1.as_str(),
            kind: signal.key.kind.as_str(),
            hash: hex(&signal.key.hash.to_be_bytes()),
            attempt: attempt_of(signal),
            choice: signal.choice(),
            answer: signal.answer.as_ref().map(|answer| hex(answer.as_bytes())),
            at: signal.received_at.as_millis(),
        })?;
        let receipt = Receipt { choice: signal.choice(), answer: signal.answer.clone() };
        self.shelf.receipts.insert((call.clone(), signal.key), receipt);
        Ok(())
    }

    /// Gives a new call the next free id if another call of its millisecond has drawn the same.
    fn settle_id(&self, tenant: u64, signal: &mut Signal) -> Result<(), StoreError> {
        let Some(id) = signal.new_call_id() else { return Ok(()) };
        let drawn = id.get();
        let mut next = drawn..=drawn.saturating_add(TRIED_IDS);
        let free = next.find(|candidate| !self.shelf.ids.contains(&(tenant, *candidate)));
        let free = free.ok_or_else(|| StoreError::Conflict { what: format!("call id {drawn}") })?;
        *id = CallId::new(free);
        Ok(())
    }
}

/// The attempt that a signal's decision names.
fn attempt_of(signal: &Signal) -> Option<u16> {
    match &signal.decision()?.action {
        Action::Dial(new) => Some(new.number),
        Action::Repeat { attempt } => Some(*attempt),
        Action::End(_) => None,
    }
}

/// A call's record, its session if it is new, and those of its attempts that changed.
fn call_rows(rows: &mut BatchRows, tenant: u64, slot: &Slot) -> Result<(), StoreError> {
    let (Some(call), Some(at)) = (&slot.now, slot.touched) else { return Ok(()) };
    let row = CallRow::of(tenant, call, slot.counts, at)?;
    if slot.stored.is_none() {
        rows.new_calls.push(&row)?;
        rows.sessions.push(&SessionRow { tenant, token: call.token.as_str(), call: call.id.get() })?;
    } else {
        rows.changed_calls.push(&row)?;
    }
    let stored = slot.stored.as_ref().map_or(&[][..], |stored| &stored.attempts);
    for attempt in call.attempts.iter().filter(|attempt| !stored.contains(attempt)) {
        rows.attempts.push(&AttemptRow::of(tenant, call.id, attempt)?)?;
    }
    Ok(())
}
