//! What Cloudonix sends: its webhooks, read leniently.
//!
//! A [`Webhook`] is what arrived over HTTP: body, query, the platform's own headers. From it are read, by its
//! end point, a [`VoiceRequest`], a [`DialResult`], a [`SessionUpdate`] or a [`Cdr`]. Reading never fails: a live call
//! must be answered whatever its payload looks like (FACTS §7.4). What is odd is noted as an [`Oddity`], unknown
//! fields are kept, and everything that is missing is `None`.
//!
//! Bodies may be JSON (an object, or an array of one), form-urlencoded, empty (the query is read instead), cut
//! off, or no text at all; the content type is not believed. Texts are borrowed from the body where they can be.
//!
//! ```
//! use cxroute_core::cloudonix::{Direction, VoiceRequest, Webhook};
//!
//! let body = br#"{"Session":"s1","From":"+1234567890","To":"+0987654321","Direction":"inbound"}"#;
//! let request = VoiceRequest::read(&Webhook::of(body));
//! assert_eq!(request.session.as_deref(), Some("s1"));
//! assert_eq!(request.to.as_deref(), Some("+0987654321"));
//! assert_eq!(request.direction, Direction::Inbound);
//! assert!(request.oddities().is_empty());
//! ```
//!
//! Before a payload is stored it goes through [`redact_body`].

mod cdr;
mod dial_result;
mod fields;
mod json;
mod key;
mod oddity;
mod provider;
mod quantity;
mod redact;
mod session;
mod session_update;
#[cfg(test)]
mod tests;
mod voice;
mod webhook;
mod words;

pub use cdr::Cdr;
pub use dial_result::{AGENT_PARAMETER, ATTEMPT_PARAMETER, DialResult, GROUP_PARAMETER, SESSION_PARAMETER};
pub use fields::{Fields, Value};
pub use key::{EventName, Fingerprint};
pub use oddity::{Oddities, Oddity, OddityKind};
pub use provider::{EmptyProvider, Provider, Transport};
pub use redact::redact_body;
pub use session::LONGEST_TOKEN;
pub use session_update::SessionUpdate;
pub use voice::VoiceRequest;
pub use webhook::{Body, CxHeaders, Webhook};
pub use words::{DialOutcome, Direction, Disposition, UpdateStatus};
