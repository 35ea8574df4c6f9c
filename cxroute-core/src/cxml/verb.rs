//! The small verbs: Hangup, Pause, Play, Redirect, Reject, Say.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::attribute::{Language, Method, Seconds, Voice};
use super::sink::Sink;

/// Ends the call: `<Hangup/>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hangup;

impl Hangup {
    pub(super) fn write(&self, sink: &mut Sink) {
        sink.tag("Hangup").empty();
    }
}

/// Waits in silence: `<Pause length="40"/>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause(Seconds);

impl Pause {
    /// The pause that keeps a call alive behind a `<Connect>` (FACTS §2).
    pub const AFTER_CONNECT: Self = Self(Seconds::new(40));

    /// Waits for `length`.
    pub const fn new(length: Seconds) -> Self {
        Self(length)
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        sink.tag("Pause").number("length", Some(self.0.get())).empty();
    }
}

/// Plays the audio file at a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Play<'a> {
    url: Cow<'a, str>,
    repeat: Option<u32>,
}

impl<'a> Play<'a> {
    /// Plays the file once.
    pub fn new(url: impl Into<Cow<'a, str>>) -> Self {
        Self { url: url.into(), repeat: None }
    }

    /// Plays it this many times; 0 is TwiML's "until the call ends".
    pub fn repeat(mut self, times: u32) -> Self {
        self.repeat = Some(times);
        self
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        sink.tag("Play").number("loop", self.repeat).text(&self.url);
    }
}

/// Goes on with the document at another URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect<'a> {
    url: Cow<'a, str>,
    method: Method,
}

impl<'a> Redirect<'a> {
    /// Fetches the next document from `url`.
    pub fn new(method: Method, url: impl Into<Cow<'a, str>>) -> Self {
        Self { url: url.into(), method }
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        sink.tag("Redirect").attr("method", self.method.as_str()).text(&self.url);
    }
}

/// Refuses a call that was not answered yet: `<Reject reason="busy"/>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject(RejectReason);

/// What the caller is told by a [`Reject`] (FACTS §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// `rejected`: the call is declined.
    Rejected,
    /// `busy`: the called party is busy.
    Busy,
    /// `congestion`: no circuit is free.
    Congestion,
    /// `failed`: the call cannot be completed.
    Failed,
}

impl RejectReason {
    /// Every reason, in the order of FACTS.
    pub const ALL: [Self; 4] = [Self::Rejected, Self::Busy, Self::Congestion, Self::Failed];

    /// The word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::Congestion => "congestion",
            Self::Failed => "failed",
        }
    }

    /// The reason of this word; exact, `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

impl Reject {
    /// Refuses for `reason`.
    pub const fn new(reason: RejectReason) -> Self {
        Self(reason)
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        sink.tag("Reject").attr("reason", self.0.as_str()).empty();
    }
}

/// Speaks a plain text; markup in it is spoken, not interpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say<'a> {
    text: Cow<'a, str>,
    voice: Option<Voice<'a>>,
    language: Option<Language<'a>>,
    repeat: Option<u32>,
}

impl<'a> Say<'a> {
    /// Speaks `text` once, in the platform's default voice.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), voice: None, language: None, repeat: None }
    }

    /// Sets the voice.
    pub fn voice(mut self, voice: Voice<'a>) -> Self {
        self.voice = Some(voice);
        self
    }

    /// Sets the language.
    pub fn language(mut self, language: Language<'a>) -> Self {
        self.language = Some(language);
        self
    }

    /// Speaks it this many times; 0 is TwiML's "until the call ends".
    pub fn repeat(mut self, times: u32) -> Self {
        self.repeat = Some(times);
        self
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        sink.tag("Say")
            .optional("voice", self.voice.as_ref().map(|voice| &*voice.0))
            .optional("language", self.language.as_ref().map(|language| &*language.0))
            .number("loop", self.repeat)
            .text(&self.text);
    }
}
