//! Attribute values that several verbs share: times, HTTP methods, callbacks, voices.

use std::borrow::Cow;
use std::time::Duration;

use super::sink::Tag;

/// A time span in whole seconds, at least one, as every CXML time attribute wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(u32);

impl Seconds {
    /// This many seconds; zero counts as one, because a `timeout="0"` means different things to different verbs.
    pub const fn new(seconds: u32) -> Self {
        Self(if seconds == 0 { 1 } else { seconds })
    }

    /// The number that is written.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<Duration> for Seconds {
    /// Rounds up, so that a time-out is never shorter than asked; saturates at `u32::MAX` seconds.
    fn from(span: Duration) -> Self {
        let whole = span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0));
        Self::new(u32::try_from(whole).unwrap_or(u32::MAX))
    }
}

/// The HTTP method by which Cloudonix calls a URL of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// `POST`: the payload comes as a JSON body.
    #[default]
    Post,
    /// `GET`: the payload comes as query parameters.
    Get,
}

impl Method {
    /// The word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
        }
    }
}

/// The URL that is asked for the next stage, and how: attributes `action` and `method`.
///
/// Cloudonix substitutes nothing in it and calls it verbatim with its query string (FACTS §1, §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action<'a> {
    url: Cow<'a, str>,
    method: Method,
}

impl<'a> Action<'a> {
    /// An action called with `method`.
    pub fn new(method: Method, url: impl Into<Cow<'a, str>>) -> Self {
        Self { url: url.into(), method }
    }

    /// An action called with POST.
    pub fn post(url: impl Into<Cow<'a, str>>) -> Self {
        Self::new(Method::Post, url)
    }

    /// An action called with GET.
    pub fn get(url: impl Into<Cow<'a, str>>) -> Self {
        Self::new(Method::Get, url)
    }

    pub(super) fn write<'s>(action: Option<&Self>, tag: Tag<'s>) -> Tag<'s> {
        match action {
            Some(action) => tag.attr("action", &action.url).attr("method", action.method.as_str()),
            None => tag,
        }
    }
}

/// Where recording events go: attributes `recordingStatusCallback`, `…Method`, `…Event`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingCallback<'a> {
    url: Cow<'a, str>,
    method: Option<Method>,
    events: Option<Cow<'a, str>>,
}

impl<'a> RecordingCallback<'a> {
    /// Events go to `url`, with the platform's default method and event set.
    pub fn new(url: impl Into<Cow<'a, str>>) -> Self {
        Self { url: url.into(), method: None, events: None }
    }

    /// Sets the HTTP method.
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Sets the event names, separated by blanks as in TwiML (`in-progress completed`).
    pub fn events(mut self, events: impl Into<Cow<'a, str>>) -> Self {
        self.events = Some(events.into());
        self
    }

    pub(super) fn write<'s>(callback: Option<&Self>, tag: Tag<'s>) -> Tag<'s> {
        let Some(callback) = callback else { return tag };
        tag.attr("recordingStatusCallback", &callback.url)
            .optional("recordingStatusCallbackMethod", callback.method.map(Method::as_str))
            .optional("recordingStatusCallbackEvent", callback.events.as_deref())
    }
}

/// Whether silence at both ends of a recording is cut: attribute `trim`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trim {
    /// `trim-silence`.
    Silence,
    /// `do-not-trim`.
    Keep,
}

impl Trim {
    /// The word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silence => "trim-silence",
            Self::Keep => "do-not-trim",
        }
    }
}

/// A text-to-speech voice by the platform's name (`woman`, `Google:en-GB-Standard-A`): attribute `voice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice<'a>(pub Cow<'a, str>);

/// A language tag such as `en-GB`: attribute `language`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language<'a>(pub Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_up_to_whole_seconds_and_is_never_zero() {
        for (span, expect) in [
            (Duration::ZERO, 1),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(30), 30),
            (Duration::from_millis(30_001), 31),
            (Duration::MAX, u32::MAX),
        ] {
            assert_eq!(Seconds::from(span).get(), expect, "{span:?}");
        }
        assert_eq!(Seconds::new(0), Seconds::new(1));
    }
}
