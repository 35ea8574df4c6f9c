//! `cargo xtask codegen`: generated files that are committed, written or checked for drift.
//!
//! `docs/cli.md` is the command line's reference, out of the release binary's own `--help`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::Shell;

use crate::workspace;

const CLI_REFERENCE: &str = "docs/cli.md";
const PREAMBLE: &str = "# The command line of `cxroute-server`\n\n\
    Written by `cargo xtask codegen` from the binary's own help; `cargo xtask test` fails when it drifts.\n";

/// Options of `cargo xtask codegen`.
#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing; fail when a committed file is not what would be written
    #[arg(long)]
    check: bool,
}

/// Whether drift is mended or reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write the files.
    Write,
    /// Fail when a file differs from what would be written.
    Check,
}

impl Options {
    /// The mode asked for.
    pub(crate) fn mode(&self) -> Mode {
        if self.check { Mode::Check } else { Mode::Write }
    }
}

/// Builds the server and writes or checks what is generated from it.
pub(crate) fn run(sh: &Shell, mode: Mode) -> anyhow::Result<()> {
    let binary = workspace::trial_server(sh)?;
    let mut reference = PREAMBLE.to_owned();
    describe(&binary, &mut Vec::new(), &mut reference)?;
    let path = workspace::root().join(CLI_REFERENCE);
    match mode {
        Mode::Write => fs::write(&path, reference).with_context(|| format!("cannot write {CLI_REFERENCE}")),
        Mode::Check => {
            let committed = fs::read_to_string(&path).unwrap_or_default();
            let drift = reference.lines().zip(committed.lines().chain(std::iter::repeat("")));
            let drift = drift.enumerate().find(|(_, (fresh, committed))| fresh != committed);
            if let Some((line, (fresh, committed))) = drift {
                eprintln!("{CLI_REFERENCE}:{}: expected {fresh:?}, got {committed:?}", line + 1);
            }
            ensure!(committed == reference, "{CLI_REFERENCE} has drifted: run `cargo xtask codegen`");
            Ok(())
        }
    }
}

/// Appends the help of the command at `path` and of everything below it.
fn describe(binary: &Path, path: &mut Vec<String>, into: &mut String) -> anyhow::Result<()> {
    // An empty environment: clap prints the values of variables into its help.
    let output = Command::new(binary).args(&*path).arg("--help").env_clear().output()?;
    ensure!(
        output.status.success(),
        "`cxroute-server {} --help` ended with {}",
        path.join(" "),
        output.status
    );
    let help = String::from_utf8(output.stdout)?;
    let title = format!("cxroute-server {}", path.join(" "));
    into.push_str(&format!("\n## `{}`\n\n```text\n{}\n```\n", title.trim_end(), tidied(&help)));
    for name in subcommands(&help) {
        path.push(name);
        describe(binary, path, into)?;
        path.pop();
    }
    Ok(())
}

fn tidied(help: &str) -> String {
    help.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The names in the `Commands:` section of clap's help, but `help` itself.
fn subcommands(help: &str) -> Vec<String> {
    let section = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let entries = section.take_while(|line| !line.is_empty());
    let names = entries.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    names
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcommands_are_read_from_the_help() {
        let help = "Routes\n\nUsage: x <COMMAND>\n\nCommands:\n  serve   Serve\n            in two lines\n  config  Configure\n  help    Print\n\nOptions:\n  -h, --help\n";
        assert_eq!(subcommands(help), ["serve", "config"]);
        assert!(subcommands("Usage: x serve\n").is_empty());
    }
}
