//! Agents reached over a WebSocket: Connect, Start and Stop with their Stream.

use std::borrow::Cow;

use super::sink::Sink;

/// Which side of the call is streamed: attribute `track`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// `inbound_track`: what the caller says.
    Inbound,
    /// `outbound_track`: what the caller hears.
    Outbound,
    /// `both_tracks`.
    Both,
}

impl Track {
    /// The word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound_track",
            Self::Outbound => "outbound_track",
            Self::Both => "both_tracks",
        }
    }
}

/// A text handed to the WebSocket's server when the stream starts.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl<'a> Parameter<'a> {
    /// The parameter `name` with this value.
    pub fn new(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl std::fmt::Debug for Parameter<'_> {
    /// Shows the name only: parameters are where WebSocket agents get their keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parameter").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A media stream to a WebSocket.
#[derive(Clone, PartialEq, Eq)]
pub struct Stream<'a> {
    url: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
    track: Option<Track>,
    parameters: Vec<Parameter<'a>>,
}

impl<'a> Stream<'a> {
    /// Streams to this `wss:` URL.
    pub fn new(url: impl Into<Cow<'a, str>>) -> Self {
        Self { url: url.into(), name: None, track: None, parameters: Vec::new() }
    }

    /// Names the stream, so that a [`Stop`] can find it.
    pub fn name(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets which side is streamed.
    pub fn track(mut self, track: Track) -> Self {
        self.track = Some(track);
        self
    }

    /// Adds a parameter after the others.
    pub fn parameter(mut self, parameter: Parameter<'a>) -> Self {
        self.parameters.push(parameter);
        self
    }

    fn write(&self, sink: &mut Sink) {
        let tag = sink
            .tag("Stream")
            .attr("url", &self.url)
            .optional("name", self.name.as_deref())
            .optional("track", self.track.map(Track::as_str));
        if self.parameters.is_empty() {
            return tag.empty();
        }
        let sink = tag.open();
        for parameter in &self.parameters {
            sink.tag("Parameter").pair(&parameter.name, &parameter.value).empty();
        }
        sink.close("Stream");
    }
}

impl std::fmt::Debug for Stream<'_> {
    /// Leaves the URL out: its query is where WebSocket agents get their keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("name", &self.name)
            .field("track", &self.track)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// Hands the call to a WebSocket: `<Connect><Stream url="wss://…"/></Connect>`.
///
/// It is usually followed by [`Pause::AFTER_CONNECT`](super::Pause::AFTER_CONNECT), without which the end of the
/// document would hang up (FACTS §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect<'a>(Stream<'a>);

impl<'a> Connect<'a> {
    /// Hands the call to `stream`.
    pub fn new(stream: Stream<'a>) -> Self {
        Self(stream)
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        let sink = sink.tag("Connect").open();
        self.0.write(sink);
        sink.close("Connect");
    }
}

/// Starts a stream beside the call, in TwiML's form: `<Start><Stream name="…" url="wss://…"/></Start>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start<'a>(Stream<'a>);

impl<'a> Start<'a> {
    /// Starts `stream`; give it a name if it is to be stopped.
    pub fn new(stream: Stream<'a>) -> Self {
        Self(stream)
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        let sink = sink.tag("Start").open();
        self.0.write(sink);
        sink.close("Start");
    }
}

/// Stops a stream that a [`Start`] named, in TwiML's form: `<Stop><Stream name="…"/></Stop>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop<'a>(Cow<'a, str>);

impl<'a> Stop<'a> {
    /// Stops the stream with this name.
    pub fn new(name: impl Into<Cow<'a, str>>) -> Self {
        Self(name.into())
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        let sink = sink.tag("Stop").open();
        sink.tag("Stream").attr("name", &self.0).empty();
        sink.close("Stop");
    }
}
