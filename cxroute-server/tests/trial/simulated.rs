//! A thousand simulated calls and more, with copies, late and reordered signals, on tenants of different strategies:
//! every record ends as the platform saw the call end, and agents are counted exactly as they were decided for.

use std::collections::BTreeMap;
use std::path::Path;

use crate::database::Database;
use crate::dice;
use crate::process::{PATIENT, Running, STORE_URL, apply, assert_calm};
use crate::records::{Kept, assert_listed, listed, replayed, windows};
use crate::simulation::{Simulation, decisions, dials};
use crate::tenants::{CHAIN, LEVEL, TURNS};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_simulated_calls_end_as_the_platform_saw_them_and_are_counted_as_they_were_decided() {
    let folder = tempfile::tempdir().unwrap();
    calls_end_as_the_platform_saw_them(folder.path(), ["1000", "300", "300"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_calls_over_a_mysql_store_end_as_the_platform_saw_them() {
    for variable in ["CXROUTE_TEST_MYSQL", "CXROUTE_TEST_MARIADB"] {
        let (folder, database) = (tempfile::tempdir().unwrap(), Database::create(variable).await);
        std::fs::write(folder.path().join(STORE_URL), database.location()).unwrap();
        calls_end_as_the_platform_saw_them(folder.path(), ["300", "100", "100"]).await;
    }
}

/// Plays so many calls each on three tenants, kills the server, and compares what the store has with what was seen.
async fn calls_end_as_the_platform_saw_them(path: &Path, calls: [&str; 3]) {
    let seed = dice::seed();
    apply(path, &[LEVEL, TURNS, CHAIN]);
    let server = Running::serve(path, &PATIENT);
    let domains = ["level.cloudonix.net", "turns.cloudonix.net", "chain.cloudonix.net"];
    let played = [(domains[0], calls[0]), (domains[1], calls[1]), (domains[2], calls[2])];
    let runs = played.map(|(domain, calls)| {
        let more = [&MISSES[..], &["--calls", calls, "--concurrency", "12"]].concat();
        Simulation::start(path, server.address(), domain, seed, &more)
    });
    let mut seen = Vec::new();
    for run in runs {
        seen.push(run.finish().await);
    }
    let server = server.again(path, &PATIENT);
    let mut counts = Vec::new();
    for (domain, (report, lines)) in domains.into_iter().zip(&seen) {
        let (records, kept) = (listed(path, domain), Kept::read(path, domain).await);
        assert_eq!(
            (records.len(), kept.calls.len()),
            (lines.len(), lines.len()),
            "{domain}: records and calls"
        );
        assert_listed(&records, lines);
        kept.assert_agrees(lines);
        assert_eq!(kept.counts(), dials(lines), "{domain}: attempts and dials");
        assert_eq!(kept.counts(), decisions(report), "{domain}: attempts and decisions");
        counts.push(kept.counts());
    }
    assert_windows(path, &counts);
    assert!(spread(&counts[0], 3) <= 1, "{counts:?}");
    assert!(spread(&counts[1], 5) <= 1, "{counts:?}");
    for ((domain, (_, lines)), counts) in domains.into_iter().zip(&seen).zip(&counts) {
        assert_replayed(path, domain, lines.len() as u64, counts);
    }
    assert_calm(&server.kill());
}

/// A replay counts what is on record, as the records do, and is routed by the configuration that it is given.
fn assert_replayed(folder: &Path, domain: &str, calls: u64, counts: &BTreeMap<String, u64>) {
    let recorded = replayed(folder, domain, &[]);
    assert_eq!((recorded.recorded.calls, recorded.replayed.calls), (calls, calls));
    for line in &recorded.agents {
        assert_eq!(Some(&line.recorded.attempts), counts.get(&line.name), "{domain}: {}", line.name);
    }
    if domain == "level.cloudonix.net" {
        let again = recorded.agents.into_iter().map(|line| (line.name, line.replayed.attempts)).collect();
        assert!(spread(&again, 3) <= 1, "{again:?}");
        let doubled = LEVEL.replace(r#"{ agent: "+101" }"#, r#"{ agent: "+101", capacity: 2 }"#);
        std::fs::write(folder.join("draft.yaml"), doubled).unwrap();
        let drafted = replayed(folder, domain, &["--config", "draft.yaml"]);
        let first = &drafted.agents[0];
        assert_eq!(first.name, "+101");
        assert!(first.replayed.attempts.abs_diff(calls / 2) <= 1, "{} of {calls}", first.replayed.attempts);
        assert_eq!(drafted.agents.iter().map(|line| line.replayed.attempts).sum::<u64>(), calls);
    }
}

/// The windows that the next choice is made by count what was decided, no more and no less.
pub(crate) fn assert_windows(folder: &Path, counts: &[BTreeMap<String, u64>]) {
    assert_eq!(windows(folder, "level.cloudonix.net", &["+1"]), counts[0]);
    assert_eq!(windows(folder, "turns.cloudonix.net", &["+1"]), counts[1]);
    let chain = windows(folder, "chain.cloudonix.net", &["+1", "+2"]);
    let agents = counts[2].iter().filter(|(target, _)| *target != "+399");
    assert_eq!(chain, agents.map(|(agent, count)| (agent.clone(), *count)).collect());
}
