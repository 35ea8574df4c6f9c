//! Runs a simulation: starts calls on their schedule, gathers what they saw, stops when it is told to.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;

use super::client::Client;
use super::link::BaseUrl;
use super::log::Log;
use super::options::SimulateOptions;
use super::play::{self, Played, Trial};
use super::report::Report;
use super::script::Script;
use super::tally::Tally;
use super::trust;

/// How long calls that are in progress have to come to an end after an interruption.
const GRACE: Duration = Duration::from_secs(5);

/// Why a simulation could not be run. What the server does wrong is not an error but stands in the [`Report`].
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The outcomes of dials are more than all dials.
    #[error("--busy, --no-answer, --failed and --canceled together are {percent:.1}%, expected at most 100%")]
    Shares {
        /// Their sum.
        percent: f64,
    },
    /// The file of numbers.
    #[error("the numbers in {}: {source}", path.display())]
    NumberFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A server of another service.
    #[error(
        "webhooks have other paths at --also {also} than at --url {url}; expected servers of one service"
    )]
    Paths {
        /// The first server.
        url: String,
        /// The other one.
        also: String,
    },
    /// A credential.
    #[error("{0}")]
    Credential(&'static str),
    /// The file of authorities.
    #[error("the authorities in {}: {source}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// TLS could not be set up, for reasons of this program.
    #[error("no TLS: {0}")]
    NoTls(Box<dyn std::error::Error + Send + Sync>),
    /// Something listens, and its certificate is not believed, or it speaks no TLS.
    #[error("no TLS with {url}: {source} (a certificate of a private authority is believed with --ca FILE)")]
    Handshake {
        /// The server under trial.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// Nothing listens.
    #[error("nothing answers at {url}: {source} (start `cxroute-server serve` first, or give --keep-going)")]
    Unreachable {
        /// The server under trial.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// The log.
    #[error("the log {}: {source}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No random seed was to be had.
    #[error("no random seed: {0}; give --seed")]
    Seed(String),
    /// A defect of the simulator.
    #[error("a simulated call broke off: {0}")]
    Broken(#[from] JoinError),
}

/// Plays the calls and reports, earlier when the process is interrupted (Ctrl-C).
///
/// # Errors
/// See [`SimulateError`]; violations are no errors.
pub async fn run(options: SimulateOptions) -> Result<Report, SimulateError> {
    run_until(options, async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
    .await
}

/// Plays the calls and reports, earlier when `stop` is done: no call is started after it, and those in progress
/// have five seconds to come to an end.
///
/// # Errors
/// See [`SimulateError`].
pub async fn run_until(
    options: SimulateOptions,
    stop: impl Future<Output = ()>,
) -> Result<Report, SimulateError> {
    if let Some(also) = options.also.iter().find(|also| !also.has_paths_of(&options.url)) {
        return Err(SimulateError::Paths { url: options.url.to_string(), also: also.to_string() });
    }
    let script = Arc::new(Script::new(&options, random_seed(&options)?)?);
    let tls = trust::tls(options.ca.as_deref()).map_err(|source| match options.ca.clone() {
        Some(path) => SimulateError::Ca { path, source },
        None => SimulateError::NoTls(source),
    })?;
    let client = Client::new(&options, tls.clone()).map_err(SimulateError::Credential)?;
    if options.keep_going.is_none() {
        let timeout = Duration::from_secs_f64(options.timeout);
        for server in options.servers() {
            reach(server, timeout, tls.clone()).await?;
        }
    }
    let begun = Instant::now();
    let log = options.log.as_ref().map(|path| {
        Log::create(path, begun).map_err(|source| SimulateError::Log { path: path.clone(), source })
    });
    let trial = Trial {
        client,
        script,
        speed: options.speed,
        duplicates: options.duplicates,
        reorder: options.reorder,
        deadline: Duration::from_millis(options.deadline_ms),
        begun,
    };
    let tally = Tally::new(trial.deadline, options.also.iter().map(ToString::to_string).collect());
    let run = Run { options, trial: Arc::new(trial), calls: JoinSet::new(), tally, log: log.transpose()? };
    run.finish(stop).await
}

struct Run {
    options: SimulateOptions,
    trial: Arc<Trial>,
    calls: JoinSet<Played>,
    tally: Tally,
    log: Option<Log>,
}

impl Run {
    async fn finish(mut self, stop: impl Future<Output = ()>) -> Result<Report, SimulateError> {
        let stopped = {
            let mut stop = std::pin::pin!(stop);
            tokio::select! {
                ended = self.start_all() => { ended?; false }
                () = &mut stop => true,
            }
        };
        if stopped {
            self.wind_down().await?;
        }
        let elapsed = self.trial.begun.elapsed();
        if let (Some(log), Some(path)) = (self.log, self.options.log) {
            log.finish().map_err(|source| SimulateError::Log { path, source })?;
        }
        Ok(self.tally.report(&self.trial.script, elapsed))
    }

    /// Starts every call when it is due, and gathers them all. Cancelling it loses no call that is in progress.
    async fn start_all(&mut self) -> Result<(), SimulateError> {
        let (begun, interval) = (self.trial.begun, self.options.rate.interval());
        let mut number = 0;
        while self.options.calls == 0 || number < self.options.calls {
            while self.calls.len() >= self.options.concurrency() {
                self.gather_next().await?;
            }
            let due = interval.map(|interval| begun + interval.mul_f64(number as f64));
            if let Some(due) = due {
                self.gather_until(due).await?;
            }
            let started = jiff::Timestamp::now().as_millisecond();
            let due = due.unwrap_or_else(Instant::now);
            self.calls.spawn(play::play(self.trial.clone(), number, due, started));
            number += 1;
        }
        while !self.calls.is_empty() {
            self.gather_next().await?;
        }
        Ok(())
    }

    async fn gather_until(&mut self, due: Instant) -> Result<(), SimulateError> {
        let mut timer = std::pin::pin!(tokio::time::sleep_until(due.into()));
        loop {
            tokio::select! {
                biased;
                Some(played) = self.calls.join_next() => enter(&mut self.tally, &mut self.log, &self.options, &played?)?,
                () = &mut timer => return Ok(()),
            }
        }
    }

    async fn gather_next(&mut self) -> Result<(), SimulateError> {
        match self.calls.join_next().await {
            Some(played) => enter(&mut self.tally, &mut self.log, &self.options, &played?),
            None => Ok(()),
        }
    }

    async fn wind_down(&mut self) -> Result<(), SimulateError> {
        let grace = tokio::time::Instant::now() + GRACE;
        while !self.calls.is_empty() {
            match tokio::time::timeout_at(grace, self.gather_next()).await {
                Ok(gathered) => gathered?,
                Err(_) => break,
            }
        }
        for _ in 0..self.calls.len() {
            self.tally.add_unfinished();
        }
        self.calls.shutdown().await;
        Ok(())
    }
}

fn enter(
    tally: &mut Tally,
    log: &mut Option<Log>,
    options: &SimulateOptions,
    played: &Played,
) -> Result<(), SimulateError> {
    tally.add(played);
    let (Some(log), Some(path)) = (log, &options.log) else { return Ok(()) };
    log.write(played).map_err(|source| SimulateError::Log { path: path.clone(), source })
}

fn random_seed(options: &SimulateOptions) -> Result<u64, SimulateError> {
    match options.seed {
        Some(seed) => Ok(seed),
        // Short enough to be typed again.
        None => getrandom::u32().map(u64::from).map_err(|error| SimulateError::Seed(error.to_string())),
    }
}

/// A connection before the first call: the most common mistakes get one clear error.
async fn reach(server: &BaseUrl, patience: Duration, tls: ClientConfig) -> Result<(), SimulateError> {
    let (url, until) = (server.to_string(), tokio::time::Instant::now() + patience);
    let connecting = TcpStream::connect((server.host(), server.port()));
    let stream =
        match timeout_at(until, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => stream,
            Err(source) => return Err(SimulateError::Unreachable { url, source }),
        };
    if !server.is_secure() {
        return Ok(());
    }
    let shaken = async {
        let name = ServerName::try_from(server.host().to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(Arc::new(tls)).connect(name, stream).await.map(drop)
    };
    let shaken = timeout_at(until, shaken).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    shaken.map_err(|source| SimulateError::Handshake { url, source })
}
