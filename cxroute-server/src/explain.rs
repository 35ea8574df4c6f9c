//! `explain`: where a call would go, and why, by the same engine that routes calls. Nothing changes anywhere.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use cxroute_core::authority::Operator;
use cxroute_core::config::{Configuration, Domain};
use cxroute_core::engine::{Direct, Engine, Explanation, Origin, Parts, Question, TraceText};
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::Names;
use cxroute_core::time::Timestamp;

use crate::cli::{operator, read_draft};
use crate::config_file::{Applier, Form, Mode};
use crate::serve::public_url;
use crate::store_url::{LiveUrl, Opened, StoreArgs};

/// What is asked.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The tenant's Cloudonix domain.
    #[arg(value_parser = Domain::parse)]
    domain: Domain,
    /// The dialled number.
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    to: String,
    /// The caller.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    from: String,
    /// Where the call comes from.
    #[arg(long, value_enum, default_value_t = Direction::Inbound)]
    direction: Direction,
    /// When: windows and cool-downs are judged by it, such as 2026-01-31T12:00:00Z [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// A draft: the configuration is judged as this file would make it.
    #[arg(long, value_name = "DRAFT.yaml")]
    config: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Where choices are made atomically: redis://host:6379/0, redis+cluster://host:port,host:port, rediss://… with TLS,
    /// or memory:.
    #[arg(long, env = "CXROUTE_LIVE", value_name = "URL", default_value = "memory:")]
    live: LiveUrl,
    /// The base of action URLs in the CXML.
    #[arg(long, env = "CXROUTE_PUBLIC_URL", value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = public_url)]
    public_url: String,
}

/// A dry run may wait for a plane in Redis.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a call comes from (FACTS §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// From a trunk: inbound rules.
    Inbound,
    /// From a SIP subscriber: outbound rules, then inbound ones; so are all that follow.
    Subscriber,
    /// Started by REST.
    OutboundApi,
    /// Outbound.
    Outbound,
    /// From another application.
    Application,
}

impl Direction {
    const fn origin(self) -> Origin {
        match self {
            Self::Inbound => Origin::Inbound,
            Self::Subscriber | Self::OutboundApi | Self::Outbound | Self::Application => Origin::Other,
        }
    }
}

/// Reads a time of the command line.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "expected an ISO 8601 time such as 2026-01-31T12:00:00Z".to_owned())
}

/// Prints the trace and the CXML, credentials masked.
pub(crate) async fn run(args: ExplainArgs) -> anyhow::Result<()> {
    let form = args.config.as_deref().map(|file| read_draft(file, &args.domain)).transpose()?;
    let operator = operator();
    let opened = match &form {
        Some(_) => args.store.open_or_pretend().await?,
        None => args.store.open_existing().await?,
    };
    let (opened, draft) = prepare(opened, &operator, form).await?;
    let (explanation, names) = explain(&args, &opened, draft).await?;
    let mut out = io::stdout().lock();
    write!(out, "{}", TraceText::new(&explanation.trace, &names))?;
    writeln!(out, "\n{}", explanation.cxml)?;
    out.flush()?;
    Ok(())
}

/// The store to ask, and the draft to ask about. A draft of a tenant that is not there is tried in a store of its own.
async fn prepare(
    opened: Opened,
    operator: &Operator,
    form: Option<Form>,
) -> anyhow::Result<(Opened, Option<Configuration>)> {
    let Some(form) = form else { return Ok((opened, None)) };
    let applier = Applier { store: opened.store.as_ref(), keyring: &opened.keyring, operator };
    if opened.store.tenant_by_domain(operator, &form.tenant.domain).await?.is_some() {
        let draft = applier.draft(&form).await?;
        return Ok((opened, Some(draft)));
    }
    let trial = MemoryStore::new();
    Applier { store: &trial, ..applier }.apply(&form, Mode::Commit, crate::now()).await?;
    Ok((Opened { store: Arc::new(trial), keyring: opened.keyring }, None))
}

async fn explain(
    args: &ExplainArgs,
    opened: &Opened,
    draft: Option<Configuration>,
) -> anyhow::Result<(Explanation, Names)> {
    let store = &opened.store;
    let parts = Parts {
        store: Arc::clone(store),
        live: args.live.open(PATIENCE)?,
        commit: Arc::new(Direct::new(Arc::clone(store))),
        vault: Arc::clone(&opened.keyring) as _,
        authenticator: None,
        spool: None,
        public_url: args.public_url.clone(),
    };
    let engine = Engine::new(parts, &operator());
    let gate = engine.gate(&args.domain).await?;
    let gate = gate.ok_or_else(|| anyhow!("there is no tenant with the domain {}", args.domain))?;
    let operator = operator();
    let mut names = store.read(&operator.read(gate.tenant())).await?.names().await?;
    if let Some(draft) = &draft {
        names.agents.extend(draft.agents.iter().map(|agent| (agent.id, agent.name.clone())));
        names.groups.extend(draft.groups.iter().map(|group| (group.id, group.name.clone())));
    }
    let question = Question {
        to: args.to.clone(),
        from: args.from.clone(),
        origin: args.direction.origin(),
        at: args.at.unwrap_or_else(crate::now),
    };
    let admitted = engine.admit_operator(&gate, &operator);
    Ok((engine.explain(&admitted, &question, draft).await?, names))
}
