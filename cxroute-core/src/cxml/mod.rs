//! CXML, the XML by which Cloudonix is told what to do with a call: typed verbs that render to a document.
//!
//! A [`Response`] is one or more [`Verb`]s in order. What CXML forbids cannot be built: a [`Dial`] has at
//! least one noun and its headers come first, times are whole seconds ([`Seconds`]), an action's method
//! needs an action, trunk names hold no comma, a header's value no line break. Texts are borrowed, so
//! building and rendering the usual document costs two heap allocations.
//!
//! ```
//! use cxroute_core::cxml::{Action, Dial, Response, Service};
//!
//! let dial = Dial::new(Service::new("retell", "+12127773456"))
//!     .caller_id("+12125551234")
//!     .action(Action::post("https://cx.example.com/api/voice/dial/acme.cloudonix.net?attempt=1"));
//! assert_eq!(
//!     Response::new(dial).render(),
//!     "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Dial callerId=\"+12125551234\" \
//!      action=\"https://cx.example.com/api/voice/dial/acme.cloudonix.net?attempt=1\" method=\"POST\">\
//!      <Service provider=\"retell\">+12127773456</Service></Dial></Response>"
//! );
//! ```
//!
//! Whatever the text, the document is well-formed: markup is escaped, tabs and line breaks in attributes are
//! character references, characters that XML 1.0 forbids become U+FFFD, and white space around text content
//! is dropped (FACTS §2). `Coach` and `Converse` have no type here: their attributes are not published
//! reliably enough to promise a valid document.

mod attribute;
mod credential;
mod dial;
mod escape;
mod input;
mod noun;
mod redact;
mod response;
mod sink;
mod stream;
mod tags;
mod tokens;
mod verb;

#[cfg(test)]
mod tests;

pub use attribute::{Action, Language, Method, RecordingCallback, Seconds, Trim, Voice};
pub use credential::Credential;
pub use dial::{Dial, DialRecording, InvalidTrunkName, Trunks};
pub use input::{Beep, Gather, GatherInput, Prompt, Record, SpeechTimeout};
pub use noun::{Conference, Header, InvalidHeader, Noun, Number, Service, Sip};
pub use redact::{MASK, is_secret_name, redact_cxml};
pub use response::{Response, Verb};
pub use stream::{Connect, Parameter, Start, Stop, Stream, Track};
pub use verb::{Hangup, Pause, Play, Redirect, Reject, RejectReason, Say};
