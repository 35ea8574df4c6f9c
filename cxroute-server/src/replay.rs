//! `replay`: how recorded calls would have been distributed under a draft, or from empty windows. Nothing changes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cxroute_core::call::Call;
use cxroute_core::config::Domain;
use cxroute_core::engine::{Direct, Distribution, Engine, Parts, Plain, Share};
use cxroute_core::memory::MemoryLive;
use cxroute_core::port::{CallFilter, Names, Page, TenantRead};
use cxroute_core::time::Timestamp;
use serde::Serialize;

use crate::cli::{operator, read_draft, tenant};
use crate::config_file::Applier;
use crate::explain::time;
use crate::store_url::StoreArgs;

/// What is replayed unless it is said.
const WEEK: i64 = 7 * 24 * 3_600_000;

/// Calls are listed newest first and played oldest first, so they are read by stretches of so many milliseconds.
const STRETCH: i64 = 3_600_000;

/// Calls read at a time.
const PAGE: u32 = 1_000;

/// Which calls, and under what.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// The tenant's Cloudonix domain.
    #[arg(value_parser = Domain::parse)]
    domain: Domain,
    /// A draft: calls are routed as this file would make it [default: as the tenant is set up now].
    #[arg(long, value_name = "DRAFT.yaml")]
    config: Option<PathBuf>,
    /// Calls that were received at or after this, such as 2026-01-31T12:00:00Z [default: a week before --until].
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Calls that were received before this [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Prints JSON: one object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// Prints how the calls were distributed, and how they would have been.
pub(crate) async fn run(args: ReplayArgs) -> anyhow::Result<()> {
    let operator = operator();
    let opened = args.store.open_existing().await?;
    let tenant = tenant(opened.store.as_ref(), &operator, &args.domain).await?;
    let mut read = opened.store.read(&operator.read(tenant)).await?;
    let mut names = read.names().await?;
    let configuration = match &args.config {
        Some(file) => {
            let form = read_draft(file, &args.domain)?;
            let (store, keyring) = (opened.store.as_ref(), &opened.keyring);
            Applier { store, keyring, operator: &operator }.draft(&form).await?
        }
        None => read.configuration().await?,
    };
    names.agents.extend(configuration.agents.iter().map(|agent| (agent.id, agent.name.clone())));
    names.groups.extend(configuration.groups.iter().map(|group| (group.id, group.name.clone())));
    let parts = Parts {
        store: Arc::clone(&opened.store),
        live: Arc::new(MemoryLive::new()),
        commit: Arc::new(Direct::new(Arc::clone(&opened.store))),
        vault: Arc::clone(&opened.keyring) as _,
        authenticator: None,
        spool: None,
        public_url: String::new(),
    };
    let mut replay = Engine::new(parts, &operator).replay(&configuration).await?;

    let until = args.until.unwrap_or_else(crate::now);
    let since = args.since.unwrap_or(Timestamp::from_millis(until.as_millis().saturating_sub(WEEK)));
    let mut recorded = Distribution::default();
    let mut from = since;
    while from < until {
        let to = until.min(from.after(Duration::from_millis(STRETCH.unsigned_abs())));
        let mut calls = stretch(read.as_mut(), from, to).await?;
        calls.sort_by_key(|call| (call.received_at, call.id));
        for call in &calls {
            recorded.add(call);
            replay.play(call).await;
        }
        from = to;
    }
    let report = Report { since, until, recorded, replayed: replay.finish().await };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.json {
        true => report.json(&mut out, &names)?,
        false => report.text(&mut out, &names)?,
    }
    out.flush()?;
    Ok(())
}

/// The calls of a stretch of time, in no order.
async fn stretch(read: &mut dyn TenantRead, from: Timestamp, until: Timestamp) -> anyhow::Result<Vec<Call>> {
    let filter = CallFilter { from: Some(from), until: Some(until), ..CallFilter::default() };
    let mut calls = Vec::new();
    loop {
        let after = calls.last().map(|call: &Call| call.id);
        let page = read.calls(&filter, Page { after, limit: PAGE }).await?;
        let is_last = page.len() < PAGE as usize;
        calls.extend(page);
        if is_last {
            return Ok(calls);
        }
    }
}

struct Report {
    since: Timestamp,
    until: Timestamp,
    recorded: Distribution,
    replayed: Distribution,
}

/// One line of a report: who, on record and in the replay.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    recorded: Share,
    replayed: Share,
}

/// The lines of everybody who has a share in one of the two, by name.
fn lines<'a, I: Ord + Copy>(
    recorded: &BTreeMap<I, Share>,
    replayed: &BTreeMap<I, Share>,
    name_of: impl Fn(I) -> &'a str,
) -> Vec<Line<'a>> {
    let mut both: BTreeMap<I, [Share; 2]> = BTreeMap::new();
    for (side, shares) in [recorded, replayed].into_iter().enumerate() {
        for (id, share) in shares {
            both.entry(*id).or_default()[side] = *share;
        }
    }
    let line = |(id, [recorded, replayed]): (I, [Share; 2])| Line { name: name_of(id), recorded, replayed };
    let mut lines: Vec<_> = both.into_iter().map(line).collect();
    lines.sort_by_key(|line| line.name);
    lines
}

impl Report {
    fn agents<'a>(&self, names: &'a Names) -> Vec<Line<'a>> {
        let name = |id| names.agents.get(&id).map_or("an agent that is gone", String::as_str);
        lines(&self.recorded.agents, &self.replayed.agents, name)
    }

    fn groups<'a>(&self, names: &'a Names) -> Vec<Line<'a>> {
        let name = |id| names.groups.get(&id).map_or("a group that is gone", String::as_str);
        lines(&self.recorded.groups, &self.replayed.groups, name)
    }

    fn json(&self, out: &mut dyn Write, names: &Names) -> io::Result<()> {
        let side = |of: &Distribution| serde_json::json!({ "calls": of.calls, "unrouted": of.unrouted, "refused": of.refused, "numbers": of.numbers });
        let report = serde_json::json!({
            "since": self.since,
            "until": self.until,
            "recorded": side(&self.recorded),
            "replayed": side(&self.replayed),
            "agents": self.agents(names),
            "groups": self.groups(names),
        });
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)
    }

    fn text(&self, out: &mut dyn Write, names: &Names) -> io::Result<()> {
        let (recorded, replayed) = (&self.recorded, &self.replayed);
        writeln!(out, "{} calls from {} until {}", recorded.calls, self.since, self.until)?;
        for (title, lines) in [("AGENT", self.agents(names)), ("GROUP", self.groups(names))] {
            writeln!(out, "\n{title:32}  RECORDED  ANSWERED  REPLAYED  ANSWERED")?;
            for Line { name, recorded, replayed } in lines {
                row(out, name, recorded, replayed)?;
            }
        }
        writeln!(out)?;
        row(out, "numbers on trunks", recorded.numbers, replayed.numbers)?;
        for (what, recorded, replayed) in [
            ("no rule matches", recorded.unrouted, replayed.unrouted),
            ("nobody could take the call", recorded.refused, replayed.refused),
        ] {
            writeln!(out, "{what:32}  {recorded:>8}            {replayed:>8}")?;
        }
        Ok(())
    }
}

fn row(out: &mut dyn Write, name: &str, recorded: Share, replayed: Share) -> io::Result<()> {
    let [Share { attempts, answered }, Share { attempts: again, answered: answered_again }] =
        [recorded, replayed];
    let name = Plain(name).to_string();
    writeln!(out, "{name:32}  {attempts:>8}  {answered:>8}  {again:>8}  {answered_again:>8}")
}
