//! Credentials on their way into a document: they render, and print nowhere else.

use std::borrow::Cow;
use std::fmt;

/// A user name or password of a [`Service`](super::Service) or [`Sip`](super::Sip) noun.
///
/// `Debug` shows nothing of it, not even its length; there is no `Display`. Only
/// [`Response::render`](super::Response::render) writes it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential<'a>(Cow<'a, str>);

impl<'a> Credential<'a> {
    /// Wraps a secret text.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(***)")
    }
}

impl<'a> From<&'a str> for Credential<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Credential<'_> {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
