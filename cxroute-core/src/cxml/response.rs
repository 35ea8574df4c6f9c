//! The document: a response and its verbs in order.

use smallvec::SmallVec;

use super::sink::{Credentials, Sink};
use super::{Connect, Dial, Gather, Hangup, Pause, Play, Record, Redirect, Reject, Say, Start, Stop};

/// A CXML document: the verbs that Cloudonix executes in order; at its end the call is hung up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    verbs: SmallVec<[Verb<'a>; 1]>,
}

impl<'a> Response<'a> {
    /// A document of one verb.
    pub fn new(verb: impl Into<Verb<'a>>) -> Self {
        Self { verbs: SmallVec::from_buf([verb.into()]) }
    }

    /// A document that hangs up.
    pub fn hangup() -> Self {
        Self::new(Hangup)
    }

    /// Adds a verb at the end.
    pub fn then(mut self, verb: impl Into<Verb<'a>>) -> Self {
        self.verbs.push(verb.into());
        self
    }

    /// The verbs in order; there is at least one.
    pub fn verbs(&self) -> &[Verb<'a>] {
        &self.verbs
    }

    /// The document as Cloudonix gets it, XML declaration included, credentials in the clear.
    ///
    /// A pure function of the verbs: equal documents give equal bytes.
    pub fn render(&self) -> String {
        self.write(Credentials::Shown)
    }

    /// The document for traces, logs and screens, well-formed like the other: credentials, the query of WebSocket URLs
    /// and parameters and headers with secret-looking names are `***`, and so is what looks like a secret in a text.
    pub fn masked(&self) -> String {
        self.write(Credentials::Masked)
    }

    fn write(&self, credentials: Credentials) -> String {
        let mut sink = Sink::new(credentials);
        sink.tag("Response").open();
        for verb in &self.verbs {
            verb.write(&mut sink);
        }
        sink.close("Response");
        sink.finish()
    }
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)?),+ $(,)?) => {
        /// One instruction of a document.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(clippy::large_enum_variant, reason = "a document has one or two verbs, nearly always a Dial")]
        pub enum Verb<'a> {
            $($(#[$doc])* $name($name $(<$life>)?),)+
        }

        impl Verb<'_> {
            fn write(&self, sink: &mut Sink) {
                match self {
                    $(Self::$name(verb) => verb.write(sink),)+
                }
            }
        }

        $(impl<'a> From<$name $(<$life>)?> for Verb<'a> {
            fn from(verb: $name $(<$life>)?) -> Self {
                Self::$name(verb)
            }
        })+
    };
}

verbs! {
    /// Streams the call to a WebSocket.
    Connect<'a>,
    /// Dials out; does not answer the call itself.
    Dial<'a>,
    /// Collects digits or speech.
    Gather<'a>,
    /// Ends the call.
    Hangup,
    /// Waits.
    Pause,
    /// Plays audio.
    Play<'a>,
    /// Records the caller.
    Record<'a>,
    /// Goes on with another document.
    Redirect<'a>,
    /// Refuses the call without answering it.
    Reject,
    /// Speaks.
    Say<'a>,
    /// Starts a stream beside the call.
    Start<'a>,
    /// Stops a stream that was started by name.
    Stop<'a>,
}
