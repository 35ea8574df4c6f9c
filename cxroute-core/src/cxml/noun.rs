//! What a `<Dial>` reaches: its nouns, and the SIP headers that go along.

use std::borrow::Cow;

use super::credential::Credential;
use super::sink::Sink;

/// One destination of a [`Dial`](super::Dial).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noun<'a> {
    /// A phone number or a subscriber.
    Number(Number<'a>),
    /// A SIP URI.
    Sip(Sip<'a>),
    /// A conference room.
    Conference(Conference<'a>),
    /// A voice agent at a provider.
    Service(Service<'a>),
}

impl Noun<'_> {
    pub(super) fn write(&self, sink: &mut Sink) {
        match self {
            Self::Number(number) => sink.tag("Number").text(&number.0),
            Self::Sip(sip) => sip.write(sink),
            Self::Conference(room) => sink.tag("Conference").text(&room.0),
            Self::Service(service) => service.write(sink),
        }
    }
}

/// A phone number or subscriber, dialled through `trunks` or locally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number<'a>(Cow<'a, str>);

impl<'a> Number<'a> {
    /// The number as it is to be dialled; no `+` is added or removed.
    pub fn new(number: impl Into<Cow<'a, str>>) -> Self {
        Self(number.into())
    }
}

/// A conference room by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conference<'a>(Cow<'a, str>);

impl<'a> Conference<'a> {
    /// The room with this name.
    pub fn new(name: impl Into<Cow<'a, str>>) -> Self {
        Self(name.into())
    }
}

/// A SIP endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sip<'a> {
    uri: Cow<'a, str>,
    username: Option<Credential<'a>>,
    password: Option<Credential<'a>>,
    domain: Option<Cow<'a, str>>,
}

impl<'a> Sip<'a> {
    /// The endpoint with this SIP URI.
    pub fn new(uri: impl Into<Cow<'a, str>>) -> Self {
        Self { uri: uri.into(), username: None, password: None, domain: None }
    }

    /// Sets the user name of its authentication.
    pub fn username(mut self, username: impl Into<Credential<'a>>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Sets the password of its authentication.
    pub fn password(mut self, password: impl Into<Credential<'a>>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets the attribute `domain`.
    pub fn domain(mut self, domain: impl Into<Cow<'a, str>>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    fn write(&self, sink: &mut Sink) {
        sink.tag("Sip")
            .secret("username", self.username.as_ref())
            .secret("password", self.password.as_ref())
            .optional("domain", self.domain.as_deref())
            .text(&self.uri);
    }
}

/// A voice agent at a provider: `<Service provider="retell">+12127773456</Service>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service<'a> {
    provider: Cow<'a, str>,
    value: Cow<'a, str>,
    username: Option<Credential<'a>>,
    password: Option<Credential<'a>>,
}

impl<'a> Service<'a> {
    /// The agent that `provider` knows by `value`: its phone number, usually.
    ///
    /// The provider is written as given; [`Provider`](crate::cloudonix::Provider) holds it in lower case.
    pub fn new(provider: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { provider: provider.into(), value: value.into(), username: None, password: None }
    }

    /// Sets the user name at the provider.
    pub fn username(mut self, username: impl Into<Credential<'a>>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Sets the password at the provider.
    pub fn password(mut self, password: impl Into<Credential<'a>>) -> Self {
        self.password = Some(password.into());
        self
    }

    fn write(&self, sink: &mut Sink) {
        sink.tag("Service")
            .attr("provider", &self.provider)
            .secret("username", self.username.as_ref())
            .secret("password", self.password.as_ref())
            .text(&self.value);
    }
}

macro_rules! into_noun {
    ($($name:ident),+) => {$(
        impl<'a> From<$name<'a>> for Noun<'a> {
            fn from(noun: $name<'a>) -> Self {
                Self::$name(noun)
            }
        }
    )+};
}

into_noun!(Number, Sip, Conference, Service);

/// A SIP header sent along with a [`Dial`](super::Dial).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

/// A header that SIP could not carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// The name is empty or has a character outside RFC 3261's `token`.
    #[error("expected a SIP header name (letters, digits and -.!%*_+`'~), got {0:?}")]
    Name(String),
    /// The value holds a control character; a line break would begin a header of its own.
    #[error("expected a value of header {0:?} without control characters")]
    Value(String),
}

impl<'a> Header<'a> {
    /// A header whose name is a SIP token and whose value stays on one line.
    ///
    /// # Errors
    /// [`InvalidHeader`], which names the header but never echoes its value.
    pub fn new(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Result<Self, InvalidHeader> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(InvalidHeader::Name(name.into_owned()));
        }
        if value.chars().any(char::is_control) {
            return Err(InvalidHeader::Value(name.into_owned()));
        }
        Ok(Self { name, value })
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        sink.tag("Header").pair(&self.name, &self.value).empty();
    }
}

/// RFC 3261 §25.1: `token`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_would_break_a_sip_message_cannot_be_built() {
        assert!(Header::new("X-Agent", "7; a=b").is_ok());
        assert_eq!(Header::new("X Agent", "7"), Err(InvalidHeader::Name("X Agent".into())));
        assert_eq!(Header::new("", "7"), Err(InvalidHeader::Name(String::new())));
        let error = Header::new("X-Key", "s3cret\r\nVia: x").unwrap_err();
        assert!(!error.to_string().contains("s3cret"));
    }
}
