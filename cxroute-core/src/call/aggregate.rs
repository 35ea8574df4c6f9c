//! The call as it is kept: what was dialled, what was tried, how it ended.

use compact_str::CompactString;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::state::CallState;
use super::token::SessionToken;
use crate::config::RuleDirection;
use crate::id::{AgentId, CallId, GroupId};
use crate::strategy::AttemptSeat;
use crate::time::Timestamp;

/// One call, from its first signal to its CDR. A whole aggregate: stores take and give it entire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The record's id, minted once.
    pub id: CallId,
    /// The session token.
    pub token: SessionToken,
    /// Outbound if an outbound rule chose.
    pub direction: RuleDirection,
    /// The caller as received.
    pub from: CompactString,
    /// The dialled number as received.
    pub to: CompactString,
    /// Where the call is.
    pub state: CallState,
    /// Why it ended without an answer, if we know.
    pub reason: Option<EndReason>,
    /// Every attempt, in the order of their numbers. One is missing while the signal that decided it is still on its way,
    /// in another server's spool.
    pub attempts: SmallVec<[Attempt; 1]>,
    /// Results that arrived before the signals that decided their attempts, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early: Vec<EarlyResult>,
    /// When its first signal arrived; never changes.
    pub received_at: Timestamp,
    /// When it began: the first signal, then the CDR's word.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Billed seconds, from the CDR.
    pub duration: Option<u32>,
    /// When the platform said that the session ended: no further attempts.
    pub session_ended: Option<Timestamp>,
    /// The CDR's figures, the last one's if there were several.
    pub cdr: Option<CdrFigures>,
    /// When its CDR arrived, the first one if there were several: what is known of attempts since then is stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdr_at: Option<Timestamp>,
    /// While it is not terminal, it counts as live until then.
    pub live_until: Timestamp,
}

/// One try to reach one agent or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first of the call.
    pub number: u16,
    /// Whom.
    pub target: AttemptTarget,
    /// The cool-down episode that it probes in.
    pub probe: Option<u32>,
    /// When it was decided.
    pub started_at: Timestamp,
    /// When its end was known.
    pub ended_at: Option<Timestamp>,
    /// What it came to.
    pub outcome: Option<Outcome>,
    /// The platform's word for it.
    pub word: Option<Box<str>>,
}

/// What an attempt came to that we do not know yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyResult {
    /// The attempt's number.
    pub number: u16,
    /// When its end was known.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// The platform's word for it.
    pub word: Box<str>,
}

/// Whom an attempt tries to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptTarget {
    /// An agent.
    Agent(AttemptSeat),
    /// A number on trunks: an outbound rule's, or a group's fallback.
    Number {
        /// The group whose fallback it is.
        group: Option<GroupId>,
        /// As dialled.
        number: Box<str>,
    },
}

impl AttemptTarget {
    /// The agent.
    pub const fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Agent(seat) => Some(seat.agent),
            Self::Number { .. } => None,
        }
    }

    /// The group that chose.
    pub const fn group(&self) -> Option<GroupId> {
        match self {
            Self::Agent(seat) => seat.group,
            Self::Number { group, .. } => *group,
        }
    }
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was answered.
    Completed,
    /// It was busy.
    Busy,
    /// It did not answer.
    NoAnswer,
    /// It failed; also `canceled` and unknown words.
    Failed,
}

impl Outcome {
    /// The word of tables and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Failed => "failed",
        }
    }
}

/// Why a call ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// No rule matches the number.
    NoRoute,
    /// No agent could take the call: nothing was dialled.
    NoAgent,
    /// The last attempt's outcome ended it, as nobody was left to try or its outcome is not retried.
    AttemptsFailed,
    /// A fallback announcement was played.
    Announcement,
    /// A fallback rejected it.
    Rejected,
    /// A fallback ended it.
    Hangup,
    /// The session ended before an answer.
    SessionEnded,
}

impl EndReason {
    /// The word of tables and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::NoAgent => "no_agent",
            Self::AttemptsFailed => "attempts_failed",
            Self::Announcement => "announcement",
            Self::Rejected => "rejected",
            Self::Hangup => "hangup",
            Self::SessionEnded => "session_ended",
        }
    }
}

/// The figures of a CDR (FACTS §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdrFigures {
    /// The platform's word, raw.
    pub disposition: Box<str>,
    /// The SIP Call-ID.
    pub call_id: Option<Box<str>>,
    /// Seconds from start to end.
    pub duration: Option<u32>,
    /// Billed seconds; 0 is real.
    pub billsec: Option<u32>,
    /// When the call began.
    pub start: Option<Timestamp>,
    /// When the platform first answered, which need not be the agent.
    pub answer: Option<Timestamp>,
    /// When the call ended.
    pub end: Option<Timestamp>,
    /// Where the recording is.
    pub recording_url: Option<Box<str>>,
}

/// The status of a call record, as the specification words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the specification's own words")]
pub enum RecordStatus {
    Queued,
    Ringing,
    InProgress,
    Completed,
    Busy,
    Failed,
    NoAnswer,
}

impl RecordStatus {
    /// The specification's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no_answer",
        }
    }
}

impl Call {
    /// The agent of the last attempt.
    pub fn agent(&self) -> Option<AgentId> {
        self.attempts.last().and_then(|attempt| attempt.target.agent())
    }

    /// The group of the last attempt.
    pub fn group(&self) -> Option<GroupId> {
        self.attempts.last().and_then(|attempt| attempt.target.group())
    }

    /// The attempt that is under way.
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|attempt| attempt.ended_at.is_none())
    }

    /// The seat that this attempt was made to; none if it dialled a number, or there is no such attempt.
    pub fn seat_of(&self, number: u16) -> Option<AttemptSeat> {
        match self.attempts.iter().find(|attempt| attempt.number == number)?.target {
            AttemptTarget::Agent(seat) => Some(seat),
            AttemptTarget::Number { .. } => None,
        }
    }

    /// Whether it gets no further attempt.
    pub const fn is_over(&self) -> bool {
        self.state.is_terminal() || self.session_ended.is_some()
    }
}
