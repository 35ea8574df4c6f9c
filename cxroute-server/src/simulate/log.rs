//! The log of a simulation: one JSON line per call with what was sent and answered and what the server's records must
//! say, so that a test can compare both. Passwords in CXML are masked; its SHA-256 is that of the bytes as they came.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::client::{Body, hex};
use super::cxml::{self, Target};
use super::judge;
use super::outcome::Outcome;
use super::play::{Copied, Played, Sent};
use super::violation::Violation;
use super::webhook::Kind;

/// Where the lines go.
pub(super) struct Log {
    file: BufWriter<File>,
    begun: std::time::Instant,
}

impl Log {
    /// A new log at `path`; an old one is overwritten.
    pub(super) fn create(path: &Path, begun: std::time::Instant) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), begun })
    }

    /// Writes one call.
    pub(super) fn write(&mut self, played: &Played) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, &Line::of(played, self.begun))?;
        self.file.write_all(b"\n")
    }

    /// Everything written reaches the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    call: u64,
    session_token: &'a str,
    direction: &'a str,
    from: &'a str,
    to: &'a str,
    disposition: &'a str,
    /// The status of the record once the CDR has been taken.
    expected_status: &'a str,
    cdr_acknowledged: bool,
    attempts: Vec<AttemptLine<'a>>,
    documents: Vec<DocumentLine>,
    webhooks: Vec<WebhookLine<'a>>,
    violations: &'a [Violation],
}

#[derive(Serialize)]
struct AttemptLine<'a> {
    targets: Vec<TargetLine<'a>>,
    /// How it ended on the platform; null: the CXML came when the call was over.
    outcome: Option<Outcome>,
    /// The status of the attempt's record; null where the CDR decides.
    expected_status: Option<&'static str>,
}

#[derive(Serialize)]
struct TargetLine<'a> {
    noun: &'a str,
    provider: Option<&'a str>,
    username: Option<&'a str>,
    value: &'a str,
}

#[derive(Serialize)]
struct DocumentLine {
    cxml: String,
    sha256: String,
}

#[derive(Serialize)]
struct WebhookLine<'a> {
    kind: Kind,
    what: &'a str,
    target: &'a str,
    stage: Option<&'a str>,
    event_id: Option<&'a str>,
    body_sha256: String,
    copy: Option<&'static str>,
    /// The number of the server that was asked last.
    server: usize,
    /// Milliseconds since the run began.
    sent_ms: f64,
    took_ms: f64,
    /// From the first try to the end of the last.
    waited_ms: f64,
    tries: u32,
    status: Option<u16>,
    answer: &'static str,
    answer_sha256: Option<String>,
    error: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(played: &'a Played, begun: std::time::Instant) -> Self {
        let (call, ledger) = (&played.identity, &played.ledger);
        let cdr = |sent: &&Sent| sent.webhook.kind == Kind::Cdr;
        Self {
            call: played.number,
            session_token: &call.token,
            direction: call.direction.word(),
            from: &call.from,
            to: &call.to,
            disposition: ledger.disposition,
            expected_status: ledger.status,
            cdr_acknowledged: played.sent.iter().filter(cdr).any(|sent| sent.delivery.acknowledged()),
            attempts: ledger
                .attempts
                .iter()
                .map(|attempt| AttemptLine {
                    targets: attempt.targets.iter().map(target_line).collect(),
                    outcome: attempt.outcome,
                    expected_status: attempt.outcome.map(Outcome::attempt_status),
                })
                .collect(),
            documents: played.pages.iter().map(|page| document_line(page)).collect(),
            webhooks: played.sent.iter().map(|sent| webhook_line(sent, begun)).collect(),
            violations: &played.violations,
        }
    }
}

fn target_line(target: &Target) -> TargetLine<'_> {
    TargetLine {
        noun: target.noun,
        provider: target.provider.as_deref(),
        username: target.username.as_deref(),
        value: &target.value,
    }
}

fn document_line(page: &str) -> DocumentLine {
    DocumentLine { cxml: cxml::masked(page), sha256: digest(page.as_bytes()) }
}

fn webhook_line(sent: &Sent, begun: std::time::Instant) -> WebhookLine<'_> {
    let (webhook, delivery) = (&sent.webhook, &sent.delivery);
    let answer = delivery.answer.as_ref().ok();
    let body = answer.and_then(|answer| match &answer.body {
        Body::Whole(bytes) => Some(bytes),
        Body::TooLarge => None,
    });
    WebhookLine {
        kind: webhook.kind,
        what: webhook.what,
        target: &webhook.target,
        stage: webhook.stage.as_deref(),
        event_id: webhook.event_id.as_deref(),
        body_sha256: digest(&webhook.body),
        copy: match sent.copy {
            Copied::Original => None,
            Copied::Together => Some("together"),
            Copied::After => Some("after"),
            Copied::Late => Some("late"),
        },
        server: delivery.server,
        sent_ms: delivery.sent.saturating_duration_since(begun).as_secs_f64() * 1000.0,
        took_ms: delivery.took.as_secs_f64() * 1000.0,
        waited_ms: delivery.waited.as_secs_f64() * 1000.0,
        tries: delivery.tries,
        status: answer.map(|answer| answer.status.as_u16()),
        answer: match answer {
            None => "none",
            Some(_) if webhook.kind.asks() => "cxml",
            Some(answer) if judge::says_duplicate(answer) => "duplicate",
            Some(_) => "acknowledgement",
        },
        answer_sha256: body.map(|bytes| digest(bytes)),
        error: delivery.answer.as_ref().err().map(String::as_str),
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
