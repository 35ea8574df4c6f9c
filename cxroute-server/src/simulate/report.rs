//! The report of a simulation: counts, latencies, the distribution of decisions, and every kind of violation. It
//! prints itself as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

pub use super::latency::Percentiles;
use super::violation::ViolationKind;

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportForm {
    /// For people.
    Text,
    /// One JSON object, indented.
    Json,
}

/// What a run has shown. The fields' names are those of the JSON form.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The domain whose calls were played.
    pub domain: String,
    /// The server under trial.
    pub url: String,
    /// The others of its service.
    pub also: Vec<String>,
    /// What makes the run repeatable.
    pub seed: u64,
    /// From the first call to the end of the last.
    pub elapsed_seconds: f64,
    /// Calls that came to an end, per second.
    pub calls_per_second: f64,
    /// Requests sent, copies and retries included, per second.
    pub requests_per_second: f64,
    /// How late calls began by their schedule: what is large here was missing in the simulator, or in --concurrency.
    pub start_lag_ms: Percentiles,
    /// The calls.
    pub calls: Calls,
    /// How long calls waited for their answers.
    pub waits: Waits,
    /// The webhooks by kind: voice, dial, update, cdr.
    pub webhooks: BTreeMap<&'static str, Webhooks>,
    /// Whom the server decided for, copies not counted.
    pub decisions: Vec<Decision>,
    /// What a platform may not expect to see.
    pub violations: Vec<Violations>,
    /// What is allowed and worth knowing.
    pub notes: Vec<Note>,
}

/// Counts of calls.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Calls {
    /// Calls that came to an end.
    pub finished: u64,
    /// Calls that an interruption cut off.
    pub unfinished: u64,
    /// How many records must have which status: completed, busy, no_answer, failed.
    pub expected: BTreeMap<&'static str, u64>,
}

/// What calls waited for: the answers to voice requests and dial results, copies included.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Waits {
    /// Voice requests and dial results.
    pub asked: u64,
    /// Those that got an answer.
    pub answered: u64,
    /// Those that got it after the deadline, or never; from the first try on, whatever was tried.
    pub late: u64,
    /// Those that another server was asked for, since one left them without an answer.
    pub failed_over: u64,
    /// The longest wait, retries included.
    pub slowest_ms: f64,
    /// The deadline.
    pub deadline_ms: u64,
}

/// Counts and latencies of one kind of webhook.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Webhooks {
    /// Webhooks, each counted once.
    pub webhooks: u64,
    /// Copies sent besides.
    pub copies: u64,
    /// Tries after a try without an answer or with a 5xx.
    pub retries: u64,
    /// Those of the retries that went to another server at once, since one gave no answer.
    pub failed_over: u64,
    /// Everything that was sent.
    pub requests: u64,
    /// Webhooks and copies that were answered 200.
    pub acknowledged: u64,
    /// From sending to the whole answer, of webhooks answered at the first try.
    pub latency_ms: Percentiles,
}

/// How many attempts ended in which way; `not_dialled`: the CXML came too late for the call.
pub type Attempts = BTreeMap<&'static str, u64>;

/// How often the server decided for one agent or number.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// service, number, sip, conference or stream.
    pub noun: &'static str,
    /// The provider of a service.
    pub provider: Option<String>,
    /// The username of a service or SIP address.
    pub username: Option<String>,
    /// What was dialled.
    pub value: String,
    /// How often.
    pub count: u64,
    /// What came of it.
    pub outcomes: Attempts,
}

/// The violations of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Violations {
    /// The kind.
    pub kind: ViolationKind,
    /// What was expected instead.
    pub expectation: &'static str,
    /// How many.
    pub count: u64,
    /// The first few, each with its session token.
    pub examples: Vec<String>,
}

/// Something worth knowing, and how often it was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Note {
    /// What.
    pub text: String,
    /// How often.
    pub count: u64,
}

impl Report {
    /// How many violations there were.
    pub fn violation_count(&self) -> u64 {
        self.violations.iter().map(|violations| violations.count).sum()
    }

