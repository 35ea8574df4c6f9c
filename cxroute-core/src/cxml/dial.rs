//! `<Dial>`: calls somebody; when it ends, its action is asked for the next stage.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::attribute::{Action, RecordingCallback, Seconds, Trim};
use super::noun::{Header, Noun};
use super::sink::Sink;

/// Calls one or more destinations; the caller is answered when one of them answers (FACTS §2).
///
/// Without an [`action`](Self::action) execution goes on with the next verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial<'a> {
    trunks: Option<Trunks<'a>>,
    caller_id: Option<Cow<'a, str>>,
    caller_name: Option<Cow<'a, str>>,
    action: Option<Action<'a>>,
    timeout: Option<Seconds>,
    time_limit: Option<Seconds>,
    record: Option<DialRecording>,
    recording_callback: Option<RecordingCallback<'a>>,
    trim: Option<Trim>,
    hangup_on_star: bool,
    hangup_on: Option<Cow<'a, str>>,
    forward_headers: bool,
    encoded_headers: Option<Cow<'a, str>>,
    headers: Vec<Header<'a>>,
    nouns: SmallVec<[Noun<'a>; 1]>,
}

impl<'a> Dial<'a> {
    /// Calls `noun`.
    pub fn new(noun: impl Into<Noun<'a>>) -> Self {
        Self {
            trunks: None,
            caller_id: None,
            caller_name: None,
            action: None,
            timeout: None,
            time_limit: None,
            record: None,
            recording_callback: None,
            trim: None,
            hangup_on_star: false,
            hangup_on: None,
            forward_headers: false,
            encoded_headers: None,
            headers: Vec::new(),
            nouns: SmallVec::from_buf([noun.into()]),
        }
    }

    /// Calls one more destination at the same time.
    pub fn and(mut self, noun: impl Into<Noun<'a>>) -> Self {
        self.nouns.push(noun.into());
        self
    }

    /// Sends a SIP header along; headers are written before every noun.
    pub fn header(mut self, header: Header<'a>) -> Self {
        self.headers.push(header);
        self
    }

    /// Sets the number that the called party sees; by default the caller's.
    pub fn caller_id(mut self, caller_id: impl Into<Cow<'a, str>>) -> Self {
        self.caller_id = Some(caller_id.into());
        self
    }

    /// Sets the name that the called party sees; by default the caller's.
    pub fn caller_name(mut self, caller_name: impl Into<Cow<'a, str>>) -> Self {
        self.caller_name = Some(caller_name.into());
        self
    }

    /// Sets the URL that gets the result and answers with the next stage.
    pub fn action(mut self, action: Action<'a>) -> Self {
        self.action = Some(action);
        self
    }

    /// Sets the trunks to try, in order; by default every active one in the order of their creation.
    pub fn trunks(mut self, trunks: Trunks<'a>) -> Self {
        self.trunks = Some(trunks);
        self
    }

