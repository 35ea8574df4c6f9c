//! One webhook as it goes over the wire: what it is, where it goes, and the bytes that every copy of it has.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;

use super::payload::Identity;
use super::random::Random;

/// The kind of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A stage of the voice application.
    Voice,
    /// A dial result.
    Dial,
    /// A session update.
    Update,
    /// A call detail record.
    Cdr,
}

impl Kind {
    /// The kind's name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Dial => "dial",
            Self::Update => "update",
            Self::Cdr => "cdr",
        }
    }

    /// Whether its answer is CXML that a live call waits for.
    pub(super) fn asks(self) -> bool {
        matches!(self, Self::Voice | Self::Dial)
    }
}

/// Who said where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The customer's settings.
    Configured,
    /// The server's own CXML.
    Named,
}

/// A webhook, ready to be sent any number of times with the same bytes.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) kind: Kind,
    /// What it says, in a word: the status of an update, a dial, a CDR.
    pub(super) what: &'static str,
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) body: Bytes,
    /// The stage id of a voice request or dial result.
    pub(super) stage: Option<String>,
    /// The event id of an update.
    pub(super) event_id: Option<String>,
    pub(super) origin: Origin,
}

/// The headers that name a call in its voice requests and dial results (FACTS §1).
#[derive(Clone, Debug)]
pub(super) struct SessionHeaders(HeaderMap);

impl SessionHeaders {
    pub(super) fn new(call: &Identity, random: &mut Random) -> Self {
        let api_key = format!("XI{}", random.hex32());
        let pairs = [
            ("x-cx-apikey", api_key.as_str()),
            ("x-cx-domain", &call.domain),
            ("x-cx-session", &call.token),
            ("x-cx-source", call.direction.source()),
            ("x-cx-from", &call.from),
            ("x-cx-to", &call.to),
        ];
        let header = |(name, text): (&'static str, &str)| {
            // Numbers and domains were checked for control characters where they were read.
            let value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
            Some((HeaderName::from_static(name), value))
        };
        Self(pairs.into_iter().filter_map(header).collect())
    }

    /// The headers of one webhook: all of them and the stage id, or none where the platform sends none.
    pub(super) fn of(&self, webhook: &Webhook) -> HeaderMap {
        let Some(stage) = webhook.stage.as_deref().and_then(|stage| HeaderValue::from_str(stage).ok()) else {
            return HeaderMap::new();
        };
        let mut headers = self.0.clone();
        headers.insert(HeaderName::from_static("x-cx-stageid"), stage);
        headers
    }
}
