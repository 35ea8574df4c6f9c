//! The whole simulator against a small server of this test's own: a correct one has no violations, and each kind of
//! violation is found in a server that fails in just this way.

mod failures;
mod fake;
mod servers;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::*;
use fake::{Fake, Hook, KEY, Spoil};

const CORRECT: Spoil = |_, _| {};

/// Options of a quick run with everything that can happen; no test depends on how fast the machine is.
fn options(fake: &Fake) -> SimulateOptions {
    let share = |text: &str| text.parse().unwrap();
    SimulateOptions {
        key: Some(KEY.into()),
        calls: 60,
        rate: Rate::UNPACED,
        busy: share("20%"),
        no_answer: share("10%"),
        failed: share("10%"),
        canceled: share("5%"),
        duplicates: share("20%"),
        reorder: share("20%"),
        cdr_first: share("20%"),
        to: vec!["+1212555####".parse().unwrap()],
        seed: Some(7),
        deadline_ms: 60_000,
        timeout: 60.0,
        ..SimulateOptions::new("trial.example", fake.url().parse().unwrap())
    }
}

async fn simulate(options: SimulateOptions) -> Report {
    run_until(options, std::future::pending()).await.unwrap()
}

#[tokio::test]
async fn a_correct_server_has_no_violations_and_every_call_is_played_to_its_cdr() {
    let fake = Fake::start(CORRECT).await;
    let report = simulate(options(&fake)).await;
    assert_eq!(report.violation_count(), 0, "{report}");
    assert_eq!((report.exit_code(), report.calls.finished), (0, 60));
    assert_eq!((report.webhooks["voice"].webhooks, report.webhooks["cdr"].webhooks), (60, 60));
    assert!(report.webhooks["update"].webhooks >= 600, "ten updates a call");
    assert!(report.webhooks["dial"].webhooks >= 60, "a dial result per dial");
    for (kind, sums) in &report.webhooks {
        assert!(sums.copies > 0, "{kind} has copies");
        assert_eq!(sums.acknowledged, sums.webhooks + sums.copies, "{kind}");
    }
    let requests: u64 = report.webhooks.values().map(|sums| sums.requests).sum();
    assert_eq!(requests, fake.memory(|memory| memory.hooks.len() as u64));
    assert!(report.notes.iter().any(|note| note.text.contains("https://public.example")), "{report}");
}

#[tokio::test]
async fn decisions_are_counted_as_the_server_made_them() {
    let fake = Fake::start(CORRECT).await;
    let report = simulate(options(&fake)).await;
    let mut made: BTreeMap<&str, u64> = BTreeMap::new();
    fake.memory(|memory| {
        memory.tried.values().flatten().for_each(|agent| *made.entry(agent).or_default() += 1)
    });
    let counted: BTreeMap<&str, u64> =
        report.decisions.iter().map(|decision| (decision.value.as_str(), decision.count)).collect();
    assert_eq!(counted, made);
    assert!(report.decisions.iter().all(|d| d.outcomes.values().sum::<u64>() == d.count));
}

#[tokio::test]
async fn copies_have_the_same_bytes_headers_and_stage() {
    let fake = Fake::start(CORRECT).await;
    simulate(options(&fake)).await;
    fake.memory(|memory| {
        let copies: Vec<&Hook> = memory.hooks.iter().filter(|hook| hook.earlier > 0).collect();
        assert!(copies.len() > 50, "{}", copies.len());
        for copy in copies {
            let same = |hook: &&Hook| hook.body == copy.body && hook.query == copy.query;
            let original = memory.hooks.iter().find(same).unwrap();
            assert_eq!(original.headers, copy.headers);
        }
    });
}

