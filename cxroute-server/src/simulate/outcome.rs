//! How an attempt or a call ends, and the words in which Cloudonix says so (FACTS §3 to §5).

use serde::Serialize;

use super::random::Random;

/// How a dial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Answered, talked, hung up.
    Completed,
    /// The other side was busy.
    Busy,
    /// It rang until the dial's time was over.
    NoAnswer,
    /// It could not be reached.
    Failed,
    /// The caller hung up while it rang.
    Canceled,
}

impl Outcome {
    /// The outcome's name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// A word of `DialCallStatus` for it.
    pub(super) fn dial_status(self, random: &mut Random) -> &'static str {
        match self {
            Self::Completed => random.word(["completed", "completed", "completed", "answered"]),
            Self::Busy => "busy",
            Self::NoAnswer => random.word(["no-answer", "no-answer", "noanswer"]),
            Self::Failed => random.word(["failed", "failed", "failed", "unknown"]),
            Self::Canceled => "canceled",
        }
    }

    /// A session-update status for a leg, or a session, that ended so.
    pub(super) fn update_status(self, random: &mut Random) -> &'static str {
        match self {
            Self::Completed => "answer",
            Self::Busy => "busy",
            Self::NoAnswer => "noanswer",
            Self::Failed => random.word(["failed", "congestion", "error", "nocredit", "external"]),
            Self::Canceled => "cancel",
        }
    }

    /// A CDR disposition for a call that ended so.
    pub(super) fn disposition(self, random: &mut Random) -> &'static str {
        match self {
            Self::Completed => random.word(["ANSWER", "ANSWER", "ANSWERED", "CONNECTED"]),
            Self::Busy => "BUSY",
            Self::NoAnswer => random.word(["NOANSWER", "NO ANSWER"]),
            Self::Failed => random.word(["FAILED", "FAILED", "CONGESTION", "ERROR", "NOCREDIT", "EXTERNAL"]),
            Self::Canceled => random.word(["CANCEL", "CANCELLED"]),
        }
    }

    /// What a dial result with this outcome makes of an attempt: canceled counts as failed.
    pub(super) fn attempt_status(self) -> &'static str {
        match self {
            Self::Canceled => "failed",
            other => other.name(),
        }
    }

    /// What a CDR with this outcome makes of a call: the caller's cancel is a call without an answer.
    pub(super) fn call_status(self) -> &'static str {
        match self {
            Self::Canceled => "no_answer",
            other => other.name(),
        }
    }
}
