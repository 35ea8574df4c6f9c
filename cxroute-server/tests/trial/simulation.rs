//! `simulate` as a process beside the server, and its log: what the platform saw of every call.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::places::KEY;
use crate::process::{command, signal};
use crate::webhooks;

/// What goes wrong on the platform's side.
pub(crate) const MISSES: [&str; 16] = [
    "--rate",
    "0",
    "--duplicates",
    "5%",
    "--reorder",
    "5%",
    "--cdr-first",
    "3%",
    "--busy",
    "8%",
    "--no-answer",
    "8%",
    "--failed",
    "3%",
    "--canceled",
    "2%",
];

/// How many calls apart the most and the least chosen of `agents` are.
pub(crate) fn spread(counts: &BTreeMap<String, u64>, agents: usize) -> u64 {
    assert_eq!(counts.len(), agents, "{counts:?}");
    counts.values().max().unwrap() - counts.values().min().unwrap()
}

/// One call as the platform saw it.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) session_token: String,
    pub(crate) expected_status: String,
    pub(crate) attempts: Vec<Attempt>,
}

/// One dial that CXML named.
#[derive(Debug, Deserialize)]
pub(crate) struct Attempt {
    targets: Vec<Target>,
    /// None where the CXML came when the call was over: the CDR decides.
    pub(crate) expected_status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    value: String,
}

impl Attempt {
    /// The one number or agent that was dialled.
    pub(crate) fn dialled(&self) -> &str {
        let [target] = &self.targets[..] else { panic!("one target expected: {:?}", self.targets) };
        &target.value
    }
}

/// A running simulation of one tenant; killed when dropped.
pub(crate) struct Simulation {
    process: Child,
    address: SocketAddr,
    report: PathBuf,
    /// A line a call that is over.
    pub(crate) log: PathBuf,
    /// Whether the trial takes the store away.
    store: StoreIs,
}

/// What a trial does to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreIs {
    /// It leaves it alone.
    There,
    /// It takes it away now and then.
    AwayAtTimes,
}

impl Simulation {
    /// Begins to play calls of `domain` against the server at `address`.
    pub(crate) fn start(folder: &Path, address: SocketAddr, domain: &str, seed: u64, more: &[&str]) -> Self {
        // Whether the deadline is kept is measured elsewhere, on machines that do nothing else.
        Self::launch(folder, address, domain, seed, &[&["--deadline-ms", "100000"], more].concat())
    }

    /// The same, with the deadline that is promised, or another one of `more`.
    pub(crate) fn launch(folder: &Path, address: SocketAddr, domain: &str, seed: u64, more: &[&str]) -> Self {
        let store = StoreIs::There;
        let (url, seed) = (format!("http://{address}"), seed.to_string());
        let [report, log] = ["json", "jsonl"].map(|extension| folder.join(format!("{domain}.{extension}")));
        let name = log.to_str().unwrap();
        let line = ["simulate", domain, "--url", &url, "--key", KEY, "--seed", &seed];
        let line = [&line[..], &["--log", name, "--json"], more].concat();
        let said = std::fs::File::create(&report).unwrap();
        let process = command(folder, &line).stdout(said).stderr(Stdio::inherit()).spawn().unwrap();
        Self { process, address, report, log, store }
    }

    /// The trial takes the store away at times.
    pub(crate) fn with_store(mut self, store: StoreIs) -> Self {
        self.store = store;
        self
    }

    /// No call is begun any more.
    pub(crate) fn stop(&self) {
        signal(&self.process, "-INT");
    }

    /// Waits for its end; the report, and what it saw of every call. What the report calls a violation is one, but that a
    /// copy was not told from a first while the store was away, which nobody can then.
    pub(crate) async fn finish(mut self) -> (Value, Vec<Line>) {
        let report = self.ended();
        let kinds = report["violations"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap());
        let kinds: Vec<&str> = kinds.collect();
        let excused = kinds == ["duplicate_not_recognised"] && self.store_was_away().await;
        assert!(kinds.is_empty() || excused, "{report:#}");
        assert_eq!(report["calls"]["unfinished"], 0, "{report:#}");
        let lines = self.lines();
        assert_eq!(report["calls"]["finished"], lines.len(), "{report:#}");
        (report, lines)
    }

    /// Waits for its end; the report, whatever it says.
    pub(crate) fn ended(&mut self) -> Value {
        self.process.wait().unwrap();
        serde_json::from_slice(&std::fs::read(&self.report).unwrap()).expect("a report")
    }

    async fn store_was_away(&self) -> bool {
        self.store == StoreIs::AwayAtTimes || webhooks::store_was_away(self.address).await
    }

    /// What it has seen so far of calls that are over.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _status = self.process.wait();
    }
}

/// How often each number or agent was decided for.
pub(crate) fn dials<'a>(lines: impl IntoIterator<Item = &'a Line>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for attempt in lines.into_iter().flat_map(|line| &line.attempts) {
        *counts.entry(attempt.dialled().to_owned()).or_default() += 1;
    }
    counts
}

/// The same as the simulation's report counts it.
pub(crate) fn decisions(report: &Value) -> BTreeMap<String, u64> {
    let decisions = report["decisions"].as_array().unwrap().iter();
    decisions.map(|one| (one["value"].as_str().unwrap().to_owned(), one["count"].as_u64().unwrap())).collect()
}
