//! A thousand simulated calls and more, with copies, late and reordered signals, on tenants of different strategies:
//! every record ends as the platform saw the call end, and agents are counted exactly as they were decided for.

use std::collections::BTreeMap;

use crate::dice;
use crate::process::{PATIENT, Running, apply, assert_calm};
use crate::records::{Kept, assert_listed, listed, windows};
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
    let (folder, seed) = (tempfile::tempdir().unwrap(), dice::seed());
    let path = folder.path();
    apply(path, &[LEVEL, TURNS, CHAIN]);
    let server = Running::serve(path, &PATIENT);
    let domains = ["level.cloudonix.net", "turns.cloudonix.net", "chain.cloudonix.net"];
    let runs = [(domains[0], "1000"), (domains[1], "300"), (domains[2], "300")].map(|(domain, calls)| {
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
    assert_calm(&server.kill());
}

/// The windows that the next choice is made by count what was decided, no more and no less.
pub(crate) fn assert_windows(folder: &std::path::Path, counts: &[BTreeMap<String, u64>]) {
    assert_eq!(windows(folder, "level.cloudonix.net", &["+1"]), counts[0]);
    assert_eq!(windows(folder, "turns.cloudonix.net", &["+1"]), counts[1]);
    let chain = windows(folder, "chain.cloudonix.net", &["+1", "+2"]);
    let agents = counts[2].iter().filter(|(target, _)| *target != "+399");
    assert_eq!(chain, agents.map(|(agent, count)| (agent.clone(), *count)).collect());
}
