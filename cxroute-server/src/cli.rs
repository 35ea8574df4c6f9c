//! The command line: what can be asked, and what comes of it as an exit code.
//!
//! Exit codes: 0 done; 1 refused or failed, with one line on standard error that names the cause; 2 a command line that
//! cannot be read (clap's own). What is asked for goes to standard output, everything else to standard error.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, Parser, Subcommand};
use cxroute_core::authority::Operator;
use cxroute_core::config::{Configuration, Domain};
use cxroute_core::id::TenantId;
use cxroute_core::port::Store;

use crate::calls::CallsArgs;
use crate::config_file::{self, Applied, Applier, Form, Mode};
use crate::explain::ExplainArgs;
use crate::replay::ReplayArgs;
use crate::serve::ServeOptions;
use crate::simulate::SimulateOptions;
use crate::store_url::StoreArgs;

/// Routes phone calls to AI voice agents: Cloudonix webhooks in, CXML out.
#[derive(Debug, Parser)]
#[command(name = "cxroute-server", version, about, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves webhooks until it is told to stop.
    Serve(Box<ServeOptions>),
    /// Applies or exports a tenant's configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Lists a tenant's call records, newest first; or shows one call.
    Calls(CallsArgs),
    /// Says where a call would go, and why, without doing anything.
    Explain(Box<ExplainArgs>),
    /// Says how recorded calls would have been distributed under a draft, without doing anything.
    Replay(ReplayArgs),
    /// Creates the store's tables or brings them up to date; any number of servers may do so at once.
    Migrate(MigrateArgs),
    /// Plays Cloudonix against a running server, and reports every violation.
    Simulate(Box<SimulateOptions>),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Creates or updates one tenant to match a file; prints what it changes.
    Apply(ApplyArgs),
    /// Prints a tenant's configuration in the form that apply takes, without secrets.
    Export(ExportArgs),
}

