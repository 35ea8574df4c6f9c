//! The server: from options and adapters to a server that answers, and to its orderly end.
//!
//! Start: what an earlier run left in the spool goes into the store first, so that the execution plane is rebuilt from
//! everything that was acknowledged; only then does the socket listen. A store that is known to be away is not waited for. End: no new connections, `/readyz` says so,
//! requests under way are answered, the committer finishes its batch; nothing that was acknowledged depends on it.

mod background;
mod connection;
mod linger;
mod signals;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cxroute_core::authority::Operator;
use cxroute_core::engine::{CatchUp, Committer, CommitterOptions, Direct, Engine, Parts, Publisher, Told};
use cxroute_core::port::{Commit, Events, LiveState, Spool, Store};
use cxroute_core::secret::{Authenticator, Vault};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::http::{App, Guests, Readiness, Strangers};
use crate::id_bits::IdBits;
use crate::meters::Meters;
use crate::seldom::Seldom;

pub use self::tls::{TlsError, TlsFiles};

use self::tls::Tls;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// What a server is told.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The certificate that it shows; None: it speaks no TLS.
    pub tls: Option<TlsFiles>,
    /// The base of the URLs that Cloudonix calls back: `https://cx.example.com`. None: where it listens.
    pub public_url: Option<String>,
    /// Who can reach it without TLS.
    pub exposure: Exposure,
    /// A voice request or dial result is answered so long after its last byte at the latest (domain.md §7: 500 ms).
    pub deadline: Duration,
    /// So long a start waits for the spool to drain; longer, and the store is away and the server serves all the same.
    pub catch_up: Duration,
    /// So long requests under way may take when it is asked to end.
    pub patience: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            public_url: None,
            exposure: Exposure::Loopback,
            deadline: Duration::from_millis(500),
            catch_up: Duration::from_secs(10),
            patience: Duration::from_secs(20),
        }
    }
}

/// Who can reach the server without TLS. Webhooks carry keys: on a public address they would travel in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// This machine only: other addresses are refused.
    Loopback,
    /// A proxy that speaks TLS stands in front.
    BehindProxy,
}

/// The adapters and secrets that a server works with.
pub struct Backing {
    /// The durable truth.
    pub store: Arc<dyn Store>,
    /// The execution plane.
    pub live: Arc<dyn LiveState>,
    /// Where what happened is told.
    pub events: Arc<dyn Events>,
    /// How signals become durable.
    pub durability: Committing,
    /// Seals answers, opens credentials.
    pub vault: Arc<dyn Vault>,
    /// Checks webhook keys and signatures.
    pub authenticator: Arc<dyn Authenticator>,
}

/// How signals become durable.
pub enum Committing {
    /// Each by itself, without a spool: for stores in memory.
    Direct,
    /// In groups, with a spool behind the store.
    Grouped {
        /// What is behind the store.
        spool: Arc<dyn Spool>,
        /// How many transactions the store takes at once: at least 1.
        at_once: usize,
    },
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Keys would travel in the clear.
    #[error(
        "{0} can be reached from other machines, where webhook keys would travel in the clear: give a certificate with \
         --tls-cert and --tls-key, or put a proxy with TLS in front and say so with --behind-proxy (or \
         CXROUTE_BEHIND_PROXY=true), or listen on 127.0.0.1"
    )]
    Exposed(SocketAddr),
    /// The certificate or its key.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The public URL is none.
    #[error("expected a public URL such as https://cx.example.com, without query, got {0:?}")]
    PublicUrl(String),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Metrics or randomness could not be set up.
    #[error("cannot start: {0}")]
    SetUp(Box<dyn std::error::Error + Send + Sync>),
}

