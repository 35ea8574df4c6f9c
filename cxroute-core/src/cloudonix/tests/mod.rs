//! Tests of payloads as wholes: every line of FACTS that says what arrives, and everything that should not.

mod audit;
mod calls;
mod forms;
mod hostile;
mod records;
mod updates;

use super::{CxHeaders, Webhook};

/// A webhook with this body and nothing else.
fn body(body: &str) -> Webhook<'_> {
    Webhook::of(body)
}

/// A webhook with this body and these headers.
fn with_headers<'a>(text: &'a str, headers: &'a CxHeaders<'a>) -> Webhook<'a> {
    Webhook { headers: Some(headers), ..body(text) }
}
