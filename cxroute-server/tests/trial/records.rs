//! What a server has kept, read from its store by the commands an operator has and, for whole calls, by the library.

use std::collections::BTreeMap;
use std::path::Path;

use cxroute_core::authority::Operator;
use cxroute_core::call::{AttemptTarget, Call, Outcome};
use cxroute_core::config::Domain;
use cxroute_core::engine::Share;
use cxroute_core::port::{CallFilter, Names, Page, Store};
use cxroute_store_mysql::MySqlStore;
use cxroute_store_sqlite::SqliteStore;
use serde::Deserialize;

use crate::process::{STORE_URL, run};
use crate::simulation::Line;

/// The database of every trial.
pub(crate) const STORE: &str = "cxroute.db";

/// A call record as `calls --json` lists it.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) session_token: String,
    pub(crate) status: String,
}

/// All call records of a tenant by session token; none is listed twice.
pub(crate) fn listed(folder: &Path, domain: &str) -> BTreeMap<String, Record> {
    let json = run(folder, &["calls", domain, "--json", "--limit", "1000000"]);
    let rows: Vec<Record> = serde_json::from_str(&json).unwrap();
    let count = rows.len();
    let records: BTreeMap<_, _> = rows.into_iter().map(|row| (row.session_token.clone(), row)).collect();
    assert_eq!(records.len(), count, "a call of {domain} is listed twice");
    records
}

/// What `replay --json` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Replayed {
    pub(crate) recorded: Side,
    pub(crate) replayed: Side,
    pub(crate) agents: Vec<ReplayedAgent>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Side {
    pub(crate) calls: u64,
}

/// An agent's share on record and in the replay.
#[derive(Debug, Deserialize)]
pub(crate) struct ReplayedAgent {
    pub(crate) name: String,
    pub(crate) recorded: Share,
    pub(crate) replayed: Share,
}

/// Plays all records of a tenant again.
pub(crate) fn replayed(folder: &Path, domain: &str, more: &[&str]) -> Replayed {
    let json = run(folder, &[&["replay", domain, "--json"], more].concat());
    serde_json::from_str(&json).unwrap()
}

/// The store of a trial.
async fn store(folder: &Path) -> Box<dyn Store> {
    match std::fs::read_to_string(folder.join(STORE_URL)) {
        Ok(url) => {
            Box::new(MySqlStore::open(&url, &cxroute_store_mysql::StoreOptions::default()).await.unwrap())
        }
        Err(_) => {
            let file = folder.join(STORE);
            let options = cxroute_store_sqlite::StoreOptions::default();
            Box::new(SqliteStore::open(file.to_str().unwrap(), &options).await.unwrap())
        }
    }
}

/// Whole calls of a tenant, and whom its agents are dialled by.
pub(crate) struct Kept {
    pub(crate) calls: Vec<Call>,
    names: Names,
}

impl Kept {
    /// Reads a tenant's calls.
    pub(crate) async fn read(folder: &Path, domain: &str) -> Self {
        let store = store(folder).await;
        let (operator, domain) = (Operator::assume(), Domain::parse(domain).unwrap());
        let tenant = store.tenant_by_domain(&operator, &domain).await.unwrap().unwrap();
        let mut read = store.read(&operator.read(tenant)).await.unwrap();
        let (mut calls, mut after) = (Vec::new(), None);
        loop {
            let page = read.calls(&CallFilter::default(), Page { after, limit: 1_000 }).await.unwrap();
            after = page.last().map(|call| call.id);
            calls.extend(page);
            if after.is_none() {
                break;
            }
        }
        let names = read.names().await.unwrap();
        Self { calls, names }
    }

