//! `cargo xtask load`: a release server under load, beside a bare handler or with simulated calls.

mod simulated;

use clap::{Args, Subcommand};
use xshell::Shell;

use crate::bench::durable;

/// Options of `cargo xtask load`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    simulated: Option<Other>,
    #[command(flatten)]
    durable: durable::DurableOptions,
}

/// What can be done instead.
#[derive(Subcommand)]
enum Other {
    /// Play whole calls, as the platform would place them, and report what it saw
    Simulated(simulated::Options),
}

/// Measures the durable webhook beside the bare handler, or plays simulated calls.
pub(crate) fn run(sh: &Shell, options: &Options) -> anyhow::Result<()> {
    match &options.simulated {
        Some(Other::Simulated(simulated)) => simulated::run(sh, simulated),
        None => durable::run(sh, &options.durable),
    }
}