#[derive(Args, Debug)]
struct ApplyArgs {
    /// The configuration file; `-` reads standard input.
    #[arg(value_name = "FILE.yaml")]
    file: PathBuf,
    /// Prints what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Args, Debug)]
struct MigrateArgs {
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Args, Debug)]
struct ExportArgs {
    /// The tenant's Cloudonix domain.
    #[arg(value_parser = Domain::parse)]
    domain: Domain,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs a command to its end.
pub async fn run(cli: Cli) -> ExitCode {
    match cli.command.run().await {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

impl Command {
    async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(options) => crate::serve::run(*options).await?,
            Self::Config(ConfigCommand::Apply(args)) => apply(args).await?,
            Self::Config(ConfigCommand::Export(args)) => export(args).await?,
            Self::Calls(args) => crate::calls::run(args).await?,
            Self::Explain(args) => crate::explain::run(*args).await?,
            Self::Replay(args) => crate::replay::run(args).await?,
            // Opening a store brings it up to date.
            Self::Migrate(args) => drop(args.store.open().await?),
            Self::Simulate(options) => return simulate(*options).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One line: the error and what led to it.
fn complain(error: &anyhow::Error) {
    let line = format!("cxroute-server: {error:#}").replace(['\n', '\r'], " ");
    // There is nowhere else to complain when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A reader such as `head` has had enough: no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The operator's authority: whoever can run this command on the store's machine with its master key has it.
#[expect(clippy::disallowed_methods, reason = "the command line is the operator")]
pub(crate) const fn operator() -> Operator {
    Operator::assume()
}

/// The tenant of a domain.
pub(crate) async fn tenant(
    store: &dyn Store,
    operator: &Operator,
    domain: &Domain,
) -> anyhow::Result<TenantId> {
    let found = store.tenant_by_domain(operator, domain).await?;
    found.ok_or_else(|| anyhow!("there is no tenant with the domain {domain}"))
}

/// Reads a configuration file.
///
/// # Errors
/// Names the file, the line and what was expected.
pub fn read_form(file: &Path) -> anyhow::Result<Form> {
    let text = match file.to_str() {
        Some("-") => io::read_to_string(io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    let text = text.with_context(|| file.display().to_string())?;
    Form::parse(&text).with_context(|| file.display().to_string())
}

/// Reads a draft of this domain's configuration.
pub(crate) fn read_draft(file: &Path, domain: &Domain) -> anyhow::Result<Form> {
    let form = read_form(file)?;
    match form.tenant.domain == *domain {
        true => Ok(form),
        false => Err(anyhow!("the draft is of {}, not of {domain}", form.tenant.domain)),
    }
}

async fn apply(args: ApplyArgs) -> anyhow::Result<()> {
    let form = read_form(&args.file)?;
    let (mode, opened) = match args.dry_run {
        true => (Mode::DryRun, args.store.open_or_pretend().await?),
        false => (Mode::Commit, args.store.open().await?),
    };
    let operator = operator();
    let applier = Applier { store: opened.store.as_ref(), keyring: &opened.keyring, operator: &operator };
    let applied = applier.apply(&form, mode, crate::now()).await;
    let applied = applied.with_context(|| args.file.display().to_string())?;
    report(&applied, mode, &form.tenant.domain)?;
    Ok(())
}

/// Prints what changed; warnings go to standard error.
pub(crate) fn report(applied: &Applied, mode: Mode, domain: &Domain) -> io::Result<()> {
    let mut errors = io::stderr().lock();
    for warning in &applied.warnings {
        writeln!(errors, "warning: {warning}")?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    for change in &applied.changes {
        writeln!(out, "{change}")?;
    }
    let count = match applied.changes.len() {
        0 => "nothing to change".to_owned(),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    match (mode, applied.revision) {
        (Mode::DryRun, _) => writeln!(out, "{domain}: {count}; dry run, nothing was saved")?,
        (Mode::Commit, Some(revision)) => writeln!(out, "{domain}: {count}; revision {revision}")?,
        (Mode::Commit, None) => writeln!(out, "{domain}: {count}")?,
    }
    out.flush()
}

async fn export(args: ExportArgs) -> anyhow::Result<()> {
    let opened = args.store.open_existing().await?;
    let operator = operator();
    let tenant = tenant(opened.store.as_ref(), &operator, &args.domain).await?;
    let mut read = opened.store.read(&operator.read(tenant)).await?;
    let configuration: Configuration = read.configuration().await?;
    let yaml = config_file::export(&configuration, &opened.keyring)?.to_yaml()?;
    let mut out = io::stdout().lock();
    writeln!(out, "# cxroute configuration of {}, revision {}.", args.domain, configuration.revision)?;
    writeln!(
        out,
        "# Webhook keys, signature_secret, usernames and passwords are left out: applying this keeps them."
    )?;
    out.write_all(yaml.as_bytes())?;
    out.flush()?;
    Ok(())
}

async fn simulate(options: SimulateOptions) -> anyhow::Result<ExitCode> {
    let form = options.report_form();
    let report = crate::simulate::run(options).await?;
    let mut out = io::stdout().lock();
    write!(out, "{}", report.render(form))?;
    out.flush()?;
    Ok(ExitCode::from(report.exit_code()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("cxroute-server").chain(line.split(' ')))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_contract_is_read() {
        for line in [
            "serve",
            "serve --listen 127.0.0.1:8080 --store sqlite:cxroute.db --live memory: --spool dir --public-url http://x --config f.yaml --demo",
            "serve --tls-cert cert.pem --tls-key key.pem --live rediss://redis/0?ca=ca.pem",
            "config apply f.yaml --dry-run --store memory:",
            "config export example.cloudonix.net",
            "migrate --store mysql://me@db/cxroute",
            "calls example.cloudonix.net --session 0123 --limit 50 --json",
            "explain example.cloudonix.net --to +1 --from +2 --direction inbound --at 2026-01-31T12:00:00Z --config d.yaml",
            "simulate example.cloudonix.net --url http://127.0.0.1:1 --calls 100 --rate 20 --busy 5% --no-answer 5% --duplicates 2% --reorder 2%",
        ] {
            parsed(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn what_serve_takes_can_all_come_from_the_environment() {
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        for argument in serve
            .get_arguments()
            .filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
        {
            let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
            assert!(variable.starts_with("CXROUTE_"), "{} has no variable", argument.get_id());
        }
    }

    #[test]
    fn a_wrong_command_line_says_what_was_expected() {
        for (line, expected) in [
            ("serve --store redis:x", "expected sqlite:FILE, mysql://… or memory:"),
            ("serve --live sqlite:x", "expected redis://…, redis+cluster://…, redis+sentinel://… or memory:"),
            ("serve --public-url ftp://x", "expected http:// or https://"),
            ("calls not/a/domain", "expected a domain name"),
            ("explain e.net --to 1 --at yesterday", "expected an ISO 8601 time"),
        ] {
            let refused = parsed(line).unwrap_err();
            assert_eq!(refused.exit_code(), 2, "{line}");
            assert!(refused.to_string().contains(expected), "{line}: {refused}");
        }
    }
}