    /// How many violations of this kind there were.
    pub fn count_of(&self, kind: ViolationKind) -> u64 {
        self.violations.iter().filter(|violations| violations.kind == kind).map(|found| found.count).sum()
    }

    /// The exit code of the command: 0 without violations, 1 with.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.violation_count() > 0)
    }

    /// The report in a form, with a line end.
    pub fn render(&self, form: ReportForm) -> String {
        match form {
            ReportForm::Text => self.to_string(),
            // Plain structs with string keys: serialising them cannot fail.
            ReportForm::Json => serde_json::to_string_pretty(self).unwrap_or_default() + "\n",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.domain, self.url)?;
        for also in &self.also {
            write!(f, " and {also}")?;
        }
        writeln!(f, ", seed {}", self.seed)?;
        write!(f, "{} calls in {:.2} s", self.calls.finished, self.elapsed_seconds)?;
        if self.calls.unfinished > 0 {
            write!(f, ", {} cut off", self.calls.unfinished)?;
        }
        writeln!(f, ": {:.1} calls/s, {:.0} requests/s", self.calls_per_second, self.requests_per_second)?;
        self.write_webhooks(f)?;
        let waits = &self.waits;
        writeln!(
            f,
            "\ncalls got {} of {} answers, the slowest after {:.2} ms, {} not within {} ms, {} at another server",
            waits.answered, waits.asked, waits.slowest_ms, waits.late, waits.deadline_ms, waits.failed_over
        )?;
        let lag = &self.start_lag_ms;
        writeln!(
            f,
            "calls began late by p50 {:.2} ms, p99 {:.2} ms, at most {:.2} ms",
            lag.p50, lag.p99, lag.max
        )?;
        write_counts(f, "records to expect:", &self.calls.expected)?;
        self.write_decisions(f)?;
        for note in &self.notes {
            writeln!(f, "note: {} ({}×)", note.text, note.count)?;
        }
        self.write_violations(f)
    }
}

impl Report {
    fn write_webhooks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<8}{:>10}{:>8}{:>8}{:>14}   ms: {:>8}{:>9}{:>9}{:>9}{:>9}",
            "webhook", "sent", "copies", "retries", "acknowledged", "p50", "p90", "p99", "p99.9", "max"
        )?;
        for (kind, sums) in &self.webhooks {
            let at = &sums.latency_ms;
            writeln!(
                f,
                "{kind:<8}{:>10}{:>8}{:>8}{:>14}       {:>8.2}{:>9.2}{:>9.2}{:>9.2}{:>9.2}",
                sums.webhooks,
                sums.copies,
                sums.retries,
                sums.acknowledged,
                at.p50,
                at.p90,
                at.p99,
                at.p999,
                at.max
            )?;
        }
        Ok(())
    }

    fn write_decisions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.decisions.iter().map(|decision| decision.count).sum();
        if total == 0 {
            return writeln!(f, "decisions: none");
        }
        writeln!(f, "decisions: {total}")?;
        for decision in &self.decisions {
            let share = decision.count as f64 * 100.0 / total as f64;
            let provider = decision.provider.as_deref().unwrap_or(decision.noun);
            let name = format!("{provider} {}", decision.value);
            write_counts(
                f,
                &format!("  {name:<40}{:>8}  {share:>5.1}% ", decision.count),
                &decision.outcomes,
            )?;
        }
        Ok(())
    }

    fn write_violations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.violations.is_empty() {
            return writeln!(f, "no violations");
        }
        writeln!(f, "\n{} VIOLATIONS", self.violation_count())?;
        for violations in &self.violations {
            writeln!(f, "{}× expected: {}", violations.count, violations.expectation)?;
            for example in &violations.examples {
                writeln!(f, "    {example}")?;
            }
        }
        Ok(())
    }
}

fn write_counts(
    f: &mut fmt::Formatter<'_>,
    label: &str,
    counts: &BTreeMap<&'static str, u64>,
) -> fmt::Result {
    write!(f, "{label}")?;
    for (name, count) in counts {
        write!(f, " {name} {count}")?;
    }
    writeln!(f)
}
