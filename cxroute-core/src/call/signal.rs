//! A signal: one webhook, parsed and decided, as it is committed or spooled; and what committing it came to.

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::aggregate::{Call, Outcome};
use super::audit::Audit;
use super::cdr::CdrReport;
use super::decision::Decision;
use super::token::{EventKey, SessionToken};
use super::update::UpdateReport;
use crate::id::CallId;
use crate::secret::Sealed;
use crate::strategy::HealthSign;
use crate::time::Timestamp;

/// One webhook on its way into the store. Everything that its effect needs is in it: committing it now, or from the
/// spool tomorrow, on this server or another, comes to the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The call; none if the webhook names none: then only the audit keeps it.
    pub token: Option<SessionToken>,
    /// Names it within the call.
    pub key: EventKey,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What it says.
    pub kind: SignalKind,
    /// The answer, sealed, for voice requests and dial results.
    pub answer: Option<Sealed>,
    /// The webhook as it is kept.
    pub audit: Audit,
}

/// What a signal says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// A call wants CXML.
    Voice {
        /// What a record is made of when the call is new.
        call: NewCall,
        /// What was chosen.
        decision: Decision,
        /// What the choice knew of the call.
        basis: Basis,
    },
    /// An attempt has ended.
    Dial {
        /// What a record is made of when the call is unknown.
        call: NewCall,
        /// The result.
        report: DialReport,
        /// What was chosen next.
        decision: Decision,
        /// What the choice knew of the call.
        basis: Basis,
    },
    /// A session update.
    Update(UpdateReport),
    /// A call detail record.
    Cdr(CdrReport),
    /// Nothing that concerns a call: only the audit keeps it, and it leaves no receipt. A copy of a signal that was
    /// answered is one, too: what it is a copy of may still wait in the spool of the server that answered.
    AuditOnly,
}

/// What a new call's record is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCall {
    /// Its id, minted once.
    pub id: CallId,
    /// The caller as received.
    pub from: CompactString,
    /// The dialled number as received.
    pub to: CompactString,
    /// How long it counts as live.
    pub live_until: Timestamp,
}

/// A dial result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialReport {
    /// The attempt that it names.
    pub attempt: u16,
    /// What it came to.
    pub outcome: Outcome,
    /// What it says of the agent's health.
    pub sign: HealthSign,
    /// The platform's word, raw.
    pub word: Box<str>,
}

/// What a decision knew of the call. If the store knows better, the decision is refused as a conflict and made again,
/// except where its answer is already on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// How many attempts the call had had.
    pub attempts: u16,
    /// Whether the answer was given before the commit: the spool's signals, drained later.
    pub answered: bool,
}

/// What committing a signal came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Ingested {
    /// It is durable, and this is the call now; none if there is no such call.
    Committed(Option<Arc<Call>>),
    /// A copy of it was durable before.
    Duplicate {
        /// Its answer, for voice requests and dial results.
        answer: Option<Sealed>,
        /// Which choice of the execution plane was committed with it: its delta's sequence number, 0 = none.
        choice: u64,
    },
    /// Its decision was made in ignorance of this; nothing was kept of it.
    Conflict(Arc<Call>),
}

impl Signal {
    /// The decision that it carries.
    pub const fn decision(&self) -> Option<&Decision> {
        match &self.kind {
            SignalKind::Voice { decision, .. } | SignalKind::Dial { decision, .. } => Some(decision),
            SignalKind::Update(_) | SignalKind::Cdr(_) | SignalKind::AuditOnly => None,
        }
    }

    /// The id that the call gets if this signal creates it: a store in which another call has it moves it to the next
    /// free one.
    pub const fn new_call_id(&mut self) -> Option<&mut CallId> {
        match &mut self.kind {
            SignalKind::Voice { call, .. } | SignalKind::Dial { call, .. } => Some(&mut call.id),
            SignalKind::Cdr(report) => Some(&mut report.id),
            SignalKind::Update(_) | SignalKind::AuditOnly => None,
        }
    }

    /// The choice of the execution plane that is committed with it: its delta's sequence number, 0 = none.
    pub fn choice(&self) -> u64 {
        self.decision().map_or(0, |decision| decision.delta.seq)
    }
}
