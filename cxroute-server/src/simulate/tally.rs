//! Adds played calls up to a report.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Delivery;
use super::cxml::Target;
use super::latency::Histogram;
use super::play::{Copied, Played};
use super::report::{Attempts, Calls, Decision, Note, Report, Violations, Waits, Webhooks};
use super::script::Script;
use super::violation::{Violation, ViolationKind};
use super::webhook::Kind;

/// How many examples of each kind of violation a report shows.
const EXAMPLES: usize = 5;

/// How many different notes and decided targets a report keeps apart.
const DISTINCT: usize = 10_000;

/// The sums of a run.
pub(super) struct Tally {
    also: Vec<String>,
    waits: Waits,
    calls: Calls,
    kinds: BTreeMap<Kind, KindTally>,
    decisions: BTreeMap<Target, Decision>,
    violations: BTreeMap<ViolationKind, Violations>,
    notes: BTreeMap<String, u64>,
    lag: Histogram,
}

#[derive(Default)]
struct KindTally {
    sums: Webhooks,
    latency: Histogram,
}

impl Tally {
    /// Nothing yet. A call waits for an answer until `deadline`; `also` names the other servers.
    pub(super) fn new(deadline: Duration, also: Vec<String>) -> Self {
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        Self {
            also,
            waits: Waits { deadline_ms, ..Waits::default() },
            calls: Calls::default(),
            kinds: BTreeMap::new(),
            decisions: BTreeMap::new(),
            violations: BTreeMap::new(),
            notes: BTreeMap::new(),
            lag: Histogram::default(),
        }
    }

    /// Adds a call.
    pub(super) fn add(&mut self, played: &Played) {
        self.calls.finished += 1;
        *self.calls.expected.entry(played.ledger.status).or_default() += 1;
        self.lag.record(played.lag);
        for sent in &played.sent {
            self.add_sent(sent);
        }
        for attempt in &played.ledger.attempts {
            for target in &attempt.targets {
                self.add_decision(target, attempt.outcome.map_or("not_dialled", |outcome| outcome.name()));
            }
        }
        for violation in &played.violations {
            self.add_violation(violation, &played.identity.token);
        }
        for text in played.oddities.iter().chain(&played.ledger.notes) {
            self.note(text.clone());
        }
    }

    /// Counts a call that never came to an end.
    pub(super) fn add_unfinished(&mut self) {
        self.calls.unfinished += 1;
    }

    /// The report of a run that took `elapsed`.
    pub(super) fn report(self, script: &Script, elapsed: Duration) -> Report {
        let seconds = elapsed.as_secs_f64().max(1e-9);
        let requests: u64 = self.kinds.values().map(|kind| kind.sums.requests).sum();
        let finish = |(kind, tally): (Kind, KindTally)| {
            (kind.name(), Webhooks { latency_ms: tally.latency.percentiles(), ..tally.sums })
        };
        Report {
            domain: script.domain.clone(),
            url: script.base.to_string(),
            also: self.also,
            seed: script.seed,
            elapsed_seconds: elapsed.as_secs_f64(),
            calls_per_second: self.calls.finished as f64 / seconds,
            requests_per_second: requests as f64 / seconds,
            start_lag_ms: self.lag.percentiles(),
            calls: self.calls,
            waits: self.waits,
            webhooks: self.kinds.into_iter().map(finish).collect(),
            decisions: self.decisions.into_values().collect(),
            violations: self.violations.into_values().collect(),
            notes: self.notes.into_iter().map(|(text, count)| Note { text, count }).collect(),
        }
    }

    fn add_sent(&mut self, sent: &super::play::Sent) {
        let delivery = &sent.delivery;
        let kind = self.kinds.entry(sent.webhook.kind).or_default();
        kind.sums.requests += u64::from(delivery.tries);
        kind.sums.retries += u64::from(delivery.tries - 1);
        kind.sums.failed_over += u64::from(delivery.failed_over);
        match sent.copy {
            Copied::Original => kind.sums.webhooks += 1,
            Copied::Together | Copied::After | Copied::Late => kind.sums.copies += 1,
        }
        kind.sums.acknowledged += u64::from(delivery.acknowledged());
        // After a retry the wait was the platform's, not the answer's: outages are counted, not timed.
        if delivery.answer.is_ok() && delivery.tries == 1 {
            kind.latency.record(delivery.took);
        }
        if sent.webhook.kind.asks() {
            self.add_wait(delivery);
        }
    }

    fn add_wait(&mut self, delivery: &Delivery) {
        let (waits, waited) = (&mut self.waits, delivery.waited.as_secs_f64() * 1000.0);
        let answered = delivery.answer.is_ok();
        waits.asked += 1;
        waits.answered += u64::from(answered);
        waits.late += u64::from(!answered || waited > waits.deadline_ms as f64);
        waits.failed_over += u64::from(delivery.failed_over > 0);
        waits.slowest_ms = waits.slowest_ms.max(waited);
    }

    fn add_decision(&mut self, target: &Target, outcome: &'static str) {
        if !self.decisions.contains_key(target) && self.decisions.len() >= DISTINCT {
            return self.note("further targets were decided for, and not counted apart".to_owned());
        }
        let decision = self.decisions.entry(target.clone()).or_insert_with(|| Decision {
            noun: target.noun,
            provider: target.provider.clone(),
            username: target.username.clone(),
            value: target.value.clone(),
            count: 0,
            outcomes: Attempts::new(),
        });
        decision.count += 1;
        *decision.outcomes.entry(outcome).or_default() += 1;
    }

    fn add_violation(&mut self, violation: &Violation, token: &str) {
        let kind = violation.kind;
        let entry = self.violations.entry(kind).or_insert_with(|| Violations {
            kind,
            expectation: kind.expectation(),
            count: 0,
            examples: Vec::new(),
        });
        entry.count += 1;
        if entry.examples.len() < EXAMPLES {
            entry.examples.push(format!("call {token}: {}", violation.detail));
        }
    }

    fn note(&mut self, text: String) {
        if self.notes.len() < DISTINCT || self.notes.contains_key(&text) {
            *self.notes.entry(text).or_default() += 1;
        }
    }
}