#[tokio::test]
async fn a_seed_repeats_a_run_and_another_seed_does_not() {
    let sent = async |seed| {
        let fake = Fake::start(CORRECT).await;
        simulate(SimulateOptions { seed: Some(seed), calls: 5, ..options(&fake) }).await;
        let line = |hook: &Hook| {
            (hook.path.clone(), hook.header("x-cx-stageid").to_owned(), hook.fields()["status"].clone())
        };
        let mut calls: BTreeMap<String, Vec<_>> = BTreeMap::new();
        fake.memory(|memory| {
            for hook in memory.hooks.iter().filter(|hook| hook.earlier == 0) {
                calls.entry(hook.token()).or_default().push(line(hook));
            }
        });
        calls
    };
    let first = sent(1).await;
    assert_eq!(first.len(), 5);
    assert_eq!(first, sent(1).await);
    assert_ne!(first.keys().next(), sent(2).await.keys().next());
}

#[tokio::test]
async fn voice_requests_have_the_headers_of_the_platform() {
    let fake = Fake::start(CORRECT).await;
    simulate(SimulateOptions { signature_secret: Some("pen".into()), ..options(&fake) }).await;
    fake.memory(|memory| {
        let voice = memory.hooks.iter().find(|hook| hook.path.contains("/application/")).unwrap();
        let token = voice.token();
        assert_eq!(voice.method, http::Method::POST);
        assert_eq!(voice.header("user-agent"), "Cloudonix APP.Core/5.3.673");
        assert_eq!(voice.header("content-type"), "application/json");
        assert_eq!(
            (voice.header("x-cx-session"), voice.header("x-cx-domain")),
            (token.as_str(), "trial.example")
        );
        assert_eq!((voice.header("x-cx-stageid").len(), token.len()), (16, 32));
        assert!(voice.header("x-cx-apikey").starts_with("XI") && voice.header("x-cx-apikey").len() == 34);
        assert_eq!(voice.header("x-cx-to"), voice.fields()["To"]);
        assert_eq!(voice.header("x-cx-signature").len(), 64);
        let cdr = memory.hooks.iter().find(|hook| hook.path.contains("/cdr/")).unwrap();
        assert!(cdr.header("x-cx-session").is_empty() && !cdr.header("authorization").is_empty());
        let source = &cdr.fields()["session"]["profile"]["application"][0]["source"];
        assert!(source.as_str().unwrap().contains("<Service"), "our CXML comes back");
    });
}

#[tokio::test]
async fn held_updates_and_first_cdrs_come_out_of_order() {
    let fake = Fake::start(CORRECT).await;
    simulate(options(&fake)).await;
    fake.memory(|memory| {
        let (mut last, mut behind, mut cdr_first) = (HashMap::<String, String>::new(), 0, 0);
        for hook in memory.hooks.iter().filter(|hook| hook.earlier == 0) {
            let modified = hook.fields()["modifiedAt"].as_str().unwrap_or_default().to_owned();
            if hook.path.contains("/update/") {
                let latest = last.entry(hook.token()).or_default();
                behind += usize::from(modified < *latest);
                *latest = modified.max(latest.clone());
            }
            let cdr_came = |other: &Hook| other.path.contains("/cdr/") && other.token() == hook.token();
            let at = memory.hooks.iter().position(|other| std::ptr::eq(other, hook)).unwrap();
            let early = hook.path.contains("/dial/") && memory.hooks[..at].iter().any(cdr_came);
            cdr_first += usize::from(early);
        }
        assert!(behind > 10 && cdr_first > 3, "{behind} {cdr_first}");
    });
}

