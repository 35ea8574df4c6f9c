//! `cargo xtask test`: everything that must hold, from formatting to the built server.

use std::process::{Command, exit};

use anyhow::Context as _;
use clap::Args;
use xshell::{Shell, cmd};

use crate::databases::Databases;
use crate::redis::RedisServers;
use crate::{check, codegen, tools, workspace};

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Passed to the test runner of the last step, for example a test's name
    #[arg(last = true)]
    runner: Vec<String>,
}

/// Runs all steps; the last one's output, with the test runner's summary, ends the output.
///
/// End-to-end tests find the built server in `CXROUTE_SERVER_BIN`, tests of stores their database servers in
/// `CXROUTE_TEST_MYSQL` and `CXROUTE_TEST_MARIADB`, those of execution planes theirs in `CXROUTE_TEST_REDIS` and
/// `CXROUTE_TEST_REDIS_CLUSTER`. Fuzz corpora are replayed by ordinary
/// tests of the crates that own the targets.
pub(crate) fn run(sh: &Shell, options: &Options) -> anyhow::Result<()> {
    check::lints(sh)?;
    let server = workspace::trial_server(sh)?;
    codegen::run(sh, codegen::Mode::Check)?;
    cmd!(sh, "cargo test --locked --doc --workspace --all-features").run()?;

    let runner = Runner::choose();
    println!("test runner: {}", runner.reason());
    // What a build without features says differently is said in the library itself.
    cmd!(sh, "cargo test --locked --package cxroute-core --lib --quiet").run()?;

    let (databases, redis) = (Databases::start(sh)?, RedisServers::start(sh)?);
    let all = runner.command(&["--workspace", "--all-features"]).args(&options.runner);
    let status = all
        .process()
        .env("CXROUTE_SERVER_BIN", server)
        .envs(databases.variables().iter().chain(redis.variables()).cloned())
        .current_dir(workspace::root())
        .status()
        .context("cannot start cargo")?;
    drop((databases, redis));
    // Not an error value: the runner's own summary is the last thing said.
    exit(status.code().unwrap_or(1));
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    fn choose() -> Self {
        if tools::has_nextest() { Self::Nextest } else { Self::Cargo }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Nextest => "cargo nextest (it is installed)",
            Self::Cargo => {
                "cargo test (cargo-nextest is not installed; building it takes longer than it saves)"
            }
        }
    }

    /// All tests of the chosen packages but doc tests, which have run, and benches, which measure.
    fn command(self, scope: &[&str]) -> Invocation {
        let start: &[&str] = match self {
            Self::Nextest => &["nextest", "run"],
            Self::Cargo => &["test", "--no-fail-fast"],
        };
        let targets = ["--locked", "--lib", "--bins", "--tests", "--examples"];
        Invocation { args: [start, &targets, scope].concat().into_iter().map(str::to_owned).collect() }
    }
}

/// A call of cargo.
struct Invocation {
    args: Vec<String>,
}

impl Invocation {
    /// The runners take their filters without the `--` that separates them from xtask's own options.
    fn args(mut self, more: &[String]) -> Self {
        self.args.extend_from_slice(more);
        self
    }

    fn process(&self) -> Command {
        let mut command = Command::new("cargo");
        command.args(&self.args);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_run_the_same_targets_locked() {
        for runner in [Runner::Nextest, Runner::Cargo] {
            let args = runner.command(&["--workspace", "--all-features"]).args(&["a_name".into()]).args;
            let line = args.join(" ");
            assert!(
                line.ends_with("--locked --lib --bins --tests --examples --workspace --all-features a_name"),
                "{line}"
            );
        }
    }
}
