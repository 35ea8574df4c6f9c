//! What a webhook's path names: the end point and the tenant's domain.

use cxroute_core::config::Domain;
use http::Method;
use percent_encoding::percent_decode_str;

/// One of Cloudonix's four webhooks (FACTS §1, §3, §4, §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/api/voice/application/{domain}`: a call has arrived, or goes on with another stage.
    Voice,
    /// `/api/voice/dial/{domain}`: what became of an attempt.
    Dial,
    /// `/api/voice/session/update/{domain}`: how a session goes on.
    SessionUpdate,
    /// `/api/voice/session/cdr/{domain}`: what became of a call.
    Cdr,
}

/// The end points with the beginnings of their paths.
const PATHS: [(Endpoint, &str); 4] = [
    (Endpoint::Voice, "/api/voice/application/"),
    (Endpoint::Dial, "/api/voice/dial/"),
    (Endpoint::SessionUpdate, "/api/voice/session/update/"),
    (Endpoint::Cdr, "/api/voice/session/cdr/"),
];

/// An end point and the domain that its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) endpoint: Endpoint,
    /// None if what stands there cannot be a domain, which is answered like an unknown one.
    pub(super) domain: Option<Domain>,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Voice, Self::Dial, Self::SessionUpdate, Self::Cdr];

    /// Its name in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Dial => "dial",
            Self::SessionUpdate => "session_update",
            Self::Cdr => "cdr",
        }
    }

    /// Whether it answers with CXML.
    pub(super) const fn answers_cxml(self) -> bool {
        matches!(self, Self::Voice | Self::Dial)
    }

    /// Whether it can be asked by `method`.
    pub(super) fn takes(self, method: &Method) -> bool {
        *method == Method::POST || (*method == Method::GET && self.answers_cxml())
    }

    /// What it can be asked by, for the header `Allow`.
    pub(super) const fn allow(self) -> &'static str {
        if self.answers_cxml() { "GET, POST" } else { "POST" }
    }
}

impl Target {
    /// Reads a path; a slash at its end does no harm, the domain can be percent-encoded and in any case.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let (endpoint, rest) =
            PATHS.iter().find_map(|(endpoint, start)| Some((*endpoint, path.strip_prefix(start)?)))?;
        let name = rest.trim_end_matches('/');
        if name.is_empty() || name.contains('/') {
            return None;
        }
        let domain = percent_decode_str(name).decode_utf8().ok().and_then(|name| Domain::parse(&name).ok());
        Some(Self { endpoint, domain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_end_point_and_domain_however_it_is_written() {
        let domain = Domain::parse("a.cloudonix.net").ok();
        for (path, endpoint) in [
            ("/api/voice/application/a.cloudonix.net", Endpoint::Voice),
            ("/api/voice/application/A.Cloudonix.NET/", Endpoint::Voice),
            ("/api/voice/dial/a%2Ecloudonix%2enet", Endpoint::Dial),
            ("/api/voice/session/update/a.cloudonix.net//", Endpoint::SessionUpdate),
            ("/api/voice/session/cdr/a.cloudonix.net", Endpoint::Cdr),
        ] {
            assert_eq!(Target::parse(path), Some(Target { endpoint, domain: domain.clone() }), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_a_domain_is_an_unknown_one_and_other_paths_are_none() {
        for path in
            ["/api/voice/dial/%00", "/api/voice/dial/%ff%fe", "/api/voice/dial/a%2Fb", "/api/voice/dial/ä"]
        {
            assert_eq!(
                Target::parse(path),
                Some(Target { endpoint: Endpoint::Dial, domain: None }),
                "{path}"
            );
        }
        for path in
            ["/", "", "*", "/api/voice/dial/", "/api/voice/dial", "/api/voice/dial/a/b", "//api/voice/dial/a"]
        {
            assert_eq!(Target::parse(path), None, "{path}");
        }
    }
}
