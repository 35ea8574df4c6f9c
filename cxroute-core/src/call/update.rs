//! What a session update says of a call (FACTS §4), in the lifecycle's own words.

use serde::{Deserialize, Serialize};

use super::aggregate::Outcome;
use crate::time::Timestamp;

/// A session update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateReport {
    /// What its status means.
    pub word: UpdateWord,
    /// The platform's word, raw.
    pub raw: Box<str>,
    /// When the session ended, if it says so.
    pub ended_at: Option<Timestamp>,
}

/// What an update's status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateWord {
    /// `new`, `processing`, `answer`: no effect.
    Progress,
    /// `ringing`.
    Ringing,
    /// `connected`: media is up.
    Connected,
    /// Another word, known to mean this; it ends the session only with an end time.
    End(Outcome),
    /// A word we do not know; it ends the session only with an end time.
    Unknown,
}
