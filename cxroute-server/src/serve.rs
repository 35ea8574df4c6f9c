//! `serve`: the options of the server. The server itself is run by [`run`].

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::store_url::{LiveUrl, StoreArgs};

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

/// Runs the server.
pub(crate) async fn run(options: ServeOptions) -> anyhow::Result<()> {
    anyhow::bail!("no HTTP server yet for {}", options.listen)
}
