//! Where webhooks go: the server under trial, and the URLs that its CXML names.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;

/// The server under trial: `http://host[:port][/prefix]` or `https://…`, without credentials, query or trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: &'static str,
    authority: Authority,
    prefix: String,
}

impl BaseUrl {
    /// Where `cxroute-server serve` listens when nothing is said.
    pub const DEFAULT: &'static str = "http://127.0.0.1:8080";

    /// Whether it speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme == "https"
    }

    /// The host's name, or its address without brackets.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, also where it goes without saying.
    pub(super) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_secure() { 443 } else { 80 })
    }

    /// The path and query of a webhook of this server; `path` starts with a slash.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Whether webhooks have the same paths on both servers.
    pub(super) fn has_paths_of(&self, other: &Self) -> bool {
        self.prefix == other.prefix
    }

    /// The full URL of a path and query of this server's host.
    pub(super) fn url(&self, target: &str) -> String {
        format!("{}://{}{target}", self.scheme, self.authority)
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let wrong = || BaseUrlError::NotUrl(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let scheme = match uri.scheme_str() {
            Some("http") => "http",
            Some("https") => "https",
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        if authority.as_str().contains('@') || authority.host().is_empty() || uri.query().is_some() {
            return Err(wrong());
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority: authority.clone(), prefix })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

/// A text that does not name a server which `simulate` can call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Neither an http nor an https URL.
    #[error("expected http://host[:port] or https://host[:port], such as http://127.0.0.1:8080, got \"{0}\"")]
    NotUrl(String),
}

/// A URL that CXML named, resolved as a platform resolves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Path and query, verbatim: where to send on the server under trial.
    pub(super) target: String,
    /// `scheme://authority` of an absolute URL; `None` when it was relative.
    pub(super) origin: Option<String>,
}

impl Link {
    /// Resolves `reference` against the path and query of the request whose answer named it (RFC 3986 §5.2,
    /// except that dot segments stay: CXML has no use for them).
    ///
    /// `Err` says what is wrong; it does not echo the query, which can carry more than a report should show.
    pub(super) fn resolve(reference: &str, current: &str) -> Result<Self, String> {
        if reference.is_empty() {
            return Err("is empty".to_owned());
        }
        if reference.starts_with("//") || has_scheme(reference) {
            return absolute(reference);
        }
        let path = current.split(['?', '#']).next().unwrap_or("/");
        let joined = match reference.as_bytes()[0] {
            b'/' => reference.to_owned(),
            b'?' => format!("{path}{reference}"),
            b'#' => current.to_owned(),
            _ => format!("{}{reference}", &path[..=path.rfind('/').unwrap_or(0)]),
        };
        let target = joined.split('#').next().unwrap_or_default().to_owned();
        target.parse::<http::uri::PathAndQuery>().map_err(|error| format!("is not a URL: {error}"))?;
        Ok(Self { target, origin: None })
    }
}

fn has_scheme(reference: &str) -> bool {
    let end = reference.find([':', '/', '?', '#']);
    end.is_some_and(|at| reference.as_bytes()[at] == b':')
}

fn absolute(reference: &str) -> Result<Link, String> {
    let full = if reference.starts_with("//") { format!("http:{reference}") } else { reference.to_owned() };
    let without_fragment = full.split('#').next().unwrap_or_default();
    let uri: Uri = without_fragment.parse().map_err(|error| format!("is not a URL: {error}"))?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("is not an http or https URL".to_owned());
    };
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Ok(Link { target, origin: Some(format!("{scheme}://{authority}")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_http_or_https_with_a_host() {
        let base: BaseUrl = "http://127.0.0.1:8080/".parse().unwrap();
        assert_eq!(base.path("/api"), "/api");
        assert_eq!(base.to_string(), "http://127.0.0.1:8080");
        let base: BaseUrl = "http://proxy/cx/".parse().unwrap();
        assert_eq!(base.url(&base.path("/api?a=1")), "http://proxy/cx/api?a=1");
        assert_eq!((base.is_secure(), base.host(), base.port()), (false, "proxy", 80));
        let base: BaseUrl = "https://cx.example/".parse().unwrap();
        assert_eq!(
            (base.url("/a").as_str(), base.to_string().as_str()),
            ("https://cx.example/a", "https://cx.example")
        );
        assert_eq!((base.is_secure(), base.host(), base.port()), (true, "cx.example", 443));
        let base: BaseUrl = "https://[::1]:8443".parse().unwrap();
        assert_eq!((base.host(), base.port()), ("::1", 8443));
    }

    #[test]
    fn other_base_urls_are_refused_with_what_was_expected() {
        for text in ["", "localhost:8080", "/x", "ftp://a", "http://", "http://k@h", "http://h/?q=1"] {
            let error = text.parse::<BaseUrl>().unwrap_err().to_string();
            assert!(error.contains("expected http://host"), "{text}: {error}");
        }
    }

    #[test]
    fn references_resolve_as_rfc_3986_says() {
        let current = "/api/voice/application/d?x=1";
        for (reference, target, origin) in [
            (
                "https://public.example/api/dial/d?a=1&b=2",
                "/api/dial/d?a=1&b=2",
                Some("https://public.example"),
            ),
            ("http://h:80?a=1", "/?a=1", Some("http://h:80")),
            ("//h/p#f", "/p", Some("http://h")),
            ("/p?q=%20", "/p?q=%20", None),
            ("?q", "/api/voice/application/d?q", None),
            ("next", "/api/voice/application/next", None),
            ("next?to=a:b", "/api/voice/application/next?to=a:b", None),
        ] {
            let link = Link::resolve(reference, current).unwrap();
            assert_eq!((link.target.as_str(), link.origin.as_deref()), (target, origin), "{reference}");
        }
    }

    #[test]
    fn what_is_no_url_is_an_error() {
        for reference in ["", "mailto:x@y", "http://", "http://a b/", "/a b", "ht tp://x"] {
            assert!(Link::resolve(reference, "/").is_err(), "{reference}");
        }
    }
}
