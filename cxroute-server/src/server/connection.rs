//! Accepting connections, with TLS or without, and serving each until it closes, idles too long, or the server ends.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep};
use warp::Filter;
use warp::reply::Response;

use super::linger::Lingering;
use super::tls::Tls;
use crate::http::{App, routes};
use crate::seldom::Seldom;

/// After one to two of these without a request a connection is closed.
const IDLE: Duration = Duration::from_secs(60);
/// After a failed `accept`: most likely the process has no file descriptor left, and one has to be given back first.
const PAUSE: Duration = Duration::from_millis(50);

/// Failed handshakes are mentioned this often: whoever listens publicly hears strangers all day.
const MENTION: Duration = Duration::from_secs(60);

/// Takes connections until `closing`, then stops listening.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    app: Arc<App>,
    mut closing: watch::Receiver<bool>,
) {
    let routes = routes(&app);
    let failures = Seldom::every(Duration::from_secs(1));
    let door = tls.map(|tls| Arc::new(Door { tls, failures: Seldom::every(MENTION) }));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (routes, app, closing) = (routes.clone(), Arc::clone(&app), closing.clone());
                match &door {
                    None => tokio::spawn(plain(stream, routes, app, closing)),
                    Some(door) => tokio::spawn(secured(stream, Arc::clone(door), routes, app, closing)),
                };
            }
            Err(error) => {
                if let Some(unmentioned) = failures.due() {
                    tracing::error!(%error, unmentioned, "a connection cannot be accepted");
                }
                sleep(PAUSE).await;
            }
        }
    }
}

/// Where hands are shaken.
struct Door {
    tls: Arc<Tls>,
    failures: Seldom,
}

impl Door {
    fn failed(&self, error: &io::Error, app: &App) {
        app.meters.tls_failures.increment(1);
        if let Some(unmentioned) = self.failures.due() {
            tracing::warn!(%error, unmentioned, "a TLS handshake failed");
        }
    }
}

async fn plain<F>(stream: TcpStream, routes: F, app: Arc<App>, closing: watch::Receiver<bool>)
where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
{
    let _guest = app.guests.enter();
    let _open = Open::new(&app);
    connection(prompt(stream), routes, closing).await;
}

async fn secured<F>(
    stream: TcpStream,
    door: Arc<Door>,
    routes: F,
    app: Arc<App>,
    mut closing: watch::Receiver<bool>,
) where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
{
    let _guest = app.guests.enter();
    let _open = Open::new(&app);
    let shaken = tokio::select! {
        shaken = door.tls.shake_hands(prompt(stream)) => shaken,
        // Nothing has been asked.
        _ = closing.wait_for(|closing| *closing) => return,
    };
    match shaken {
        Ok(stream) => connection(stream, routes, closing).await,
        Err(error) => door.failed(&error, &app),
    }
}

/// An answer is one small write: it must not wait for the acknowledgement of the one before.
fn prompt(stream: TcpStream) -> Lingering {
    let _slower_otherwise = stream.set_nodelay(true);
    Lingering::new(stream)
}

async fn connection<S, F>(stream: S, routes: F, mut closing: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
{
    let busy = Busy::default();
    let routes = TowerToHyperService::new(warp::service(routes));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let answer = routes.call(with_path(request));
        let turn = busy.begin();
        async move {
            let answer = answer.await;
            drop(turn);
            answer
        }
    });
    // A client that has sent everything may close its side and still wants its answer.
    let mut http = http1::Builder::new();
    http.half_close(true).header_read_timeout(None);
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut tick = interval_at(Instant::now() + IDLE, IDLE);
    let mut requests = busy.begun();
    loop {
        tokio::select! {
            // How it ended is the client's affair.
            _ended = served.as_mut() => return,
            _ = tick.tick() => {
                if busy.is_idle_since(requests) {
                    return;
                }
                requests = busy.begun();
            }
            _ = closing.wait_for(|closing| *closing) => break,
        }
    }
    served.as_mut().graceful_shutdown();
    let _ended = served.await;
}

/// The request, with a path: a CONNECT names a host and none, and warp panics where it looks for one.
fn with_path(mut request: hyper::Request<Incoming>) -> hyper::Request<Incoming> {
    if request.uri().path_and_query().is_none() {
        *request.uri_mut() = hyper::Uri::from_static("/");
    }
    request
}

/// Counts a connection as open for as long as it lives.
struct Open<'a>(&'a App);

impl<'a> Open<'a> {
    fn new(app: &'a App) -> Self {
        app.meters.connections.increment(1);
        Self(app)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.meters.connections.decrement(1);
    }
}

/// What a connection is doing: a timer per request would cost more than the request's routing.
#[derive(Clone, Default)]
struct Busy(Arc<Turns>);

#[derive(Default)]
struct Turns {
    begun: AtomicU32,
    ended: AtomicU32,
}

/// A request under way.
struct Turn(Busy);

impl Busy {
    fn begin(&self) -> Turn {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Turn(self.clone())
    }

    fn begun(&self) -> u32 {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Whether no request is under way and none has begun since there were `begun`.
    fn is_idle_since(&self, begun: u32) -> bool {
        self.begun() == begun && self.0.ended.load(Ordering::Relaxed) == begun
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_idle_when_nothing_is_under_way_and_nothing_has_begun() {
        let busy = Busy::default();
        assert!(busy.is_idle_since(0));
        let turn = busy.begin();
        assert!(!busy.is_idle_since(0) && !busy.is_idle_since(1));
        drop(turn);
        assert!(!busy.is_idle_since(0) && busy.is_idle_since(1));
    }
}
