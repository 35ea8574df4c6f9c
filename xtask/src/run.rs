//! `cargo xtask run`: from a clone to a server that answers, with demo data.

use std::fs;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use xshell::Shell;

use crate::{tools, workspace};

const LISTEN: &str = "127.0.0.1:8080";
/// What the server gets unless the caller or the environment says otherwise: option, variable, value.
const DEFAULTS: [(&str, &str, &str); 3] = [
    ("--listen", "CXROUTE_LISTEN", LISTEN),
    ("--store", "CXROUTE_STORE", "sqlite:.data/cxroute.db"),
    ("--spool", "CXROUTE_SPOOL", ".data/spool"),
];
/// The README's first call stands between these two lines; there is no second copy of it.
const FIRST_CALL: (&str, &str) = ("<!-- first call -->", "<!-- end of first call -->");

/// Options of `cargo xtask run`.
#[derive(Args)]
pub(crate) struct Options {
    /// More options of `cxroute-server serve`
    #[arg(last = true)]
    serve: Vec<String>,
}

/// Builds the release server, then becomes it.
pub(crate) fn run(sh: &Shell, options: &Options) -> anyhow::Result<()> {
    tools::require(sh, &[tools::C_COMPILER])?;
    let server = workspace::release_server(sh)?;
    let root = workspace::root();
    fs::create_dir_all(root.join(".data")).context("cannot make the data folder .data")?;

    let args = serve_args(&options.serve, |variable| std::env::var(variable).ok());
    let listen = listen_of(&args).or_else(|| std::env::var("CXROUTE_LISTEN").ok());
    let listen = listen.unwrap_or_else(|| LISTEN.to_owned());
    println!("\ncxroute-server {}\n", args.join(" "));
    if let Some(call) = first_call(&fs::read_to_string(root.join("README.md"))?) {
        println!("Ask it who answers a call, from another terminal:\n\n{}\n", call.replace(LISTEN, &listen));
    }
    become_process(Command::new(server).args(&args).current_dir(root))
}

/// `serve --demo` with the defaults that neither `given` nor the environment overrides.
fn serve_args(given: &[String], environment: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut args = vec!["serve".to_owned()];
    if !given.iter().any(|arg| arg == "--demo") {
        args.push("--demo".to_owned());
    }
    for (option, variable, value) in DEFAULTS {
        let is_given = given.iter().any(|arg| arg == option || arg.starts_with(&format!("{option}=")));
        if !is_given && environment(variable).is_none() {
            args.extend([option.to_owned(), value.to_owned()]);
        }
    }
    args.extend_from_slice(given);
    args
}

fn listen_of(args: &[String]) -> Option<String> {
    let at = args.iter().position(|arg| arg == "--listen" || arg.starts_with("--listen="))?;
    match args[at].split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None => args.get(at + 1).cloned(),
    }
}

/// The command between the README's markers, without its code fence.
fn first_call(readme: &str) -> Option<String> {
    let (_, rest) = readme.split_once(FIRST_CALL.0)?;
    let (block, _) = rest.split_once(FIRST_CALL.1)?;
    let lines: Vec<&str> = block.trim().lines().filter(|line| !line.starts_with("```")).collect();
    Some(lines.join("\n"))
}

/// Replaces this process, so that signals reach the server itself.
#[cfg(unix)]
fn become_process(command: &mut Command) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    let failure = command.exec();
    Err(failure).with_context(|| format!("cannot start {command:?}"))
}

#[cfg(not(unix))]
fn become_process(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    anyhow::ensure!(status.success(), "the server ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(given: &[&str], environment: &[&str]) -> String {
        let given: Vec<String> = given.iter().map(|&arg| arg.to_owned()).collect();
        let set = |variable: &str| environment.contains(&variable).then(|| "set".to_owned());
        serve_args(&given, set).join(" ")
    }

    #[test]
    fn a_newcomer_gets_the_demo_on_the_embedded_default() {
        let expected =
            "serve --demo --listen 127.0.0.1:8080 --store sqlite:.data/cxroute.db --spool .data/spool";
        assert_eq!(args(&[], &[]), expected);
    }

    #[test]
    fn what_the_caller_or_the_environment_says_is_said_once() {
        assert_eq!(
            args(&["--listen=127.0.0.1:9000", "--store", "memory:"], &["CXROUTE_SPOOL"]),
            "serve --demo --listen=127.0.0.1:9000 --store memory:"
        );
        assert_eq!(listen_of(&["--listen=127.0.0.1:9000".into()]).unwrap(), "127.0.0.1:9000");
        assert_eq!(listen_of(&["--listen".into(), "127.0.0.1:1".into()]).unwrap(), "127.0.0.1:1");
    }

    #[test]
    fn the_readme_has_a_first_call_for_the_default_address() {
        let readme = include_str!("../../README.md");
        let call = first_call(readme).unwrap();
        assert!(call.starts_with("curl "), "{call}");
        assert!(call.contains(LISTEN), "{call}");
        assert!(!call.contains("```"), "{call}");
    }
}
