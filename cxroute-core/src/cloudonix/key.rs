//! Idempotency: what makes two webhooks copies of one (domain rules §6), as a short stable text.

use std::borrow::Cow;
use std::fmt;

use twox_hash::XxHash3_128;

/// Longest part of a payload that is used in a key as it is, in bytes; a longer one is fingerprinted.
const LONGEST_PART: usize = 96;

/// 128 bits that stand for a byte content: equal on every platform, version and run.
///
/// The algorithm is h₀ = 0, hᵢ = XXH3-128(hᵢ₋₁ ‖ XXH3-128(partᵢ)), seed 0, hashes as 16 little-endian bytes. It
/// guards against accidents, not against an attacker, who cannot get this far without the tenant's credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of a sequence of parts; `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn of<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let chained = parts.into_iter().fold(0_u128, |before, part| {
            let mut link = [0; 32];
            link[..16].copy_from_slice(&before.to_le_bytes());
            link[16..].copy_from_slice(&XxHash3_128::oneshot(part).to_le_bytes());
            XxHash3_128::oneshot(&link)
        });
        Self(chained)
    }

    /// The 128 bits.
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Within one call and kind of webhook, what tells one event from another; copies have equal keys.
///
/// Prints as a text of at most 200 bytes, different for different keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventName<'a> {
    /// A stage of the voice application: `stage:75bcd15a3f2c1e09`.
    Stage(Cow<'a, str>),
    /// An attempt of ours, named by the dial action's query: `attempt:2`.
    Attempt(u32),
    /// An event with an id of its own: `event:evt_abc123`.
    Event(Cow<'a, str>),
    /// A status at a time: `status:ringing@2024-01-11T10:30:05Z`.
    Status {
        /// The status as it came.
        status: Cow<'a, str>,
        /// `modifiedAt` as it came.
        modified_at: Cow<'a, str>,
    },
    /// Nothing but its content: `content:` and a fingerprint.
    Content(Fingerprint),
}

impl<'a> EventName<'a> {
    pub(super) fn stage(stage_id: Cow<'a, str>) -> Self {
        if stage_id.len() > LONGEST_PART { Self::fingerprint(&[&stage_id]) } else { Self::Stage(stage_id) }
    }

    pub(super) fn event(event_id: Cow<'a, str>) -> Self {
        if event_id.len() > LONGEST_PART { Self::fingerprint(&[&event_id]) } else { Self::Event(event_id) }
    }

    pub(super) fn status(status: Cow<'a, str>, modified_at: Cow<'a, str>) -> Self {
        if status.len().max(modified_at.len()) > LONGEST_PART {
            return Self::fingerprint(&[&status, &modified_at]);
        }
        Self::Status { status, modified_at }
    }

    fn fingerprint(parts: &[&str]) -> Self {
        Self::Content(Fingerprint::of(parts.iter().map(|part| part.as_bytes())))
    }
}

impl fmt::Display for EventName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(id) => write!(f, "stage:{id}"),
            Self::Attempt(number) => write!(f, "attempt:{number}"),
            Self::Event(id) => write!(f, "event:{id}"),
            Self::Status { status, modified_at } => write!(f, "status:{status}@{modified_at}"),
            Self::Content(fingerprint) => write!(f, "content:{fingerprint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_never_change_because_receipts_outlive_versions() {
        // Computed once and pinned: XXH3-128 of the empty input is 99aa06d3014798d86001c324468d497f.
        assert_eq!(format!("{:032x}", XxHash3_128::oneshot(b"")), "99aa06d3014798d86001c324468d497f");
        let pinned = Fingerprint::of([&b"/api/voice/application/a"[..], b"", b"{\"Session\":\"s\"}"]);
        assert_eq!(pinned.to_string(), "aad84a117d559c5094b8ade9ecdb2c56");
    }

    #[test]
    fn a_fingerprint_depends_on_where_its_parts_are_cut() {
        let of = |parts: &[&str]| Fingerprint::of(parts.iter().map(|part| part.as_bytes()));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        assert_ne!(of(&[]), of(&[""]));
    }

    #[test]
    fn a_key_prints_short_whatever_the_payload_says() {
        let long = "x".repeat(5_000);
        for key in [
            EventName::stage(long.as_str().into()),
            EventName::event(long.as_str().into()),
            EventName::status("ringing".into(), long.as_str().into()),
        ] {
            assert!(key.to_string().len() <= 200, "{key}");
        }
        assert_eq!(EventName::event("e1".into()).to_string(), "event:e1");
    }
}
