//! A thousand simulated calls and more, with copies, late and reordered signals, on tenants of different strategies:
//! every record ends as the platform saw the call end, and agents are counted exactly as they were decided for.

use std::collections::BTreeMap;
use std::path::Path;

use crate::database::Database;
use crate::dice;
use crate::process::{PATIENT, Running, STORE_URL, apply, assert_calm};
use crate::records::{Kept, assert_listed, assert_windows, listed, replayed};
use crate::simulation::{MISSES, Simulation, decisions, dials, spread};
use crate::tenants::{CHAIN, LEVEL, TURNS};

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
