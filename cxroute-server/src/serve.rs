//! `serve`: from the command line to a running server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::cli::{operator, read_form, report};
use crate::config_file::{Applier, Mode};
use crate::server::{self, Backing, Committing, Exposure, ServerOptions};
use crate::store_url::{LiveUrl, Opened, StoreArgs};

/// How a server is to run.
#[derive(Args, Clone, Debug)]
pub struct ServeOptions {
    /// The address that webhooks are taken on.
    #[arg(long, env = "CXROUTE_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The store and its keys.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Where choices are made atomically: memory:.
    #[arg(long, env = "CXROUTE_LIVE", value_name = "URL", default_value = "memory:")]
    pub live: LiveUrl,
    /// The folder where signals wait while the store is away; one server's own [default: beside the database].
    #[arg(long, env = "CXROUTE_SPOOL", value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// What Cloudonix reaches this server by, such as https://cx.example.com [default: http:// and --listen].
    #[arg(long, env = "CXROUTE_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// A proxy that speaks TLS stands in front: other addresses than this machine's own may be listened on.
    #[arg(long, env = "CXROUTE_BEHIND_PROXY", value_parser = clap::builder::FalseyValueParser::new())]
    pub behind_proxy: bool,
    /// A configuration file that is applied at the start.
    #[arg(long, env = "CXROUTE_CONFIG", value_name = "FILE.yaml")]
    pub config: Option<PathBuf>,
    /// Sets up a tenant with agents, groups and rules, and plays a trickle of calls.
    #[arg(long, env = "CXROUTE_DEMO", value_parser = clap::builder::FalseyValueParser::new())]
    pub demo: bool,
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
    if options.demo {
        bail!("--demo is not there yet");
    }
    let opened = options.store.open().await?;
    if let Some(file) = &options.config {
        apply(file, &opened).await?;
    }
    let spool = options.store.open_spool(options.spool.as_deref()).await?;
    let backing = Backing {
        store: opened.store,
        live: options.live.open(),
        durability: spool.map_or(Committing::Direct, Committing::Grouped),
        authenticator: Arc::new(opened.keyring.webhook_keys()),
        vault: opened.keyring,
    };
    let exposure = if options.behind_proxy { Exposure::BehindProxy } else { Exposure::Loopback };
    let (listen, public_url) = (options.listen, options.public_url);
    server::run(ServerOptions { listen, public_url, exposure, ..ServerOptions::default() }, backing).await?;
    Ok(())
}

async fn apply(file: &Path, opened: &Opened) -> anyhow::Result<()> {
    let form = read_form(file)?;
    let operator = operator();
    let applier = Applier { store: opened.store.as_ref(), keyring: &opened.keyring, operator: &operator };
    let applied = applier.apply(&form, Mode::Commit, crate::now()).await;
    report(&applied.with_context(|| file.display().to_string())?, Mode::Commit, &form.tenant.domain)?;
    Ok(())
}
