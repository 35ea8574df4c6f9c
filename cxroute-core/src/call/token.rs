//! The names of a call and of its signals: what signals are joined and deduplicated by.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloudonix::{self, Fingerprint};

/// A session token: the name of a call (FACTS §7.1). 1 to 255 bytes; cheap to clone.
///
/// A longer token keeps its first 200 bytes or so and ends in `#` and a 128-bit hash of the whole, so that odd calls
/// stay apart without being refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionToken(Arc<str>);

impl SessionToken {
    const MOST_BYTES: usize = 255;

    /// The token, or `None` for an empty text.
    pub fn new(text: &str) -> Option<Self> {
        match text.len() {
            0 => None,
            1..=Self::MOST_BYTES => Some(Self(text.into())),
            _ => {
                let mut end = 200;
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                let hash = Fingerprint::of([text.as_bytes()]);
                Some(Self(format!("{}#{hash}", &text[..end]).into()))
            }
        }
    }

    /// The session of a dry run, which no platform's token is: it has a blank in it.
    pub fn of_dry_run() -> Self {
        Self("dry run".into())
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SessionToken {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kinds of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A voice application request: a call wants CXML.
    VoiceRequest,
    /// The result of a Dial.
    DialResult,
    /// A session update.
    SessionUpdate,
    /// A call detail record.
    Cdr,
}

impl EventKind {
    /// The word of tables and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VoiceRequest => "voice_request",
            Self::DialResult => "dial_result",
            Self::SessionUpdate => "session_update",
            Self::Cdr => "cdr",
        }
    }
}

/// Names one signal within its call (domain.md §6): two signals with one key are copies of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventKey {
    /// Which kind of signal.
    pub kind: EventKind,
    /// A stable 128-bit hash of what names it: stage id, attempt, event id …
    #[serde(with = "hex128")]
    pub hash: u128,
}

impl EventKey {
    /// The key of a signal of this kind, from what its payload says names it.
    pub fn new(kind: EventKind, named: &cloudonix::EventName<'_>) -> Self {
        let hash = match named {
            cloudonix::EventName::Stage(id) => Fingerprint::of([b"stage".as_slice(), id.as_bytes()]),
            cloudonix::EventName::Attempt(number) => Self::attempt(*number),
            cloudonix::EventName::Event(id) => Fingerprint::of([b"event".as_slice(), id.as_bytes()]),
            cloudonix::EventName::Status { status, modified_at } => {
                Fingerprint::of([b"status".as_slice(), status.as_bytes(), modified_at.as_bytes()])
            }
            cloudonix::EventName::Content(content) => *content,
        };
        Self { kind, hash: hash.get() }
    }

    fn attempt(number: u32) -> Fingerprint {
        Fingerprint::of([b"attempt".as_slice(), &number.to_le_bytes()])
    }
}

/// 128-bit numbers as 32 hexadecimal digits: JSON has no room for them as numbers.
mod hex128 {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(hash: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{hash:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(de::Error::custom)
    }
}

/// Names one attempt: the call, and its number within it (1 is the first).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptName {
    /// The call.
    pub token: SessionToken,
    /// 1 is the first attempt of the call.
    pub number: u16,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_shows_compares_and_is_found_as_its_text() {
        let token = SessionToken::new("a1").unwrap();
        assert_eq!((token.as_str(), token.to_string().as_str()), ("a1", "a1"));
        assert_eq!(format!("{token:?}"), r#""a1""#);
        let known = HashSet::from([token]);
        assert!(known.contains("a1") && !known.contains("a2"));
    }

    #[test]
    fn long_tokens_are_shortened_and_stay_apart() {
        let text = "é".repeat(128);
        let (one, two) = (SessionToken::new(&text).unwrap(), SessionToken::new(&format!("{text}x")).unwrap());
        assert!(one != two && one.as_str().len() <= 255 && one.as_str().starts_with("éé"));
        assert_eq!(SessionToken::new(&"a".repeat(255)).unwrap().as_str(), "a".repeat(255));
        assert_eq!(SessionToken::new(""), None);
    }

    #[test]
    fn the_key_of_a_signal_is_stored_in_full() {
        let hash = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;
        let key = EventKey { kind: EventKind::Cdr, hash };
        let text = serde_json::to_string(&key).unwrap();
        assert!(text.contains(r#""0123456789abcdef0011223344556677""#), "{text}");
        assert_eq!(serde_json::from_str::<EventKey>(&text).unwrap(), key);
        assert!(serde_json::from_str::<EventKey>(r#"{"kind":"cdr","hash":"g"}"#).is_err());
    }
}
