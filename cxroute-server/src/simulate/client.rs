//! The platform's HTTP side: pooled keep-alive connections, credentials, tries until there is an answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::link::BaseUrl;
use super::options::SimulateOptions;
use super::webhook::{SessionHeaders, Webhook};

const AGENT: HeaderValue = HeaderValue::from_static("Cloudonix APP.Core/5.3.673");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const SIGNATURE: HeaderName = HeaderName::from_static("x-cx-signature");

/// The most that is read of an answer, in bytes; more is an answer without a usable body.
const READ_LIMIT: usize = 1024 * 1024;

/// The longest pause between two tries of a webhook.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Sends webhooks to the servers under trial.
pub(super) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    servers: Vec<BaseUrl>,
    failover: bool,
    authorization: Option<HeaderValue>,
    signature_secret: Option<SecretString>,
    timeout: Duration,
    keep_going: Option<Duration>,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<String>,
    pub(super) location: Option<String>,
    pub(super) body: Body,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Whole(Bytes),
    /// More than is read.
    TooLarge,
}

/// What became of a webhook.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// The answer of the last try, or why there was none.
    pub(super) answer: Result<Answer, String>,
    /// The number of the server that was asked last; 0 is that of `--url`.
    pub(super) server: usize,
    /// How often it was sent.
    pub(super) tries: u32,
    /// How often it was sent because the server before had left it without an answer.
    pub(super) failed_over: u32,
    /// A status of 500 or more that an earlier try got.
    pub(super) refused: Option<StatusCode>,
    /// When it was first sent.
    pub(super) sent: Instant,
    /// From sending the last try to its whole answer; servers that were asked in vain just before it included.
    pub(super) took: Duration,
    /// From the first try to the end of the last.
    pub(super) waited: Duration,
}

/// What came of asking each server once.
struct Round {
    answer: Result<Answer, String>,
    /// Who was asked last.
    server: usize,
    /// How many were asked.
    asked: u32,
    took: Duration,
}

impl Delivery {
    /// Whether the server has taken it.
    pub(super) fn acknowledged(&self) -> bool {
        self.answer.as_ref().is_ok_and(|answer| answer.status == StatusCode::OK)
    }
}

impl Client {
    /// `Err` says which credential cannot stand in a header.
    pub(super) fn new(options: &SimulateOptions, tls: ClientConfig) -> Result<Self, &'static str> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(Duration::from_secs_f64(options.timeout)));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = connector.enable_http1().wrap_connector(tcp);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(connector);
        let authorization = options.key.as_ref().map(bearer).transpose()?;
        Ok(Self {
            http,
            servers: options.servers().cloned().collect(),
            failover: options.failover,
            authorization,
            signature_secret: options.signature_secret.clone(),
            timeout: Duration::from_secs_f64(options.timeout),
            keep_going: options.keep_going.map(Duration::from_secs_f64),
        })
    }

    /// How many servers there are.
    pub(super) fn servers(&self) -> usize {
        self.servers.len()
    }

    /// The number of the server after this one.
    pub(super) fn after(&self, server: usize) -> usize {
        (server + 1) % self.servers.len()
    }

    /// Sends a webhook to a server until it is answered, or its time is over.
    pub(super) async fn deliver(
        &self,
        webhook: &Webhook,
        session: &SessionHeaders,
        server: usize,
    ) -> Delivery {
        let headers = self.headers(webhook, session);
        let sent = Instant::now();
        let (mut tries, mut failed_over, mut refused) = (0, 0, None);
        let mut pause = Duration::from_millis(20);
        loop {
            let Round { answer, server, asked, took } = self.round(webhook, &headers, server).await;
            tries += asked;
            failed_over += asked - 1;
            let server_error = answer.as_ref().ok().map(|answer| answer.status).filter(|s| s.as_u16() >= 500);
            let again = answer.is_err() || server_error.is_some();
            if !again || self.keep_going.is_none_or(|limit| sent.elapsed() + pause > limit) {
                let waited = sent.elapsed();
                return Delivery { answer, server, tries, failed_over, refused, sent, took, waited };
            }
            refused = refused.or(server_error);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try; with fail-over one at each server, until one answers.
    async fn round(&self, webhook: &Webhook, headers: &HeaderMap, first: usize) -> Round {
        let most = if self.failover { self.servers.len() } else { 1 };
        let (begun, mut server, mut asked) = (Instant::now(), first, 1);
        loop {
            let answer = self.once(webhook, headers.clone(), server).await;
            if answer.is_ok() || asked as usize >= most {
                return Round { answer, server, asked, took: begun.elapsed() };
            }
            asked += 1;
            server = self.after(server);
        }
    }

    fn headers(&self, webhook: &Webhook, session: &SessionHeaders) -> HeaderMap {
        let mut headers = session.of(webhook);
        headers.insert(USER_AGENT, AGENT);
        if !webhook.body.is_empty() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(signature) = self.signature_secret.as_ref().and_then(|s| signature(s, &webhook.body)) {
            headers.insert(SIGNATURE, signature);
        }
        headers
    }

    async fn once(&self, webhook: &Webhook, headers: HeaderMap, server: usize) -> Result<Answer, String> {
        let mut request = Request::builder()
            .method(webhook.method.clone())
            .uri(self.servers[server].url(&webhook.target))
            .body(Full::new(webhook.body.clone()))
            .map_err(|error| format!("no request: {error}"))?;
        *request.headers_mut() = headers;
        match tokio::time::timeout(self.timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let response = self.http.request(request).await.map_err(|error| chain(&error))?;
        let (parts, body) = response.into_parts();
        let body = match Limited::new(body, READ_LIMIT).collect().await {
            Ok(body) => Body::Whole(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Body::TooLarge,
            Err(error) => return Err(format!("the answer broke off: {error}")),
        };
        let header = |name| parts.headers.get(name).map(|value: &HeaderValue| lossy(value));
        let (content_type, location) = (header(CONTENT_TYPE), header(LOCATION));
        Ok(Answer { status: parts.status, content_type, location, body })
    }
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn bearer(key: &SecretString) -> Result<HeaderValue, &'static str> {
    let text = SecretString::from(format!("Bearer {}", key.expose_secret()));
    let mut value = HeaderValue::from_bytes(text.expose_secret().as_bytes())
        .map_err(|_| "the webhook key has characters that cannot stand in a header")?;
    value.set_sensitive(true);
    Ok(value)
}

/// HMAC-SHA256 of the raw body in lower-case hexadecimal digits, as `hash_hmac('sha256', …)` gives it.
fn signature(secret: &SecretString, body: &[u8]) -> Option<HeaderValue> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(body);
    HeaderValue::from_str(&hex(&mac.finalize().into_bytes())).ok()
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_hmac_of_the_raw_body() {
        // RFC 4231, test case 2.
        let value = signature(&"Jefe".into(), b"what do ya want for nothing?").unwrap();
        assert_eq!(
            value.to_str().unwrap(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_key_never_prints() {
        let value = bearer(&"hush".into()).unwrap();
        assert_eq!(value.as_bytes(), b"Bearer hush");
        assert!(!format!("{value:?}").contains("hush"));
        assert!(!bearer(&"hu\nsh".into()).unwrap_err().contains("hu"));
    }
}
