//! Judges single answers, and pairs of answers to copies, by what a platform may expect.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Page;
use super::client::{Answer, Body, Delivery};
use super::cxml::{self, Executable};
use super::violation::{Violation, ViolationKind};
use super::webhook::{Origin, Webhook};

/// What an answer is worth.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The CXML to go on with.
    pub(super) page: Option<Page>,
    /// What was wrong.
    pub(super) violations: Vec<Violation>,
    /// What was odd and allowed.
    pub(super) oddities: Vec<String>,
}

/// Judges the answer to a webhook.
pub(super) fn judge(webhook: &Webhook, delivery: &Delivery, deadline: Duration) -> Verdict {
    let mut verdict = Verdict::default();
    if let Some(status) = delivery.refused {
        verdict.violations.push(violation(
            webhook,
            ViolationKind::ServerError,
            &format!("{status}, then tried again"),
        ));
    }
    let answer = match &delivery.answer {
        Ok(answer) => answer,
        Err(error) => {
            let detail = format!("{error} ({} tries)", delivery.tries);
            verdict.violations.push(violation(webhook, ViolationKind::NoAnswer, &detail));
            return verdict;
        }
    };
    if webhook.kind.asks() && delivery.took > deadline {
        let detail = format!("{} ms of {} ms", delivery.took.as_millis(), deadline.as_millis());
        verdict.violations.push(violation(webhook, ViolationKind::Deadline, &detail));
    }
    if answer.status != StatusCode::OK {
        verdict.violations.push(wrong_status(webhook, answer));
    } else if webhook.kind.asks() {
        judge_cxml(webhook, answer, &mut verdict);
    } else {
        judge_acknowledgement(webhook, answer, &mut verdict);
    }
    verdict
}

/// Whether the answer says `{"status":"duplicate"}`.
pub(super) fn says_duplicate(answer: &Answer) -> bool {
    let Body::Whole(bytes) = &answer.body else { return false };
    serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value == json!({"status": "duplicate"}))
}

/// How two copies of a webhook were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// At the same moment.
    Together,
    /// The second when the first had been answered.
    Later,
}

/// Judges the two answers to two copies of a webhook; unanswered and refused copies are judged by themselves.
pub(super) fn judge_copies(
    webhook: &Webhook,
    first: &Delivery,
    second: &Delivery,
    order: Order,
) -> Option<Violation> {
    let (Ok(one), Ok(two)) = (&first.answer, &second.answer) else { return None };
    if !(first.acknowledged() && second.acknowledged()) {
        return None;
    }
    if webhook.kind.asks() {
        let detail = "the copies' answers are not the same bytes";
        return (one.body != two.body).then(|| violation(webhook, ViolationKind::CopiesDiffer, detail));
    }
    let duplicates = (says_duplicate(one), says_duplicate(two));
    let recognised = match order {
        Order::Later => duplicates.1,
        Order::Together => duplicates.0 || duplicates.1,
    };
    if !recognised {
        let detail = format!("the copy got {}", excerpt(two));
        return Some(violation(webhook, ViolationKind::DuplicateNotRecognised, &detail));
    }
    let both = order == Order::Together && duplicates == (true, true);
    let first_time = first.tries == 1 && second.tries == 1;
    (both && first_time).then(|| {
        violation(webhook, ViolationKind::FalseDuplicate, "both of two first copies were called duplicates")
    })
}

/// Judges a webhook that had no copy before it: it is no duplicate, unless an unanswered try came before.
pub(super) fn judge_single(webhook: &Webhook, delivery: &Delivery) -> Option<Violation> {
    let answer = delivery.answer.as_ref().ok()?;
    let called_duplicate = !webhook.kind.asks() && delivery.tries == 1 && says_duplicate(answer);
    called_duplicate
        .then(|| violation(webhook, ViolationKind::FalseDuplicate, "it was sent for the first time"))
}

fn judge_cxml(webhook: &Webhook, answer: &Answer, verdict: &mut Verdict) {
    check_content_type(webhook, answer, "application/xml", verdict);
    let Body::Whole(bytes) = &answer.body else {
        let detail = "more than 1 MiB";
        return verdict.violations.push(violation(webhook, ViolationKind::TooLarge, detail));
    };
    let reading = cxml::read(bytes);
    let named = |fault: Violation| violation(webhook, fault.kind, &fault.detail);
    verdict.violations.extend(reading.faults.into_iter().map(named));
    verdict.oddities.extend(reading.oddities);
    if reading.executable == Executable::Yes {
        let source = String::from_utf8_lossy(bytes).into_owned();
        verdict.page = Some(Page { source, verbs: reading.verbs });
    }
}

fn judge_acknowledgement(webhook: &Webhook, answer: &Answer, verdict: &mut Verdict) {
    match &answer.body {
        Body::TooLarge => {
            verdict.violations.push(violation(webhook, ViolationKind::TooLarge, "more than 1 MiB"));
        }
        Body::Whole(bytes) if bytes.is_empty() => {}
        Body::Whole(_) => check_content_type(webhook, answer, "application/json", verdict),
    }
}

fn check_content_type(webhook: &Webhook, answer: &Answer, expected: &str, verdict: &mut Verdict) {
    let found = answer.content_type.as_deref().unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(expected) {
        let detail = format!("{found:?} where {expected} was expected");
        verdict.violations.push(violation(webhook, ViolationKind::ContentType, &detail));
    }
}

fn wrong_status(webhook: &Webhook, answer: &Answer) -> Violation {
    let status = answer.status;
    let kind = match status.as_u16() {
        300..400 => ViolationKind::RedirectAnswer,
        500.. => ViolationKind::ServerError,
        404 | 405 | 410 if webhook.origin == Origin::Named => ViolationKind::NoHandler,
        _ => ViolationKind::Status,
    };
    let hint = match (status, &answer.location) {
        (StatusCode::UNAUTHORIZED, _) => " (is --key the domain's webhook key?)".to_owned(),
        (_, Some(location)) => format!(" to {}", location.split('?').next().unwrap_or_default()),
        _ => String::new(),
    };
    violation(webhook, kind, &format!("{status}{hint}"))
}

/// The beginning of an acknowledgement's body, for a report.
fn excerpt(answer: &Answer) -> String {
    match &answer.body {
        Body::TooLarge => "more than 1 MiB".to_owned(),
        Body::Whole(bytes) => {
            format!("{:?}", String::from_utf8_lossy(bytes).chars().take(80).collect::<String>())
        }
    }
}

/// A violation with the webhook it was seen at. The path is enough: queries name attempts, and are long.
fn violation(webhook: &Webhook, kind: ViolationKind, detail: &str) -> Violation {
    let path = webhook.target.split('?').next().unwrap_or_default();
    Violation::new(kind, format!("{} {} ({}): {detail}", webhook.method, path, webhook.what))
}

#[cfg(test)]
mod tests;
