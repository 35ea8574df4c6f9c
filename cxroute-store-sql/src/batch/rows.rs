//! The rows that signals write, as a store's statements take them.

use std::collections::BTreeMap;

use cxroute_core::call::{Figures, RollupDelta, RollupKind};
use cxroute_core::id::{AgentId, GroupId};
use cxroute_core::port::StoreError;
use serde::Serialize;

use super::books::BookRows;
use crate::codec::{Hex, Moment, RowForm};
use crate::outbox::OutboxRows;

/// Everything that a batch writes: for each table, rows with these fields, in this order.
#[derive(Debug, Default)]
pub struct BatchRows<R> {
    /// `call_records`, new: `tenant`, `id`, `token`, `direction`, `from`, `to`, `agent`, `group`, `status`, `state`, `reason`,
    /// `early`, `attempts`, `received_at`, `start_time`, `end_time`, `duration`, `session_ended`, `cdr`, `live_until`,
    /// `step_count`, `created_at`, `updated_at`; of these `start_time`, `end_time` and the last two are [`Moment`]s.
    pub new_calls: R,
    /// `call_records`, changed: the same.
    pub changed_calls: R,
    /// `call_sessions`, new: `tenant`, `token`, `call`.
    pub sessions: R,
    /// `receipts`, new: `tenant`, `token`, `kind`, `hash`, `attempt`, `choice`, `answer` (both [`Hex`]), `at`.
    pub receipts: R,
    /// `webhook_audit`, new: `tenant`, `id`, `server`, `kind`, `token`, `payload`, `at` (a [`Moment`]), and of webhooks that did
    /// something to their call `call`, `step`, `history` and perhaps `trace`.
    pub audit: R,
    /// `outbox`, new.
    pub outbox: OutboxRows<R>,
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
pub(super) struct ReceiptRow<'a> {
    pub(super) tenant: u64,
    pub(super) token: &'a str,
    pub(super) kind: &'static str,
    pub(super) hash: Hex<'a>,
    pub(super) attempt: Option<u16>,
    pub(super) choice: u64,
    pub(super) answer: Option<Hex<'a>>,
    pub(super) at: i64,
}

#[derive(Serialize)]
pub(super) struct AuditRow<'a> {
    pub(super) tenant: u64,
    pub(super) id: i64,
    pub(super) server: u16,
    pub(super) kind: &'static str,
    pub(super) token: &'a str,
    pub(super) payload: &'a str,
    pub(super) at: Moment,
    pub(super) call: Option<u64>,
    pub(super) step: Option<i64>,
    pub(super) history: Option<String>,
    pub(super) trace: Option<String>,
}

#[derive(Serialize)]
struct RollupRow {
    tenant: u64,
    kind: &'static str,
    whose: u64,
    quarter: i64,
    slot: u16,
    calls: i64,
    completed: i64,
    busy: i64,
    failed: i64,
    no_answer: i64,
    completed_seconds: i64,
}

impl<R: RowForm> BatchRows<R> {
    /// Adds a change of a rollup row to those of the same row.
    pub(super) fn rollup(&mut self, tenant: u64, delta: RollupDelta) {
        let (kind, whose) = match delta.kind {
            RollupKind::Tenant => ("tenant", 0),
            RollupKind::Agent(agent) => ("agent", AgentId::get(agent)),
            RollupKind::Group(group) => ("group", GroupId::get(group)),
        };
        *self.rollups.entry((tenant, kind, whose, delta.quarter)).or_default() += delta.figures;
    }

    /// `rollups` in key order, figures to be added: `tenant`, `kind`, `whose`, `quarter`, the server's `slot`, `calls`,
    /// `completed`, `busy`, `failed`, `no_answer`, `completed_seconds`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn rollups(&self, slot: u16) -> Result<R, StoreError> {
        let mut rows = R::default();
        for ((tenant, kind, whose, quarter), figures) in &self.rollups {
            let (tenant, kind, whose, quarter) = (*tenant, *kind, *whose, *quarter);
            let Figures { calls, completed, busy, failed, no_answer, completed_seconds } = *figures;
            rows.push(&RollupRow {
                tenant,
                kind,
                whose,
                quarter,
                slot,
                calls,
                completed,
                busy,
                failed,
                no_answer,
                completed_seconds,
            })?;
        }
        Ok(rows)
    }
}
