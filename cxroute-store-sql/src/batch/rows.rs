//! The rows that signals write, as a store's statements read them from JSON.

use std::collections::BTreeMap;

use cxroute_core::call::{Call, Figures, HistoryEntry, RollupDelta, RollupKind};
use cxroute_core::id::{AgentId, CallId, GroupId};
use cxroute_core::port::StoreError;
use serde::Serialize;

use super::books::BookRows;
use crate::codec::Rows;

/// Everything that a batch writes: for each table, rows as objects with these keys.
#[derive(Debug, Default)]
pub struct BatchRows {
    /// `call_records`, new: `tenant`, `id`, `token`, `direction`, `from`, `to`, `agent`, `group`, `status`,
    /// `state`, `reason`, `early`, `received_at`, `start_time`, `end_time`, `duration`, `session_ended`, `cdr`, `live_until`,
    /// `history_count`, `trace_count`, `updated_at`.
    pub new_calls: Rows,
    /// `call_records`, changed: the same.
    pub changed_calls: Rows,
    /// `call_sessions`, new: `tenant`, `token`, `call`.
    pub sessions: Rows,
    /// `call_attempts`, new or changed: `tenant`, `call`, `number`, `agent`, `group`, `membership`, `pool`, `dialled`,
    /// `probe`, `started_at`, `ended_at`, `outcome`, `word`.
    pub attempts: Rows,
    /// `call_history`, new: `tenant`, `call`, `seq`, `state`, `at`, `source`, `effect`, `detail`.
    pub history: Rows,
    /// `call_traces`, new: `tenant`, `call`, `seq`, `trace`.
    pub traces: Rows,
    /// `receipts`, new: `tenant`, `token`, `kind`, `hash`, `attempt`, `choice`, `answer` (both hexadecimal), `at`.
    pub receipts: Rows,
    /// `webhook_audit`, new: `tenant`, `kind`, `token`, `payload`, `at`.
    pub audit: Rows,
    /// `outbox`, new: `tenant`, `event`.
    pub outbox: Rows,
    /// The plane's books.
    pub books: BookRows,
    rollups: BTreeMap<RollupKey, Figures>,
}

/// Tenant, kind, whose, quarter-hour: the order in which rollups are written.
type RollupKey = (u64, &'static str, u64, i64);

#[derive(Serialize)]
pub(super) struct SessionRow<'a> {
    pub(super) tenant: u64,
    pub(super) token: &'a str,
    pub(super) call: u64,
}

#[derive(Serialize)]
struct HistoryRow<'a> {
    tenant: u64,
    call: u64,
    seq: i64,
    state: &'static str,
    at: i64,
    source: &'static str,
    effect: &'static str,
    detail: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct TraceRow {
    pub(super) tenant: u64,
    pub(super) call: u64,
    pub(super) seq: i64,
    pub(super) trace: String,
}

#[derive(Serialize)]
pub(super) struct ReceiptRow<'a> {
    pub(super) tenant: u64,
    pub(super) token: &'a str,
    pub(super) kind: &'static str,
    pub(super) hash: String,
    pub(super) attempt: Option<u16>,
    pub(super) choice: u64,
    pub(super) answer: Option<String>,
    pub(super) at: i64,
}

#[derive(Serialize)]
pub(super) struct AuditRow<'a> {
    pub(super) tenant: u64,
    pub(super) kind: &'static str,
    pub(super) token: &'a str,
    pub(super) payload: &'a str,
    pub(super) at: i64,
}

#[derive(Serialize)]
pub(super) struct OutboxRow {
    pub(super) tenant: u64,
    pub(super) event: String,
}

#[derive(Serialize)]
struct RollupRow {
    tenant: u64,
    kind: &'static str,
    whose: u64,
    quarter: i64,
    #[serde(flatten)]
    figures: Figures,
}

impl BatchRows {
    /// Adds lines of history; `seq` is the first one's number.
    pub(super) fn history(
        &mut self,
        tenant: u64,
        call: &Call,
        seq: i64,
        lines: &[HistoryEntry],
    ) -> Result<(), StoreError> {
        for (line, seq) in lines.iter().zip(seq..) {
            self.history.push(&HistoryRow {
                tenant,
                call: CallId::get(call.id),
                seq,
                state: line.state.as_str(),
                at: line.at.as_millis(),
                source: line.source.as_str(),
                effect: line.effect.as_str(),
                detail: line.detail.as_deref(),
            })?;
        }
        Ok(())
    }

    /// Adds a change of a rollup row to those of the same row.
    pub(super) fn rollup(&mut self, tenant: u64, delta: RollupDelta) {
        let (kind, whose) = match delta.kind {
            RollupKind::Tenant => ("tenant", 0),
            RollupKind::Agent(agent) => ("agent", AgentId::get(agent)),
            RollupKind::Group(group) => ("group", GroupId::get(group)),
        };
        *self.rollups.entry((tenant, kind, whose, delta.quarter)).or_default() += delta.figures;
    }

    /// `rollups` in key order, figures to be added: `tenant`, `kind`, `whose`, `quarter`, and the figures by name.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn rollups(&self) -> Result<Rows, StoreError> {
        let mut rows = Rows::default();
        for ((tenant, kind, whose, quarter), figures) in &self.rollups {
            let (tenant, kind, whose, quarter) = (*tenant, *kind, *whose, *quarter);
            rows.push(&RollupRow { tenant, kind, whose, quarter, figures: *figures })?;
        }
        Ok(rows)
    }
}