impl ServerOptions {
    /// Refuses what can be seen to be wrong before anything is opened.
    ///
    /// # Errors
    /// [`ServerError::Exposed`] and [`ServerError::Tls`].
    pub fn check(&self) -> Result<(), ServerError> {
        let is_private = self.listen.ip().to_canonical().is_loopback();
        match &self.tls {
            Some(files) => Ok(files.check()?),
            None if is_private || self.exposure == Exposure::BehindProxy => Ok(()),
            None => Err(ServerError::Exposed(self.listen)),
        }
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything under way was finished.
    Drained,
    /// Some requests took longer than its patience, or a second signal came.
    AtOnce,
}

/// A server that answers.
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    committer: Option<Arc<Committer>>,
    /// Becomes true when no more connections are taken.
    closing: watch::Sender<bool>,
    tls: Option<Arc<Tls>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Serves until SIGTERM or SIGINT, then drains; a second signal ends it at once. SIGHUP reads a certificate anew.
/// `on_start` is told where it listens.
///
/// # Errors
/// [`ServerError`] if it cannot start.
pub async fn run(
    options: ServerOptions,
    backing: Backing,
    on_start: impl FnOnce(SocketAddr),
) -> Result<Ended, ServerError> {
    let mut signals = signals::Signals::listen().map_err(|error| ServerError::SetUp(error.into()))?;
    let hangups = options.tls.is_some().then(signals::Hangups::listen).transpose();
    let mut hangups = hangups.map_err(|error| ServerError::SetUp(error.into()))?;
    let patience = options.patience;
    let server = Server::start(options, backing).await?;
    on_start(server.address());
    loop {
        tokio::select! {
            () = signals.next() => break,
            () = signals::next_hangup(hangups.as_mut()) => server.reload_certificate(),
        }
    }
    tracing::info!("asked to end: draining");
    tokio::select! {
        ended = server.drain(patience) => Ok(ended),
        () = signals.next() => Ok(Ended::AtOnce),
    }
}

impl Server {
    /// Starts a server on the current Tokio runtime.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn start(options: ServerOptions, backing: Backing) -> Result<Self, ServerError> {
        options.check()?;
        let tls = options.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
        let (socket, address) = bind(options.listen)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let public_url = public_url(options.public_url.as_deref(), scheme, address)?;
        let (commit, committer) = committing(&backing, &options).await;
        let store = Arc::clone(&backing.store);
        let publisher = Publisher::new(Arc::clone(&store), Arc::clone(&backing.events), &operator());
        let app = app(&options, backing, commit, public_url)?;
        let ahead = background::first_look(&app).await;
        let listening = |source| ServerError::Listen { address, source };
        let listener = socket.listen(BACKLOG).map_err(listening)?;
        let (closing, closed) = watch::channel(false);
        let mut tasks = vec![
            tokio::spawn(connection::accept(listener, tls.clone(), Arc::clone(&app), closed)),
            tokio::spawn(background::refresh(Arc::clone(&app))),
            tokio::spawn(background::load(Arc::clone(&app), ahead)),
            tokio::spawn(background::restore(Arc::clone(&app))),
            tokio::spawn(background::measure(Arc::clone(&app), committer.clone())),
            tokio::spawn(background::upkeep(Arc::clone(&app), store)),
            tokio::spawn(background::publish(Arc::clone(&app), publisher)),
        ];
        tasks.extend(tls.clone().map(|tls| tokio::spawn(tls.keep_fresh())));
        tracing::info!(%address, public_url = app.public_url, "listening");
        if options.public_url.is_none() && address.ip().to_canonical().is_unspecified() {
            tracing::warn!(
                "nobody can call back where this listens: say with --public-url how the server is reached"
            );
        }
        Ok(Self { address, app, committer, closing, tls, tasks })
    }