    /// Sets how long it rings; the platform's default is 60 s.
    pub fn timeout(mut self, timeout: impl Into<Seconds>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// Sets how long the connected call may last.
    pub fn time_limit(mut self, limit: impl Into<Seconds>) -> Self {
        self.time_limit = Some(limit.into());
        self
    }

    /// Sets whether and from when it is recorded.
    pub fn record(mut self, record: DialRecording) -> Self {
        self.record = Some(record);
        self
    }

    /// Sets where the recording's events go.
    pub fn recording_callback(mut self, callback: RecordingCallback<'a>) -> Self {
        self.recording_callback = Some(callback);
        self
    }

    /// Sets whether silence is cut from the recording.
    pub fn trim(mut self, trim: Trim) -> Self {
        self.trim = Some(trim);
        self
    }

    /// Lets the caller end the dialled call with `*`.
    pub fn hangup_on_star(mut self) -> Self {
        self.hangup_on_star = true;
        self
    }

    /// Sets the attribute `hangupOn`; which values Cloudonix takes is not published.
    pub fn hangup_on(mut self, keys: impl Into<Cow<'a, str>>) -> Self {
        self.hangup_on = Some(keys.into());
        self
    }

    /// Passes the caller's custom SIP headers on to the called party.
    pub fn forward_headers(mut self) -> Self {
        self.forward_headers = true;
        self
    }

    /// Sets the attribute `headers`: custom headers as one form-urlencoded text.
    pub fn encoded_headers(mut self, headers: impl Into<Cow<'a, str>>) -> Self {
        self.encoded_headers = Some(headers.into());
        self
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        let tag = sink
            .tag("Dial")
            .optional("trunks", self.trunks.as_ref().map(Trunks::as_str))
            .optional("callerId", self.caller_id.as_deref())
            .optional("callerName", self.caller_name.as_deref());
        let tag = Action::write(self.action.as_ref(), tag)
            .number("timeout", self.timeout.map(Seconds::get))
            .number("timeLimit", self.time_limit.map(Seconds::get))
            .optional("record", self.record.map(DialRecording::as_str));
        let sink = RecordingCallback::write(self.recording_callback.as_ref(), tag)
            .optional("trim", self.trim.map(Trim::as_str))
            .optional("hangupOnStar", self.hangup_on_star.then_some("true"))
            .optional("hangupOn", self.hangup_on.as_deref())
            .optional("forwardHeaders", self.forward_headers.then_some("true"))
            .optional("headers", self.encoded_headers.as_deref())
            .open();
        for header in &self.headers {
            header.write(sink);
        }
        for noun in &self.nouns {
            noun.write(sink);
        }
        sink.close("Dial");
    }
}

/// Whether a dialled call is recorded, from when, and on how many channels: attribute `record` (TwiML's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DialRecording {
    /// `do-not-record`.
    Off,
    /// `record-from-answer`.
    FromAnswer,
    /// `record-from-ringing`.
    FromRinging,
    /// `record-from-answer-dual`.
    FromAnswerDual,
    /// `record-from-ringing-dual`.
    FromRingingDual,
}

impl DialRecording {
    /// The word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "do-not-record",
            Self::FromAnswer => "record-from-answer",
            Self::FromRinging => "record-from-ringing",
            Self::FromAnswerDual => "record-from-answer-dual",
            Self::FromRingingDual => "record-from-ringing-dual",
        }
    }
}

/// Trunks by name, in the order they are tried: one comma-separated attribute (FACTS §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunks<'a>(Cow<'a, str>);

/// A trunk name that a comma-separated list cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a trunk name that is not empty and has no comma, got {0:?}")]
pub struct InvalidTrunkName(pub String);

impl<'a> Trunks<'a> {
    /// Joins names in order.
    ///
    /// # Errors
    /// [`InvalidTrunkName`] if a name is blank or holds a comma, or if there is none.
    pub fn join<S: AsRef<str>>(names: &[S]) -> Result<Trunks<'static>, InvalidTrunkName> {
        if let Some(name) = names.iter().find(|name| name.as_ref().contains(',')) {
            return Err(InvalidTrunkName(name.as_ref().to_owned()));
        }
        let joined = names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(",");
        Trunks::parse(joined)
    }

    /// Takes a list that is comma-separated already.
    ///
    /// # Errors
    /// [`InvalidTrunkName`] if a name between commas is blank.
    pub fn parse(list: impl Into<Cow<'a, str>>) -> Result<Self, InvalidTrunkName> {
        let list = list.into();
        match list.split(',').find(|name| name.trim().is_empty()) {
            Some(name) => Err(InvalidTrunkName(name.to_owned())),
            None => Ok(Self(list)),
        }
    }

    /// The list as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trunk_names_are_joined_in_order_and_a_comma_in_one_is_refused() {
        assert_eq!(Trunks::join(&["a", "b c"]).unwrap().as_str(), "a,b c");
        assert_eq!(Trunks::join(&["a,b"]), Err(InvalidTrunkName("a,b".into())));
        assert_eq!(Trunks::join(&["a", " "]), Err(InvalidTrunkName(" ".into())));
        assert_eq!(Trunks::join::<&str>(&[]), Err(InvalidTrunkName(String::new())));
        assert_eq!(Trunks::parse("a,,b"), Err(InvalidTrunkName(String::new())));
    }
}
