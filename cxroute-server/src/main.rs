//! The `cxroute-server` binary: it reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser as _;
use cxroute_server::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse()).await
}
