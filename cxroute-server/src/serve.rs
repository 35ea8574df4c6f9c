//! `serve`: the options of the server. The server itself is run by `run`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use cxroute_store_sqlite::{SpoolOptions, SqliteSpool};
use tracing_subscriber::EnvFilter;

use crate::cli::{operator, read_form};
use crate::config_file::{Applier, Form, Mode};
use crate::demo;
use crate::server::{self, Backing, Committing, Exposure, ServerOptions, TlsFiles};
use crate::store_url::{LiveUrl, Opened, StoreArgs, StoreUrl};

/// How a server is to run.
#[derive(Args, Clone, Debug)]
pub struct ServeOptions {
    /// The address that webhooks are taken on.
    #[arg(long, env = "CXROUTE_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The certificate of this server in PEM, with those that lead to its authority: it speaks TLS itself then; a renewed
    /// one is in use within a minute, or at once on SIGHUP.
    #[arg(long, env = "CXROUTE_TLS_CERT", value_name = "PEM", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert in PEM, not encrypted.
    #[arg(long, env = "CXROUTE_TLS_KEY", value_name = "PEM", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The store and its keys.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Where choices are made atomically: redis://host:6379/0, redis+cluster://host:port,host:port, rediss://… with TLS,
    /// or memory:.
    #[arg(long, env = "CXROUTE_LIVE", value_name = "URL", default_value = "memory:")]
    pub live: LiveUrl,
    /// The folder where signals wait while the store is away; one server's own [default: beside
    /// the database; cxroute.spool if it is not a file].
    #[arg(long, env = "CXROUTE_SPOOL", value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// So many MiB of signals wait in the spool at most; beyond, session updates and CDRs are refused with 503.
    #[arg(long, env = "CXROUTE_SPOOL_MIB", value_name = "MIB", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub spool_mib: u32,
    /// What Cloudonix reaches this server by, such as `https://cx.example.com` [default: https or http, and --listen].
    #[arg(long, env = "CXROUTE_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// A configuration file that is applied at the start.
    #[arg(long, env = "CXROUTE_CONFIG", value_name = "FILE.yaml")]
    pub config: Option<PathBuf>,
    /// A proxy that speaks TLS stands in front: without it, and without --tls-cert, only loopback addresses are listened on.
    #[arg(long, env = "CXROUTE_BEHIND_PROXY", value_parser = clap::builder::FalseyValueParser::new())]
    pub behind_proxy: bool,
    /// A call is answered so many milliseconds after its webhook's last byte at the latest, decided or not.
    #[arg(long, env = "CXROUTE_DEADLINE_MS", value_name = "MS", default_value_t = 500,
          value_parser = clap::value_parser!(u16).range(50..=10_000))]
    pub deadline_ms: u16,
    /// How logs are written to standard error; RUST_LOG filters them.
    #[arg(long, env = "CXROUTE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Sets up a tenant with agents, groups and rules, and plays a trickle of calls.
    #[arg(long, env = "CXROUTE_DEMO", value_parser = clap::builder::FalseyValueParser::new())]
    pub demo: bool,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The base of action URLs: `http` or `https`, a host, no query, no slash at the end.
pub(crate) fn public_url(text: &str) -> Result<String, String> {
    let base = text.trim_end_matches('/');
    let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    let plain = |host: &str| {
        !host.is_empty()
            && host.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '"' | '<' | '>'))
    };
    match host {
        Some(host) if plain(host) => Ok(base.to_owned()),
        _ => Err("expected http:// or https:// and a host, such as https://cx.example.com".to_owned()),
    }
}

