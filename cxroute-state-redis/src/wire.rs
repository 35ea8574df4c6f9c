//! Operations as the log holds them.

use std::sync::Arc;

use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::id::AgentId;
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{Adopted, LastResort, Plane, Preferences, Roster, SessionImage, Settle};
use cxroute_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The form of the log's entries.
const FORM: u32 = 1;
/// Servers of one version read each other's states and entries, and the plane of a lower one makes room.
pub(crate) const VERSION: u32 = Plane::VERSION * 100 + FORM;

/// One operation. An entry of the log is a list of them, the operations of a batch in order: MessagePack with named
/// fields, so that a later version may add some.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Timed {
    /// The caller's time, where that is what counts; else the entry's own is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Timestamp>,
    /// What is done.
    pub(crate) op: Operation,
}

/// What is done to a plane. Cheap to clone: what is large is shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Later choices name this roster by its fingerprint.
    Know(Arc<Roster>),
    Choose(Arc<Choose>),
    Settle {
        token: SessionToken,
        settle: Settle,
    },
    Complete {
        token: SessionToken,
        key: EventKey,
        answer: Sealed,
        open_until: Timestamp,
    },
    Retract {
        token: SessionToken,
        key: EventKey,
    },
    End {
        token: SessionToken,
    },
    StopAttempts {
        token: SessionToken,
    },
    Hydrate(SessionImage),
    Adopt(Adopted),
}

/// A choice that is asked for; its stages are named by the fingerprints of their rosters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Choose {
    pub(crate) token: SessionToken,
    pub(crate) key: EventKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settle: Option<Settle>,
    pub(crate) stages: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) preferences: Vec<Preferences>,
    pub(crate) last_resort: LastResort,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tried: Vec<AgentId>,
}

/// What is in the log, or in a snapshot, is not what this version writes there.
#[derive(Debug, thiserror::Error)]
#[error("expected {expected}, got {got} bytes that are something else: {why}")]
pub(crate) struct Unreadable {
    expected: &'static str,
    got: usize,
    why: String,
}

/// Any of this crate's values as bytes: none of them holds what MessagePack cannot.
pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap_or_default()
}

/// A value from bytes.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(
    expected: &'static str,
    bytes: &[u8],
) -> Result<T, Unreadable> {
    rmp_serde::from_slice(bytes).map_err(|error| Unreadable {
        expected,
        got: bytes.len(),
        why: error.to_string(),
    })
}
