//! What a step leaves behind beside the call itself: its history and the events that are published after the commit.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::aggregate::RecordStatus;
use super::state::CallState;
use super::token::{EventKind, SessionToken};
use crate::id::{AgentId, CallId, GroupId};
use crate::time::Timestamp;

/// One line of a call's history: a state that it entered, or a signal that changed nothing and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The call's state after this.
    pub state: CallState,
    /// When we learned of it.
    pub at: Timestamp,
    /// From which webhook.
    pub source: EventKind,
    /// Whether it changed the state.
    pub effect: Effect,
    /// The signal in words, where the state does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<CompactString>,
}

/// What a signal did to the state: `Entered` and `Corrected` change it, the others leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The call entered the state.
    Entered,
    /// Recorded; it does not concern the state.
    Recorded,
    /// It was behind the state.
    Stale,
    /// The state was terminal.
    Refused,
    /// A CDR overruled a terminal state.
    Corrected,
}

impl Effect {
    /// The word of tables and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Recorded => "recorded",
            Self::Stale => "stale",
            Self::Refused => "refused",
            Self::Corrected => "corrected",
        }
    }
}

/// An event about a call, published once its transaction has committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallEvent {
    /// What happened.
    pub kind: CallEventKind,
    /// When.
    pub at: Timestamp,
    /// The record.
    pub call_id: CallId,
    /// The call.
    pub session_token: SessionToken,
    /// The agent, if there is one.
    pub agent_id: Option<AgentId>,
    /// The group, if one chose.
    pub group_id: Option<GroupId>,
    /// The record's status then.
    pub status: RecordStatus,
    /// Billed seconds, once known.
    pub duration: Option<u32>,
}

/// What happened to a call (specification, "Event Schema Definitions").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEventKind {
    /// A new call entered the system.
    CallQueued,
    /// The first attempt of a call was decided.
    CallStarted,
    /// An attempt was decided.
    CallRouted,
    /// The caller talks to the agent.
    CallConnected,
    /// The call ended: completed, busy or no answer.
    CallCompleted,
    /// The call failed.
    CallFailed,
}

impl CallEventKind {
    /// The specification's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallQueued => "call_queued",
            Self::CallStarted => "call_started",
            Self::CallRouted => "call_routed",
            Self::CallConnected => "call_connected",
            Self::CallCompleted => "call_completed",
            Self::CallFailed => "call_failed",
        }
    }
}
