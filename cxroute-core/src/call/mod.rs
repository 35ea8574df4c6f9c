//! A call: its name, its states, its attempts, and the pure step by which a signal changes it (domain.md §5).

mod aggregate;
mod attempts;
mod audit;
mod cdr;
mod decision;
mod effect;
mod rollup;
mod signal;
mod state;
mod step;
mod token;
mod update;

pub use aggregate::{
    Attempt, AttemptTarget, Call, CdrFigures, EarlyResult, EndReason, Outcome, RecordStatus,
};
pub use audit::Audit;
pub use cdr::CdrReport;
pub use decision::{Action, Decision, NewAttempt, RuleTrace, Trace};
pub use effect::{CallEvent, CallEventKind, Effect, HistoryEntry};
pub use rollup::{Figures, RollupDelta, RollupKind, rollup};
pub use signal::{Basis, DialReport, Ingested, NewCall, Signal, SignalKind};
pub use state::CallState;
pub use step::{Acceptance, Step, step};
pub use token::{AttemptName, EventKey, EventKind, SessionToken};
pub use update::{UpdateReport, UpdateWord};
