//! A webhook as it arrived over HTTP, before anything is understood of it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// What arrived: nothing in it is trusted, checked or even text.
///
/// `Debug` shows the body's and the query's lengths only: they can hold secrets.
#[derive(Clone, Copy, Default)]
pub struct Webhook<'a> {
    /// The body, possibly cut off at the host's limit.
    pub body: Body<'a>,
    /// The header `Content-Type`; noted when it is wrong, never believed.
    pub content_type: Option<&'a str>,
    /// The path of the URL.
    pub path: &'a str,
    /// The query of the URL, without `?`; empty if there is none.
    pub query: &'a str,
    /// The platform's own headers.
    pub headers: Option<&'a CxHeaders<'a>>,
}

/// A webhook's body. What a host holds as [`Bytes`] is kept without copying; `body: (&bytes).into()` takes any form.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Bytes that the audit can share.
    Shared(&'a Bytes),
    /// Bytes that the audit copies.
    Borrowed(&'a [u8]),
}

impl<'a> Body<'a> {
    /// The bytes.
    pub fn as_slice(self) -> &'a [u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Borrowed(bytes) => bytes,
        }
    }

    /// The bytes, to keep.
    pub fn to_bytes(self) -> Bytes {
        match self {
            Self::Shared(bytes) => bytes.clone(),
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
        }
    }
}

impl Default for Body<'_> {
    fn default() -> Self {
        Self::Borrowed(&[])
    }
}

impl<'a> From<&'a Bytes> for Body<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Self::Shared(bytes)
    }
}

impl<'a> From<&'a [u8]> for Body<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Body<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Body<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a> From<&'a str> for Body<'a> {
    fn from(text: &'a str) -> Self {
        Self::Borrowed(text.as_bytes())
    }
}

impl<'a> From<&'a String> for Body<'a> {
    fn from(text: &'a String) -> Self {
        Self::Borrowed(text.as_bytes())
    }
}

impl<'a> Webhook<'a> {
    /// One with nothing but a body.
    pub fn of(body: impl Into<Body<'a>>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// What the audit keeps of it: the body, or the query where there is no body.
    pub fn kept(&self) -> Bytes {
        match self.body.as_slice() {
            [] => Bytes::copy_from_slice(self.query.as_bytes()),
            _ => self.body.to_bytes(),
        }
    }
}

impl fmt::Debug for Webhook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("path", &self.path)
            .field("query_bytes", &self.query.len())
            .field("body_bytes", &self.body.as_slice().len())
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .finish()
    }
}

/// The headers `X-Cx-…` that say something about a call (FACTS §1); none of them is a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CxHeaders<'a> {
    /// `X-Cx-Session`: the session token.
    pub session: Option<Cow<'a, str>>,
    /// `X-Cx-Stageid`: this stage of the voice application.
    pub stage_id: Option<Cow<'a, str>>,
    /// `X-Cx-From`: the caller.
    pub from: Option<Cow<'a, str>>,
    /// `X-Cx-To`: what was dialled.
    pub to: Option<Cow<'a, str>>,
    /// `X-Cx-Domain`: the tenant's domain.
    pub domain: Option<Cow<'a, str>>,
    /// `X-Cx-Source`: the origin of the call, such as `SUBSCRIBER`.
    pub source: Option<Cow<'a, str>>,
}

impl<'a> CxHeaders<'a> {
    /// Picks the headers of interest, names in any case; of one sent twice the first non-blank counts. Values that
    /// are not UTF-8 are read with replacement characters.
    pub fn pick(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut picked = Self::default();
        for (name, value) in headers {
            if let Some(slot) = picked.slot(name) {
                let text = String::from_utf8_lossy(value);
                if slot.is_none() && !text.trim().is_empty() {
                    *slot = Some(text);
                }
            }
        }
        picked
    }

    /// The domain of `X-Cx-Domain` if it is there and is not `tenant_domain` (ASCII case-insensitive): the request
    /// must be refused then (FACTS §6).
    pub fn disagreeing_domain(&self, tenant_domain: &str) -> Option<&str> {
        self.domain.as_deref().filter(|domain| disagrees(domain, tenant_domain))
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<Cow<'a, str>>> {
        let prefix = name.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("x-cx-"))?;
        let name = &name[prefix.len()..];
        let slots = [
            ("session", &mut self.session),
            ("stageid", &mut self.stage_id),
            ("from", &mut self.from),
            ("to", &mut self.to),
            ("domain", &mut self.domain),
            ("source", &mut self.source),
        ];
        slots.into_iter().find_map(|(wanted, slot)| name.eq_ignore_ascii_case(wanted).then_some(slot))
    }
}

/// Whether `domain` is there and is another than `tenant_domain`.
pub(super) fn disagrees(domain: &str, tenant_domain: &str) -> bool {
    let domain = domain.trim();
    !domain.is_empty() && !domain.eq_ignore_ascii_case(tenant_domain)
}
