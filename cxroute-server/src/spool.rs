//! `spool show` and `spool drain`: what waits in a server's spool, and taking over that of a server that is gone.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use cxroute_core::engine::{Drained, drain_spool};
use cxroute_core::port::{Spool as _, SpoolError, SpoolLevel, Store};
use cxroute_store_sqlite::{SpoolOptions, SqliteSpool};

use crate::cli::operator;
use crate::store_url::StoreUrl;

/// A store that is away while it is drained into is waited for so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// What can be done with a spool from outside its server.
#[derive(Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// Prints how much waits in a spool; its server may be running.
    Show(ShowArgs),
    /// Moves what waits in the spool of a server that is gone into the store, once and in order; exits 1 if something is
    /// left. A server drains its own spool by itself.
    Drain(DrainArgs),
}

/// Arguments of `spool show`.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The spool's folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Arguments of `spool drain`.
#[derive(Args, Debug)]
pub(crate) struct DrainArgs {
    /// The spool's folder: what the server had as --spool.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The store that the server worked on, sqlite:FILE or mysql://user:password@host/database. No master key is needed:
    /// what is secret in a spool is sealed, and stays so.
    #[arg(long, env = "CXROUTE_STORE", value_name = "URL")]
    store: StoreUrl,
}

pub(crate) async fn run(command: SpoolCommand) -> anyhow::Result<()> {
    match command {
        SpoolCommand::Show(args) => show(&args.folder).await,
        SpoolCommand::Drain(args) => drain(&args).await,
    }
}

async fn show(folder: &Path) -> anyhow::Result<()> {
    let level = SqliteSpool::level_of(folder).await.with_context(|| named(folder))?;
    let mut out = io::stdout().lock();
    writeln!(out, "waiting    {} ({} bytes)", level.signals, level.bytes)?;
    writeln!(out, "set aside  {}", level.set_aside)?;
    Ok(())
}

async fn drain(args: &DrainArgs) -> anyhow::Result<()> {
    let folder = &args.folder;
    ensure!(args.store != StoreUrl::Memory, "memory: ends with this command, and everything in it");
    let spool = SqliteSpool::adopt(folder, SpoolOptions::default()).await;
    let spool = match spool {
        Err(SpoolError::Locked { .. }) => bail!(
            "{}: its server lives, and drains it by itself; only what a server that is gone has left can be taken over",
            named(folder)
        ),
        opened => opened.with_context(|| named(folder))?,
    };
    args.store.expect_database()?;
    let store = args.store.open().await?;
    expect_same_store(&spool, store.as_ref()).await.with_context(|| named(folder))?;
    // The plane learns of it when it is next built from the store: these calls are over, or their servers have told it.
    let drained = drain_spool(store.as_ref(), &spool, None, &operator(), PATIENCE).await;
    let level = spool.level();
    report(drained, level)?;
    expect_nothing_left(level).with_context(|| named(folder))
}

fn named(folder: &Path) -> String {
    format!("spool {}", folder.display())
}

/// Signals name their tenants by id: in another store they would become another tenant's calls.
async fn expect_same_store(spool: &SqliteSpool, store: &dyn Store) -> anyhow::Result<()> {
    let operator = operator();
    let mut known = None;
    for (domain, tenant) in spool.tenants().await? {
        let found = store.tenant_by_domain(&operator, &domain).await?;
        if let Some(other) = found.filter(|found| *found != tenant) {
            bail!("it is another store's: {domain} is tenant {tenant} there and {other} here");
        }
        known = Some(known.unwrap_or(false) || found.is_some());
    }
    ensure!(known != Some(false), "it is another store's: this one knows none of its tenants");
    Ok(())
}

fn report(drained: Drained, level: SpoolLevel) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (what, count) in [
        ("drained", drained.dealt_with()),
        ("  new", drained.committed),
        ("  duplicates", drained.duplicates),
        ("  conflicts", drained.conflicts),
        ("set aside", drained.set_aside),
        ("waiting", level.signals),
    ] {
        writeln!(out, "{what:<14}{count}")?;
    }
    out.flush()
}

fn expect_nothing_left(level: SpoolLevel) -> anyhow::Result<()> {
    let SpoolLevel { signals, set_aside, .. } = level;
    ensure!(signals == 0, "{signals} signals wait still: the store does not answer; drain it again");
    ensure!(
        set_aside == 0,
        "{set_aside} signals were set aside, each with its reason: they stay in the folder"
    );
    Ok(())
}
