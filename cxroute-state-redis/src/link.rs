//! The way to Redis: one multiplexed connection (one per node of a cluster) that everybody shares, made anew in the
//! background whenever it breaks. Nobody waits longer than they said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::SentinelClient;
use redis::{AsyncConnectionConfig, Client, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

/// A connection that is not there by then is tried again.
const CONNECTING: Duration = Duration::from_secs(2);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// A connection that says nothing for this long while it is asked is given up.
const DEAF: Duration = Duration::from_secs(2);

/// Where Redis is.
pub(crate) enum Source {
    Single(Box<Client>),
    Sentinel(Box<SentinelClient>),
    Cluster(Box<ClusterClient>),
}

/// Why a pipeline was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Not in time, or not at all; it may have been executed, or may be yet.
    Away(String),
    /// Redis does not know a script that was named by its hash: it has done nothing of what came after.
    NoScript,
}

/// A shared connection.
pub(crate) struct Link {
    connections: watch::Receiver<Option<Numbered>>,
    broken: mpsc::Sender<u64>,
    started: Instant,
    /// Since when nothing was answered, in milliseconds since `started` + 1; 0: the last pipeline was.
    deaf_since: AtomicU64,
}

#[derive(Clone)]
struct Numbered {
    number: u64,
    connection: Connection,
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Source {
    async fn connect(&mut self) -> Result<Connection, RedisError> {
        // Who waits says how long.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        Ok(match self {
            Self::Single(client) => {
                Connection::Single(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Sentinel(client) => {
                Connection::Single(client.get_async_connection_with_config(&config).await?)
            }
            Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }
}

impl Link {
    /// Begins to connect, on the current Tokio runtime.
    pub(crate) fn open(source: Source) -> Self {
        let (offers, connections) = watch::channel(None);
        let (broken, reports) = mpsc::channel(16);
        tokio::spawn(keep_connected(source, offers, reports));
        Self { connections, broken, started: Instant::now(), deaf_since: AtomicU64::new(0) }
    }

    /// Sends a pipeline and gives its answers.
    pub(crate) async fn run(&self, pipeline: &Pipeline, patience: Duration) -> Result<Vec<Value>, Trouble> {
        match timeout(patience, self.ask(pipeline)).await {
            Ok(answered) => {
                self.deaf_since.store(0, Ordering::Relaxed);
                answered
            }
            Err(_) => {
                self.note_silence();
                Err(Trouble::Away(format!("no answer within {} ms", patience.as_millis())))
            }
        }
    }

    async fn ask(&self, pipeline: &Pipeline) -> Result<Vec<Value>, Trouble> {
        let mut connections = self.connections.clone();
        let closed = |_| Trouble::Away("the link is closed".to_owned());
        let found = connections.wait_for(Option::is_some).await.map_err(closed)?.clone();
        let Some(Numbered { number, connection }) = found else {
            return Err(Trouble::Away("there is no connection".to_owned()));
        };
        let answered = match connection {
            Connection::Single(mut connection) => pipeline.query_async(&mut connection).await,
            Connection::Cluster(mut connection) => pipeline.query_async(&mut connection).await,
        };
        answered.map_err(|error: RedisError| {
            if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) {
                return Trouble::NoScript;
            }
            if error.is_unrecoverable_error() {
                // Full: others have said so.
                let _said = self.broken.try_send(number);
            }
            Trouble::Away(error.to_string())
        })
    }

    fn note_silence(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX) + 1;
        let since = match self.deaf_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => now,
            Err(since) => since,
        };
        if u128::from(now - since.min(now)) >= DEAF.as_millis() {
            self.deaf_since.store(0, Ordering::Relaxed);
            if let Some(numbered) = &*self.connections.borrow() {
                let _said = self.broken.try_send(numbered.number);
            }
        }
    }
}

/// Offers a connection, and another one when somebody says that it is broken; ends when nobody is left to say so.
async fn keep_connected(
    mut source: Source,
    offers: watch::Sender<Option<Numbered>>,
    mut reports: mpsc::Receiver<u64>,
) {
    let (mut number, mut tried) = (0_u64, 0_u64);
    loop {
        tried += 1;
        number += 1;
        let connected = tokio::select! {
            connected = timeout(CONNECTING, source.connect()) => connected,
            () = offers.closed() => return,
        };
        match connected {
            Ok(Ok(connection)) => {
                tracing::info!("connected to Redis");
                tried = 0;
                offers.send_replace(Some(Numbered { number, connection }));
            }
            Ok(Err(error)) => {
                if tried.is_power_of_two() {
                    tracing::warn!(%error, tries = tried, "cannot connect to Redis");
                }
                sleep(PAUSE).await;
                continue;
            }
            Err(_) => {
                tracing::warn!(tries = tried, "no connection to Redis within {CONNECTING:?}");
                continue;
            }
        }
        loop {
            match reports.recv().await {
                None => return,
                Some(broken) if broken == number => break,
                Some(_) => {}
            }
        }
        tracing::warn!("the connection to Redis broke");
        offers.send_replace(None);
    }
}
