//! The door: who a webhook speaks for, and whether it may (FACTS §6).
//!
//! Whatever is wrong, the answer is the same 401: neither a domain's existence nor a nearly right key can be told from
//! it, nor from the work that was done for it.

use std::sync::Arc;
use std::time::Duration;

use cxroute_core::cloudonix::CxHeaders;
use cxroute_core::config::Domain;
use cxroute_core::engine::{Admitted, Credentials, EngineError, Gate, Knock, Refused};
use cxroute_core::id::TenantId;
use futures_util::FutureExt as _;
use http::{HeaderMap, header};

use super::app::App;
use super::refusal::Refusal;
use super::target::{Endpoint, Target};
use super::uncancelled;
use crate::meters::Reason;

/// The header that names a tenant's domain.
const DOMAIN: &str = "x-cx-domain";
/// A gate may take so long to load; more, and the store counts as away. The loading itself goes on.
const LOADING: Duration = Duration::from_millis(700);

/// How far a webhook has come before its body was read.
pub(super) enum Door {
    /// It is in.
    Open(Admitted),
    /// Its key is right, and its tenant wants the body signed.
    Signature(Arc<Gate>),
}

impl Door {
    /// Judges everything but the body, so that nobody unknown makes the server keep one.
    pub(super) async fn knock(app: &App, target: &Target, headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(domain) = &target.domain else { return Err(stranger(app, headers)) };
        let Some(gate) = gate(app, domain).await? else { return Err(stranger(app, headers)) };
        if named_domain(headers).disagreeing_domain(domain.as_str()).is_some() {
            return Err(Refusal::Unauthorized(Reason::OtherDomain));
        }
        let wants_signature = gate.snapshot().tenant().keys.signature_secret.is_some();
        match app.engine.admit(&gate, knock_of(target.endpoint), &credentials(headers, &[])) {
            Ok(_) | Err(Refused::WrongSignature) if wants_signature => Ok(Self::Signature(gate)),
            Ok(admitted) => Ok(Self::Open(admitted)),
            Err(refused) => Err(Refusal::Unauthorized(refused.into())),
        }
    }

    /// Judges the body's signature, where one is wanted.
    pub(super) fn enter(
        self,
        app: &App,
        endpoint: Endpoint,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Admitted, Refusal> {
        match self {
            Self::Open(admitted) => Ok(admitted),
            Self::Signature(gate) => app
                .engine
                .admit(&gate, knock_of(endpoint), &credentials(headers, body))
                .map_err(|refused| Refusal::Unauthorized(refused.into())),
        }
    }
}

/// The headers that say something about a call.
pub(super) fn cx_headers(headers: &HeaderMap) -> CxHeaders<'_> {
    CxHeaders::pick(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

/// Of these headers the one that the door asks for.
fn named_domain(headers: &HeaderMap) -> CxHeaders<'_> {
    let named = headers.get_all(DOMAIN).into_iter();
    CxHeaders::pick(named.map(|value| (DOMAIN, value.as_bytes())))
}

/// A domain's gate. One that is kept is there at once; one that has to be loaded is loaded whoever waits for it.
async fn gate(app: &App, domain: &Domain) -> Result<Option<Arc<Gate>>, Refusal> {
    if app.strangers.knows(domain) {
        return Ok(None);
    }
    let found = match app.engine.gate(domain).now_or_never() {
        Some(found) => found,
        None => load(app, domain).await?,
    };
    match found {
        Ok(None) => app.strangers.remember(domain),
        Ok(Some(_)) => {}
        Err(error) => {
            tracing::warn!(%domain, %error, "a tenant that was never seen cannot be loaded");
            return Err(Refusal::Unavailable);
        }
    }
    found.map_err(|_| Refusal::Unavailable)
}

async fn load(app: &App, domain: &Domain) -> Result<Result<Option<Arc<Gate>>, EngineError>, Refusal> {
    let (engine, domain) = (Arc::clone(&app.engine), domain.clone());
    let loading = async move { engine.gate(&domain).await };
    uncancelled::run(loading, LOADING, &app.guests).await.map_err(|_| Refusal::Unavailable)
}

/// Refuses an unknown domain after the same hashing that a known one's check takes.
fn stranger(app: &App, headers: &HeaderMap) -> Refusal {
    let presented = credentials(headers, &[]);
    for key in [presented.bearer, presented.api_key].into_iter().flatten() {
        std::hint::black_box(app.authenticator.check_key(TenantId::new(0), key, &[]));
    }
    Refusal::Unauthorized(Reason::UnknownDomain)
}

const fn knock_of(endpoint: Endpoint) -> Knock {
    match endpoint {
        Endpoint::Cdr => Knock::Cdr,
        Endpoint::Voice | Endpoint::Dial | Endpoint::SessionUpdate => Knock::Call,
    }
}

/// What is presented: of a header sent twice the first that says something.
fn credentials<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Credentials<'a> {
    let first = |name: &str| texts(headers, name).next();
    Credentials {
        bearer: texts(headers, header::AUTHORIZATION.as_str()).find_map(bearer),
        api_key: first("x-cx-apikey"),
        signature: first("x-cx-signature"),
        body,
    }
}

fn texts<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    texts.map(str::trim).filter(|text| !text.is_empty())
}

/// The token of `Bearer …`, the scheme in any case.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once([' ', '\t'])?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static [u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_bearer_is_read_in_any_case_and_nothing_else_is_one() {
        for (value, token) in [
            ("Bearer key", Some("key")),
            ("bearer  key ", Some("key")),
            ("BEARER\tk e y", Some("k e y")),
            ("Bearer", None),
            ("Bearer   ", None),
            ("Basic a2V5", None),
            ("Bearerkey", None),
            ("", None),
        ] {
            assert_eq!(bearer(value), token, "{value:?}");
        }
    }

    #[test]
    fn of_a_header_sent_twice_the_first_that_says_something_counts() {
        let headers = headers(&[
            ("authorization", b"Basic x"),
            ("authorization", b"bearer one"),
            ("authorization", b"Bearer two"),
            ("x-cx-apikey", b"\xff\xfe"),
            ("x-cx-apikey", b"  "),
            ("x-cx-apikey", b" XI1 "),
            ("x-cx-signature", b"abc"),
        ]);
        let presented = credentials(&headers, b"");
        assert_eq!((presented.bearer, presented.api_key), (Some("one"), Some("XI1")));
        assert_eq!(presented.signature, Some("abc"));
    }
}
