//! Providers of voice agents, by the names that Cloudonix expects.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Providers reached by `<Dial><Service>`, as seen in running code (FACTS §2); sorted.
const SERVICE: [&str; 42] = [
    "call2me",
    "call2me-tcp",
    "call2me-tls",
    "dasha",
    "deepvox",
    "deepvox-sandbox",
    "elevenlabs",
    "fonio",
    "millis-eu",
    "millis-us",
    "modon",
    "modon-sandbox",
    "omnidim.im",
    "openai",
    "puretalk",
    "puretalk-tcp",
    "rapida",
    "relayhawk",
    "retell",
    "retell-tcp",
    "retell-tls",
    "retell-udp",
    "revring",
    "ringg",
    "ringg-tcp",
    "ringg-tls",
    "sigmamind",
    "smallest",
    "superdash.ai",
    "synthflow",
    "telnyx",
    "telnyx-tcp",
    "telnyx-tls",
    "telnyx-udp",
    "ultravox",
    "vapi",
    "vapi-noproxy",
    "vapi-udp",
    "vogent",
    "voicehub",
    "vomyra",
    "x",
];

/// Providers reached by `<Connect><Stream>` over a WebSocket (FACTS §2); sorted.
const STREAM: [&str; 5] = ["assembly.ai", "cloudonix", "deepdub", "dograh-cloud", "dograh-oss"];

/// A provider's name in lower case, as `<Service provider="…">` wants it.
///
/// Any name that is not blank is accepted: Cloudonix adds providers without telling us. One that is not
/// [known](Self::is_known) deserves a warning.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Provider(Cow<'static, str>);

/// How an agent of a provider is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `<Dial><Service provider="…">value</Service></Dial>`; the value is the agent's phone number, usually.
    Service,
    /// `<Connect><Stream url="value"/></Connect>` and a pause; the value is a `wss:` URL.
    Stream,
}

/// A provider's name was blank.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a provider's name, got {0:?}")]
pub struct EmptyProvider(pub String);

impl Provider {
    /// Takes a name in any case, white space around it dropped.
    ///
    /// # Errors
    /// [`EmptyProvider`] if nothing is left.
    pub fn parse(name: &str) -> Result<Self, EmptyProvider> {
        let lower = name.trim().to_lowercase();
        if lower.is_empty() {
            return Err(EmptyProvider(name.to_owned()));
        }
        Ok(Self::known()
            .find(|known| *known == lower)
            .map_or(Self(Cow::Owned(lower)), |k| Self(Cow::Borrowed(k))))
    }

    /// Every name in the list of known providers, those reached by `<Service>` first.
    pub fn known() -> impl Iterator<Item = &'static str> {
        SERVICE.into_iter().chain(STREAM)
    }

    /// Whether it is in the list of known providers.
    pub fn is_known(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_))
    }

    /// How its agents are reached; an unknown provider's by `<Service>`.
    pub fn transport(&self) -> Transport {
        if STREAM.contains(&self.as_str()) { Transport::Stream } else { Transport::Service }
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.0)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&name).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_cased_and_any_but_a_blank_one_is_accepted() {
        let retell = Provider::parse(" Retell ").unwrap();
        assert_eq!((retell.as_str(), retell.is_known()), ("retell", true));
        let new = Provider::parse("NewVendor").unwrap();
        assert_eq!((new.as_str(), new.is_known(), new.transport()), ("newvendor", false, Transport::Service));
        assert_eq!(Provider::parse(" "), Err(EmptyProvider(" ".into())));
    }

    #[test]
    fn the_websocket_providers_are_reached_by_stream_and_all_others_by_service() {
        for name in STREAM {
            assert_eq!(Provider::parse(name).unwrap().transport(), Transport::Stream, "{name}");
        }
        for name in SERVICE {
            assert_eq!(Provider::parse(name).unwrap().transport(), Transport::Service, "{name}");
        }
    }

    #[test]
    fn the_lists_are_sorted_lower_case_and_name_nobody_twice() {
        for list in [&SERVICE[..], &STREAM[..]] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert!(Provider::known().all(|name| name == name.to_lowercase()));
        assert!(!STREAM.iter().any(|name| SERVICE.contains(name)));
    }
}
