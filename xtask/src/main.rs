//! `cargo xtask …`: the one door to set-up, tests, checks, benches and generated files.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks through its output")]

mod bench;
mod check;
mod codegen;
mod databases;
mod fuzz;
mod http;
mod load;
mod process;
mod redis;
mod run;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xshell::Shell;

/// Set-up, tests, checks, benches and generated files of cxroute.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Door {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the release server and start it with demo data on http://127.0.0.1:8080
    Run(run::Options),
    /// Run everything that must hold: checks, doc tests, every test, the built server end to end
    Test(test::Options),
    /// Formatting, lints, documentation, the tidy tests, core on its default features
    Check,
    /// Measure: the rows of the speed table, all or by name
    Bench(bench::Options),
    /// Put load on a release server with MySQL and Redis and compare it with a bare handler, or play simulated calls
    Load(load::Options),
    /// Fuzz one target or all, with cargo-fuzz on nightly
    Fuzz(fuzz::Options),
    /// Write the generated files that are committed
    Codegen(codegen::Options),
}

fn main() -> ExitCode {
    match enter(&Door::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn enter(task: &Task) -> anyhow::Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(workspace::root());
    match task {
        Task::Run(options) => run::run(&sh, options),
        Task::Test(options) => test::run(&sh, options),
        Task::Check => check::run(&sh),
        Task::Bench(options) => bench::run(&sh, options),
        Task::Load(options) => load::run(&sh, options),
        Task::Fuzz(options) => fuzz::run(&sh, options),
        Task::Codegen(options) => codegen::run(&sh, options.mode()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_options_of_every_task_go_together() {
        Door::command().debug_assert();
    }
}