    /// Looks at the files of its certificate now; it does so every minute anyway. Does nothing without TLS.
    pub fn reload_certificate(&self) {
        if let Some(tls) = &self.tls {
            tls.hint();
        }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, answers what is under way for at most `patience`, commits what is collected, ends.
    pub async fn drain(mut self, patience: Duration) -> Ended {
        self.app.readiness.drain();
        self.closing.send_replace(true);
        let left = tokio::time::timeout(patience, self.app.guests.left()).await;
        if let Some(committer) = &self.committer {
            committer.close().await;
        }
        for task in self.tasks.drain(..) {
            task.abort();
        }
        left.map_or(Ended::AtOnce, |()| Ended::Drained)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Takes the address, without listening yet: what comes before the server is ready is refused, not kept waiting.
fn bind(address: SocketAddr) -> Result<(TcpSocket, SocketAddr), ServerError> {
    let bound = || {
        let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
        // A restarted server takes its port although old connections linger.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    bound().map_err(|source| ServerError::Listen { address, source })
}

fn public_url(given: Option<&str>, scheme: &str, address: SocketAddr) -> Result<String, ServerError> {
    let Some(given) = given else { return Ok(format!("{scheme}://{address}")) };
    let refused = || ServerError::PublicUrl(given.to_owned());
    let url: http::Uri = given.parse().map_err(|_| refused())?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    match is_http && url.host().is_some_and(|host| !host.is_empty()) && url.query().is_none() {
        true => Ok(given.trim_end_matches('/').to_owned()),
        false => Err(refused()),
    }
}

async fn committing(backing: &Backing, options: &ServerOptions) -> (Arc<dyn Commit>, Option<Arc<Committer>>) {
    match &backing.durability {
        Committing::Direct => (Arc::new(Direct::new(Arc::clone(&backing.store))), None),
        Committing::Grouped { spool, at_once } => {
            let committer = Committer::start(
                Arc::clone(&backing.store),
                Some(Arc::clone(spool)),
                Some(Told { live: Arc::clone(&backing.live), clock: crate::now }),
                operator(),
                CommitterOptions {
                    store_budget: options.deadline * 30 / 100,
                    most_at_once: *at_once,
                    ..CommitterOptions::default()
                },
            );
            if committer.catch_up(options.catch_up).await == CatchUp::Waiting {
                tracing::warn!("the store is away: what waits in the spool goes into it later");
            }
            (Arc::clone(&committer) as Arc<dyn Commit>, Some(committer))
        }
    }
}

fn app(
    options: &ServerOptions,
    backing: Backing,
    commit: Arc<dyn Commit>,
    public_url: String,
) -> Result<Arc<App>, ServerError> {
    let spool = match &backing.durability {
        Committing::Direct => None,
        Committing::Grouped { spool, .. } => Some(Arc::clone(spool)),
    };
    let parts = Parts {
        store: backing.store,
        live: backing.live,
        commit,
        vault: backing.vault,
        authenticator: Some(Arc::clone(&backing.authenticator)),
        spool: spool.clone(),
        public_url: public_url.clone(),
    };
    Ok(Arc::new(App {
        engine: Arc::new(Engine::new(parts, &operator()).with_store_patience(options.deadline * 20 / 100)),
        authenticator: backing.authenticator,
        spool,
        meters: Meters::new().map_err(|error| ServerError::SetUp(error.into()))?,
        id_bits: IdBits::from_system().map_err(|error| ServerError::SetUp(error.into()))?,
        readiness: Readiness::new(),
        strangers: Strangers::default(),
        guests: Guests::new(),
        refusals: Seldom::every(Duration::from_secs(1)),
        unkept: Seldom::every(Duration::from_secs(1)),
        deadline: options.deadline * 95 / 100,
        public_url,
    }))
}

#[expect(clippy::disallowed_methods, reason = "who starts a server on a store may serve every tenant of it")]
fn operator() -> Operator {
    Operator::assume()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_url_is_where_it_listens_unless_it_is_given() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        assert_eq!(public_url(None, "http", address).unwrap(), "http://127.0.0.1:8080");
        assert_eq!(public_url(None, "https", address).unwrap(), "https://127.0.0.1:8080");
        for (given, url) in [
            ("https://cx.example.com/", "https://cx.example.com"),
            ("http://10.0.0.1:80/base", "http://10.0.0.1:80/base"),
        ] {
            assert_eq!(public_url(Some(given), "http", address).unwrap(), url);
        }
        for given in ["", "cx.example.com", "ftp://cx.example.com", "https://", "https://cx/?a=b", "/base"] {
            let refused = public_url(Some(given), "https", address).unwrap_err().to_string();
            assert!(refused.contains(&format!("{given:?}")), "{refused}");
        }
    }
}