#[tokio::test]
async fn a_wrong_key_is_reported_with_a_hint() {
    let fake = Fake::start(CORRECT).await;
    let report = simulate(SimulateOptions { key: Some("other-key".into()), ..options(&fake) }).await;
    assert_eq!(report.count_of(ViolationKind::Status), report.violation_count());
    let text = report.render(ReportForm::Text);
    assert!(text.contains("401") && text.contains("is --key the domain's webhook key?"), "{text}");
    assert!(!text.contains("other-key"), "the key is not shown");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_one_clear_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error =
        run_until(SimulateOptions::new("trial.example", url), std::future::pending()).await.unwrap_err();
    assert!(error.to_string().starts_with("nothing answers at http://127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn shares_above_all_dials_are_refused() {
    let fake = Fake::start(CORRECT).await;
    let options =
        SimulateOptions { busy: "60%".parse().unwrap(), failed: "60%".parse().unwrap(), ..options(&fake) };
    let error = run_until(options, std::future::pending()).await.unwrap_err().to_string();
    assert!(error.contains("expected at most 100%"), "{error}");
}

#[tokio::test]
async fn with_keep_going_a_webhook_is_repeated_until_it_is_taken() {
    let fake = Fake::start_after_dropping(7).await;
    let options = SimulateOptions { keep_going: Some(60.0), calls: 10, ..options(&fake) };
    let report = simulate(options).await;
    assert_eq!((report.violation_count(), report.calls.finished), (0, 10), "{report}");
    let retries: u64 = report.webhooks.values().map(|sums| sums.retries).sum();
    assert!(retries >= 7, "{retries}");
}

#[tokio::test]
async fn a_refused_webhook_is_repeated_with_the_same_bytes_and_counted() {
    let fake = Fake::start(|hook, reply| {
        if hook.earlier == 0 && hook.path.contains("/cdr/") {
            reply.status = 503;
        }
    })
    .await;
    let options = SimulateOptions { keep_going: Some(60.0), duplicates: Share::NONE, ..options(&fake) };
    let report = simulate(options).await;
    let cdr = &report.webhooks["cdr"];
    assert_eq!((cdr.webhooks, cdr.retries, cdr.requests, cdr.acknowledged), (60, 60, 120, 60));
    assert_eq!(report.count_of(ViolationKind::ServerError), 60);
    assert_eq!(report.violation_count(), 60, "{report}");
}

#[tokio::test]
async fn a_stopped_run_reports_what_it_has_seen() {
    let fake = Fake::start(CORRECT).await;
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let options = SimulateOptions { calls: 0, ..options(&fake) };
    let running = tokio::spawn(run_until(options, async { told.await.unwrap_or(()) }));
    while fake.memory(|memory| memory.hooks.len()) < 200 {
        tokio::task::yield_now().await;
    }
    tell.send(()).unwrap();
    let report = running.await.unwrap().unwrap();
    assert!(report.calls.finished > 0);
    assert_eq!((report.violation_count(), report.calls.unfinished), (0, 0), "{report}");
}

#[tokio::test]
async fn the_log_says_what_the_server_must_have_recorded_and_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    let fake = Fake::start(CORRECT).await;
    let report = simulate(SimulateOptions { log: Some(path.clone()), ..options(&fake) }).await;
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains("s3cr3t") && !text.contains(KEY) && text.contains("password=\\\"***\\\""));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 60);
    let mut statuses: BTreeMap<&str, u64> = BTreeMap::new();
    for line in &lines {
        *statuses.entry(line["expected_status"].as_str().unwrap()).or_default() += 1;
        let agents = line["attempts"].as_array().unwrap().iter().map(|a| a["targets"][0]["value"].clone());
        let token = line["session_token"].as_str().unwrap();
        assert_eq!(agents.collect::<Vec<_>>(), fake.memory(|memory| memory.tried[token].clone()));
        assert_eq!(line["cdr_acknowledged"], true);
        assert_outcomes_agree(line);
    }
    assert_eq!(statuses, report.calls.expected);
}

/// The expected status of a call follows from its attempts.
fn assert_outcomes_agree(line: &Value) {
    let attempts = line["attempts"].as_array().unwrap();
    let played: Vec<&str> = attempts.iter().filter_map(|attempt| attempt["outcome"].as_str()).collect();
    let expected = match played.last().copied() {
        Some("canceled") => "no_answer",
        Some(outcome) => outcome,
        None => "failed",
    };
    assert_eq!(line["expected_status"], expected, "{line}");
}

#[test]
fn nothing_of_the_simulator_names_the_library_that_it_tries() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/simulate");
    let forbidden = ["cxroute", "core"].join("_");
    let (mut folders, mut files) = (vec![folder], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains(&forbidden), "{} names {forbidden}", path.display());
            files += 1;
        }
    }
    assert!(files > 20, "{files} files were read");
}
