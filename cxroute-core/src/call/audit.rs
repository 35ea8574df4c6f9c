//! The webhook as `webhook_audit` keeps it: whatever was sent, less its secrets.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cloudonix::redact_body;

/// A webhook's body on its way to the audit. Redaction is done when it is written, not while the call waits; until
/// then the body does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Audit(Content);

#[derive(Clone, PartialEq, Eq)]
enum Content {
    Raw(Bytes),
    Redacted(Box<str>),
}

impl Audit {
    /// Keeps a body as it arrived.
    pub const fn of(body: Bytes) -> Self {
        Self(Content::Raw(body))
    }

    /// The JSON text to store, without secrets.
    pub fn payload(&self) -> String {
        match &self.0 {
            Content::Raw(body) => redact_body(body),
            Content::Redacted(text) => text.as_ref().to_owned(),
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = match &self.0 {
            Content::Raw(body) => body.len(),
            Content::Redacted(text) => text.len(),
        };
        write!(f, "Audit({len} bytes)")
    }
}

impl Serialize for Audit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.payload())
    }
}

impl<'de> Deserialize<'de> for Audit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Content::Redacted(Box::deserialize(deserializer)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_body_is_its_content_without_secrets_and_reads_back() {
        let audit = Audit::of(Bytes::from_static(br#"{"session":"a","password":"hunter2"}"#));
        let kept: serde_json::Value = serde_json::from_str(&audit.payload()).unwrap();
        assert_eq!(kept["session"], "a");
        assert!(!audit.payload().contains("hunter2"));
        let stored = serde_json::to_string(&audit).unwrap();
        let read: Audit = serde_json::from_str(&stored).unwrap();
        assert_eq!(read.payload(), audit.payload());
        for (audit, length) in [(&audit, 36), (&read, audit.payload().len())] {
            assert_eq!(format!("{audit:?}"), format!("Audit({length} bytes)"));
        }
    }
}