/// Runs the server until it is told to stop.
pub(crate) async fn run(options: ServeOptions) -> anyhow::Result<()> {
    log_to_stderr(options.log_format);
    options.server().check()?;
    ensure!(
        !options.demo || options.tls_cert.is_none(),
        "expected --demo without --tls-cert: it plays over plain http"
    );
    let form = options.config.as_deref().map(read_form).transpose()?;
    let (opened, late) = options.store.open_to_serve().await?;
    let store_is_away = late.is_some();
    let set_up = set_up(options.clone(), form, opened.clone());
    match late {
        None => set_up.await?,
        Some(late) => drop(tokio::spawn(async move {
            late.there().await;
            if let Err(error) = set_up.await {
                tracing::error!(error = format!("{error:#}"), "what the server was to be set up with failed");
            }
        })),
    }
    let backing = backing(&options, opened).await?;
    if let (StoreUrl::MySql(_), LiveUrl::Memory) = (&options.store.store, &options.live) {
        tracing::warn!(
            "the execution plane is this process's own: no other server may take calls of the tenants of this database"
        );
    }
    let demo = options.demo;
    let on_start = move |address| {
        if demo {
            tokio::spawn(demo::trickle(address));
        }
    };
    let mut server = options.server();
    if store_is_away {
        server.catch_up = Duration::ZERO;
    }
    server::run(server, backing, on_start).await?;
    Ok(())
}

/// What the server works with.
async fn backing(options: &ServeOptions, opened: Opened) -> anyhow::Result<Backing> {
    let durability = match options.spool_folder() {
        None => Committing::Direct,
        Some(folder) => {
            let spool = SqliteSpool::open(&folder, options.spool_options()).await;
            let spool = Arc::new(spool.with_context(|| format!("spool {}", folder.display()))?);
            Committing::Grouped { spool, at_once: options.store.store.transactions_at_once() }
        }
    };
    Ok(Backing {
        store: opened.store,
        live: options.live.open(options.live_patience())?,
        events: options.live.events(crate::now())?,
        durability,
        authenticator: Arc::new(opened.keyring.webhook_keys()),
        vault: opened.keyring,
    })
}

/// What is to be in the store before anybody calls, or as soon as it is there: a configuration, the demo's tenant.
async fn set_up(options: ServeOptions, form: Option<Form>, opened: Opened) -> anyhow::Result<()> {
    let operator = operator();
    if let (Some(file), Some(form)) = (&options.config, form) {
        let applier = Applier { store: opened.store.as_ref(), keyring: &opened.keyring, operator: &operator };
        let applied = applier.apply(&form, Mode::Commit, crate::now()).await;
        let applied = applied.with_context(|| file.display().to_string())?;
        tracing::info!(file = %file.display(), changes = applied.changes.len(), "configuration applied");
    }
    match options.demo {
        true => demo::set_up(&opened, &operator).await,
        false => Ok(()),
    }
}

impl ServeOptions {
    /// What a plane in Redis may take of an answer's time: 60 ms of the usual 500.
    fn live_patience(&self) -> Duration {
        Duration::from_millis(self.deadline_ms.into()) * 12 / 100
    }

    /// Where signals wait while the store is away: beside the database, or in this folder; nowhere for a store in memory.
    fn spool_folder(&self) -> Option<PathBuf> {
        match (&self.spool, &self.store.store) {
            (_, StoreUrl::Memory) => None,
            (Some(folder), _) => Some(folder.clone()),
            (None, StoreUrl::MySql(_)) => Some("cxroute.spool".into()),
            (None, StoreUrl::Sqlite(file)) => {
                let mut folder = file.clone().into_os_string();
                folder.push(".spool");
                Some(folder.into())
            }
        }
    }

    /// The command line takes both or neither.
    fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    fn spool_options(&self) -> SpoolOptions {
        SpoolOptions { most_bytes: u64::from(self.spool_mib) << 20, ..SpoolOptions::default() }
    }

    fn server(&self) -> ServerOptions {
        ServerOptions {
            listen: self.listen,
            tls: self.tls_files(),
            public_url: self.public_url.clone(),
            exposure: if self.behind_proxy { Exposure::BehindProxy } else { Exposure::Loopback },
            deadline: Duration::from_millis(self.deadline_ms.into()),
            ..ServerOptions::default()
        }
    }
}

fn log_to_stderr(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Whoever embeds the command line has set up logs already, and keeps them.
    let _set_up = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
}
