//! Words of the platform: directions, outcomes, statuses, dispositions. All are read in any case, and a word that
//! nobody has seen yet is a value of its own, not an error (FACTS §7.4).

use std::borrow::Cow;

/// Whether `word` is one of `words`, in any case, `-`, `_` and blanks aside.
fn is_any(word: &str, words: &[&str]) -> bool {
    let is_letter = |byte: &u8| !b"-_ ".contains(byte);
    words
        .iter()
        .any(|known| word.bytes().filter(is_letter).map(|byte| byte.to_ascii_lowercase()).eq(known.bytes()))
}

/// Where a call came from (FACTS §1): decides which rules are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Direction<'a> {
    /// `inbound`: from a trunk.
    Inbound,
    /// `subscriber`: from a SIP subscriber, such as a soft phone.
    Subscriber,
    /// `outbound-api`: started by REST.
    OutboundApi,
    /// `outbound`.
    Outbound,
    /// `application`.
    Application,
    /// Any other word, as it came.
    Other(Cow<'a, str>),
}

impl<'a> Direction<'a> {
    pub(super) fn of(word: Cow<'a, str>) -> Self {
        for (known, direction) in [
            ("inbound", Self::Inbound),
            ("subscriber", Self::Subscriber),
            ("outbound-api", Self::OutboundApi),
            ("outbound", Self::Outbound),
            ("application", Self::Application),
        ] {
            if word.eq_ignore_ascii_case(known) {
                return direction;
            }
        }
        Self::Other(word)
    }

    /// The platform's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Inbound => "inbound",
            Self::Subscriber => "subscriber",
            Self::OutboundApi => "outbound-api",
            Self::Outbound => "outbound",
            Self::Application => "application",
            Self::Other(word) => word,
        }
    }
}

/// What became of a dialled attempt (domain rules §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DialOutcome {
    /// completed, answered: the agent talked with the caller.
    Completed,
    /// busy.
    Busy,
    /// no-answer, noanswer.
    NoAnswer,
    /// failed, canceled, unknown, and every word that is none of the others.
    Failed,
}

impl DialOutcome {
    /// The outcome of this word, in any case.
    pub fn of(word: &str) -> Self {
        match word {
            _ if is_any(word, &["completed", "answered", "answer"]) => Self::Completed,
            _ if is_any(word, &["busy"]) => Self::Busy,
            _ if is_any(word, &["noanswer"]) => Self::NoAnswer,
            _ => Self::Failed,
        }
    }
}

/// Whether a dial result's word says that it was given up, which health does not hold against the agent.
pub(super) fn is_canceled(word: &str) -> bool {
    is_any(word, &["canceled", "cancelled", "cancel"])
}

/// Whether a dial result's word is a documented one (FACTS §3).
pub(super) fn is_dial_word(word: &str) -> bool {
    DialOutcome::of(word) != DialOutcome::Failed || is_canceled(word) || is_any(word, &["failed", "unknown"])
}

/// The status of a session update (FACTS §4), as far as it has a meaning for the lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateStatus {
    /// new: no effect.
    New,
    /// processing: no effect.
    Processing,
    /// ringing.
    Ringing,
    /// connected: media is up.
    Connected,
    /// answer: comes at teardown too, so it has no effect.
    Answer,
    /// Any other word (busy, cancel, noanswer, …, new ones): ends the session only with an end time.
    Other,
}

impl UpdateStatus {
    /// The status of this word, in any case.
    pub fn of(word: &str) -> Self {
        match word {
            _ if is_any(word, &["new"]) => Self::New,
            _ if is_any(word, &["processing"]) => Self::Processing,
            _ if is_any(word, &["ringing"]) => Self::Ringing,
            _ if is_any(word, &["connected"]) => Self::Connected,
            _ if is_any(word, &["answer", "answered"]) => Self::Answer,
            _ => Self::Other,
        }
    }
}

/// Whether an update's status is a documented one (FACTS §4).
pub(super) fn is_update_word(word: &str) -> bool {
    const ENDS: [&str; 8] =
        ["busy", "cancel", "noanswer", "nocredit", "congestion", "external", "error", "failed"];
    UpdateStatus::of(word) != UpdateStatus::Other || is_any(word, &ENDS)
}

/// What a CDR says became of the call (FACTS §5, domain rules §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// ANSWER, ANSWERED, CONNECTED.
    Answered,
    /// BUSY.
    Busy,
    /// NOANSWER, NO ANSWER, CANCEL, CANCELLED.
    NoAnswer,
    /// CONGESTION, FAILED, ERROR, NOCREDIT, EXTERNAL.
    Failed,
    /// Any other word, or none: the call's own state and `billsec` decide.
    Unknown,
}

impl Disposition {
    /// The disposition of this word, in any case, with or without blanks, `-` and `_`.
    pub fn of(word: &str) -> Self {
        match word {
            _ if is_any(word, &["answer", "answered", "connected"]) => Self::Answered,
            _ if is_any(word, &["busy"]) => Self::Busy,
            _ if is_any(word, &["noanswer", "cancel", "cancelled", "canceled"]) => Self::NoAnswer,
            _ if is_any(word, &["congestion", "failed", "error", "nocredit", "external"]) => Self::Failed,
            _ => Self::Unknown,
        }
    }
}
