//! One signal after the other: what each does to its call, and the rows that come of it.

use std::sync::Arc;

use cxroute_core::call::{Acceptance, Action, Call, Ingested, Signal, SignalKind, Step, rollup, step};
use cxroute_core::id::CallId;
use cxroute_core::port::StoreError;

use super::rows::{AuditRow, BatchRows, ReceiptRow, SessionRow};
use super::shelf::{CallKey, Receipt, Shelf, Slot, Stored, TRIED_IDS};
use super::{Item, Writer};
use crate::calls::{CallRow, history_of};
use crate::codec::{Hex, Moment, RowForm, to_document};

/// A batch on its way: every signal sees the effects of those before it.
#[derive(Debug)]
pub struct Fold<R> {
    shelf: Shelf,
    writer: Writer,
    rows: BatchRows<R>,
}

/// What a webhook did to its call.
struct Did {
    call: CallId,
    step: i64,
    history: String,
    trace: Option<String>,
}

impl<R: RowForm> Fold<R> {
    /// Begins with what is stored.
    pub fn new(shelf: Shelf, writer: Writer) -> Self
    where
        BatchRows<R>: Default,
    {
        Self { shelf, writer, rows: BatchRows::default() }
    }

    /// Takes one signal.
    ///
    /// # Errors
    /// That of one row, for which the whole batch is to be given up.
    pub fn take(&mut self, item: &mut Item) -> Result<Ingested, StoreError> {
        let tenant = item.tenant.get();
        let Some(token) = item.signal.token.clone() else {
            self.audit(item, None)?;
            return Ok(Ingested::Committed(None));
        };
        let call = (tenant, token);
        if let Some(Receipt { choice, answer }) = self.shelf.receipts.get(&(call.clone(), item.signal.key)) {
            let duplicate = Ingested::Duplicate { answer: answer.clone(), choice: *choice };
            self.audit(item, None)?;
            return Ok(duplicate);
        }
        let before = self.shelf.calls.get(&call).and_then(|slot| slot.now.clone());
        if matches!(item.signal.kind, SignalKind::AuditOnly) {
            // No receipt: the signal that it is a copy of may still be on its way, in another server's spool.
            self.audit(item, None)?;
            return Ok(Ingested::Committed(before.map(Arc::new)));
        }
        if before.is_none() {
            self.settle_id(tenant, item)?;
        }
        let after = step(before.clone(), &item.signal);
        if after.acceptance == Acceptance::Conflict {
            let call = after.call.or(before);
            return Ok(call.map_or(Ingested::Committed(None), |call| Ingested::Conflict(Arc::new(call))));
        }
        self.receipt(&call, &item.signal)?;
        let Some(now) = after.call.clone() else {
            self.audit(item, None)?;
            return Ok(Ingested::Committed(None));
        };
        let did = self.keep(call, now.clone(), before, after, &item.signal)?;
        self.audit(item, Some(did))?;
        Ok(Ingested::Committed(Some(Arc::new(now))))
    }

    /// Keeps what a step came to.
    fn keep(
        &mut self,
        key: CallKey,
        call: Call,
        before: Option<Call>,
        after: Step,
        signal: &Signal,
    ) -> Result<Did, StoreError> {
        let tenant = key.0;
        for event in &after.events {
            self.rows.outbox.push(tenant, event)?;
        }
        for delta in rollup(before.as_ref(), &call) {
            self.rows.ledger.rollup(tenant, delta);
        }
        if before.is_none() {
            self.shelf.ids.insert((tenant, call.id.get()));
            self.rows.ledger.note_id(tenant, &call);
        }
        let mut trace = None;
        if let Some(decision) = signal.decision() {
            trace = Some(to_document(&*decision.trace, "webhook_audit.trace")?);
            if after.acceptance == Acceptance::Taken {
                self.rows.ledger.apply(tenant, &decision.delta);
            }
        }
        let history = history_of(&after.history)?;
        let slot = self.shelf.calls.entry(key).or_default();
        slot.touched = Some(signal.received_at);
        let did = Did { call: call.id, step: slot.steps, history, trace };
        slot.steps += 1;
        slot.now = Some(call);
        Ok(did)
    }

    /// The rows of the whole batch.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_rows(self) -> Result<BatchRows<R>, StoreError> {
        let Self { shelf, mut rows, .. } = self;
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

    fn audit(&mut self, item: &Item, did: Option<Did>) -> Result<(), StoreError> {
        self.writer.audit_id += 1;
        let Writer { server, audit_id } = self.writer;
        let (call, step) = (did.as_ref().map(|did| did.call.get()), did.as_ref().map(|did| did.step));
        let (history, trace) = did.map_or((None, None), |did| (Some(did.history), did.trace));
        self.rows.audit.push(&AuditRow {
            tenant: item.tenant.get(),
            id: audit_id,
            server,
            kind: item.signal.key.kind.as_str(),
            token: item.signal.token.as_ref().map_or("", |token| token.as_str()),
            payload: &item.payload,
            at: Moment(item.signal.received_at),
            call,
            step,
            history,
            trace,
        })
    }

    fn receipt(&mut self, call: &CallKey, signal: &Signal) -> Result<(), StoreError> {
        self.rows.receipts.push(&ReceiptRow {
            tenant: call.0,
            token: call.1.as_str(),
            kind: signal.key.kind.as_str(),
            hash: Hex(&signal.key.hash.to_be_bytes()),
            attempt: attempt_of(signal),
            choice: signal.choice(),
            answer: signal.answer.as_ref().map(|answer| Hex(answer.as_bytes())),
            at: signal.received_at.as_millis(),
        })?;
        let receipt = Receipt { choice: signal.choice(), answer: signal.answer.clone() };
        self.shelf.receipts.insert((call.clone(), signal.key), receipt);
        Ok(())
    }

    /// Gives a new call the next free id if another call of its millisecond has drawn the same.
    fn settle_id(&self, tenant: u64, item: &mut Item) -> Result<(), StoreError> {
        let (Some(drawn), Some(id)) = (item.drawn, item.signal.new_call_id()) else { return Ok(()) };
        let drawn = drawn.get();
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

/// A call's record, and its session if it is new.
fn call_rows<R: RowForm>(rows: &mut BatchRows<R>, tenant: u64, slot: &Slot) -> Result<(), StoreError> {
    let (Some(call), Some(at)) = (&slot.now, slot.touched) else { return Ok(()) };
    let row = CallRow::of(tenant, call, slot.steps, at)?;
    if slot.stored == Stored::Yes {
        return rows.changed_calls.push(&row);
    }
    rows.new_calls.push(&row)?;
    rows.sessions.push(&SessionRow { tenant, token: call.token.as_str(), call: call.id.get() })
}
