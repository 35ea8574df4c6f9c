//! `cargo xtask load simulated`: simulated calls against a release server, as the platform would place them.

use std::fs;
use std::time::Duration;

use clap::Args;
use xshell::{Shell, cmd};

use crate::process::Server;
use crate::workspace;

/// A tenant with one group per strategy and one capped agent: every kind of decision occurs.
const CONFIG: &str = include_str!("../../peers/load.yaml");
const DOMAIN: &str = "load.cloudonix.net";
const WEBHOOK_KEY: &str = "load-key";
/// Whom the calls dial, one template a group; `#` is a random digit.
const DIALLED: [&str; 6] = ["--to", "+1202#######", "--to", "+1312555####", "--to", "+4420########"];

/// Options of `cargo xtask load simulated`.
#[derive(Args)]
pub(crate) struct Options {
    /// Calls to place
    #[arg(long, default_value_t = 2_000)]
    calls: u32,
    /// Calls a second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Where the server keeps its calls; in a temporary folder unless given
    #[arg(long, default_value = "sqlite:cxroute.db")]
    store: String,
    /// More options of `cxroute-server simulate`
    #[arg(last = true)]
    simulate: Vec<String>,
}

/// Starts a server on an empty store, plays the calls, and reports the simulator's verdict and the server's memory.
pub(crate) fn run(sh: &Shell, options: &Options) -> anyhow::Result<()> {
    let binary = workspace::release_server(sh)?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("load.yaml");
    fs::write(&config, CONFIG)?;
    let config = config.display().to_string();

    let server = Server::cxroute(&binary, folder.path(), &["--store", &options.store, "--config", &config])?;
    let idle = server.resident_kib()?;
    let url = format!("http://{}", server.address);
    let (calls, rate) = (options.calls.to_string(), options.rate.to_string());
    let more = &options.simulate;
    let _key = sh.push_env("CXROUTE_WEBHOOK_KEY", WEBHOOK_KEY);
    let verdict = cmd!(
        sh,
        "{binary} simulate {DOMAIN} --url {url} --calls {calls} --rate {rate} {DIALLED...} {more...}"
    )
    .run();
    println!(
        "server: ready after {:.0} ms, {} KiB resident idle, {} KiB after the load",
        millis(server.ready_after),
        idle,
        server.resident_kib()?
    );
    Ok(verdict?)
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}
