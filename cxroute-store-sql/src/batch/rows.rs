//! The rows that signals write, as a store's statements take them.

use serde::Serialize;

use super::ledger::Ledger;
use crate::codec::{Hex, Moment};
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
    /// The plane's books and the rollups.
    pub ledger: Ledger,
}

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
