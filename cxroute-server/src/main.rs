//! The `cxroute-server` binary: it reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser as _;
use cxroute_server::cli::{self, Cli};
use mimalloc::MiMalloc;

/// A webhook allocates some hundred times, on one thread, and much of it is freed on another: what the system's allocator
/// is slow at.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse()).await
}