    /// A call's attempts: whom, and with which outcome. Agents are called by what they are dialled by.
    pub(crate) fn attempts<'a>(&'a self, call: &'a Call) -> Vec<(&'a str, Option<Outcome>)> {
        let target = |target: &'a AttemptTarget| match target {
            AttemptTarget::Agent(seat) => self.names.agents[&seat.agent].as_str(),
            AttemptTarget::Number { number, .. } => number,
        };
        call.attempts.iter().map(|attempt| (target(&attempt.target), attempt.outcome)).collect()
    }

    /// How often each agent or number was decided for.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (target, _) in self.calls.iter().flat_map(|call| self.attempts(call)) {
            *counts.entry(target.to_owned()).or_default() += 1;
        }
        counts
    }

    /// Every call that the platform has seen to its end is kept as it saw it.
    pub(crate) fn assert_agrees<'a>(&self, lines: impl IntoIterator<Item = &'a Line>) {
        let calls: BTreeMap<&str, &Call> =
            self.calls.iter().map(|call| (call.token.as_str(), call)).collect();
        for line in lines {
            let call = calls.get(line.session_token.as_str()).unwrap_or_else(|| panic!("missing: {line:#?}"));
            let kept = self.attempts(call);
            let dialled: Vec<&str> = line.attempts.iter().map(|attempt| attempt.dialled()).collect();
            assert_eq!(
                kept.iter().map(|(target, _)| *target).collect::<Vec<_>>(),
                dialled,
                "{call:#?}\n{line:#?}"
            );
            for ((_, outcome), attempt) in kept.iter().zip(&line.attempts) {
                let outcome = outcome.map(Outcome::as_str);
                assert!(outcome.is_some(), "an attempt of a call that is over is open: {call:#?}\n{line:#?}");
                if attempt.expected_status.is_some() {
                    assert_eq!(outcome, attempt.expected_status.as_deref(), "{call:#?}\n{line:#?}");
                }
            }
        }
    }
}

/// Every call that the platform has seen to its end is listed with the status that it must have.
pub(crate) fn assert_listed<'a>(
    records: &BTreeMap<String, Record>,
    lines: impl IntoIterator<Item = &'a Line>,
) {
    for line in lines {
        let status = records.get(&line.session_token).map(|record| record.status.as_str());
        assert_eq!(status, Some(line.expected_status.as_str()), "{line:#?}");
    }
}

/// The calls that agents have had in the windows of their groups, as `explain` sees them for calls to `numbers`; who had none
/// is left out.
pub(crate) fn windows(folder: &Path, domain: &str, numbers: &[&str]) -> BTreeMap<String, u64> {
    let mut seats = BTreeMap::new();
    for to in numbers {
        let said = run(folder, &["explain", domain, "--to", to]);
        let mut group = "";
        for line in said.lines() {
            if line.starts_with("group ") {
                group = line.split(" (").next().unwrap();
            } else if let Some((agent, calls)) = seat(line) {
                seats.insert((group.to_owned(), agent), calls);
            }
        }
    }
    let mut counts = BTreeMap::new();
    for ((_, agent), calls) in seats.into_iter().filter(|(_, calls)| *calls > 0) {
        *counts.entry(agent).or_default() += calls;
    }
    counts
}

/// The windows that the next choice is made by count what was decided, no more and no less.
pub(crate) fn assert_windows(folder: &Path, counts: &[BTreeMap<String, u64>]) {
    assert_eq!(windows(folder, "level.cloudonix.net", &["+1"]), counts[0]);
    assert_eq!(windows(folder, "turns.cloudonix.net", &["+1"]), counts[1]);
    let chain = windows(folder, "chain.cloudonix.net", &["+1", "+2"]);
    let agents = counts[2].iter().filter(|(target, _)| *target != "+399");
    assert_eq!(chain, agents.map(|(agent, count)| (agent.clone(), *count)).collect());
}

/// A line such as `  -> Ann: chosen; 5 calls, capacity 1`.
fn seat(line: &str) -> Option<(String, u64)> {
    let (agent, rest) = line.trim_start().trim_start_matches("-> ").split_once(": ")?;
    let (_, figures) = rest.split_once("; ")?;
    let (calls, _) = figures.split_once(" calls, capacity")?;
    Some((agent.to_owned(), calls.parse().ok()?))
}
