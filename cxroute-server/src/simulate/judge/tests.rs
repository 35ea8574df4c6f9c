//! Verdicts on hand-made answers.

use std::time::Instant;

use bytes::Bytes;
use http::Method;

use super::*;
use crate::simulate::webhook::Kind;

const DUPLICATE: &str = r#"{"status":"duplicate"}"#;

fn webhook(kind: Kind, origin: Origin) -> Webhook {
    let (method, target) = (Method::POST, "/p?secret=1".to_owned());
    Webhook { kind, what: "x", method, target, body: Bytes::new(), stage: None, event_id: None, origin }
}

fn delivery(status: u16, body: &str, tries: u32) -> Delivery {
    let content_type =
        if body.starts_with('<') { "application/xml; charset=utf-8" } else { "application/json" };
    let answer = Answer {
        status: StatusCode::from_u16(status).unwrap(),
        content_type: Some(content_type.to_owned()),
        location: None,
        body: Body::Whole(body.to_owned().into()),
    };
    Delivery {
        answer: Ok(answer),
        server: 0,
        tries,
        failed_over: 0,
        refused: None,
        sent: Instant::now(),
        took: Duration::from_millis(7),
        waited: Duration::from_millis(7),
    }
}

#[test]
fn copies_of_updates_and_cdrs_are_judged_by_the_order_in_which_they_were_sent() {
    use ViolationKind::{DuplicateNotRecognised as Not, FalseDuplicate as False};
    let (together, later) = (Order::Together, Order::Later);
    for (order, first, second, expected) in [
        (later, "{}", DUPLICATE, None),
        (later, "{}", "{}", Some(Not)),
        (later, DUPLICATE, "{}", Some(Not)),
        (later, "{}", r#"{"status":"duplicate","more":1}"#, Some(Not)),
        (together, "{}", DUPLICATE, None),
        (together, DUPLICATE, "{}", None),
        (together, "{}", "{}", Some(Not)),
        (together, DUPLICATE, DUPLICATE, Some(False)),
    ] {
        for kind in [Kind::Update, Kind::Cdr] {
            let (one, two) = (delivery(200, first, 1), delivery(200, second, 1));
            let found = judge_copies(&webhook(kind, Origin::Configured), &one, &two, order);
            assert_eq!(found.map(|violation| violation.kind), expected, "{order:?} {first} {second}");
        }
    }
}

#[test]
fn a_copy_of_what_was_not_acknowledged_may_be_answered_in_any_way() {
    let update = webhook(Kind::Update, Origin::Configured);
    let (refused, taken) = (delivery(503, "{}", 1), delivery(200, "{}", 1));
    assert_eq!(judge_copies(&update, &refused, &taken, Order::Later), None);
    let mut lost = delivery(200, "{}", 1);
    lost.answer = Err("broken".to_owned());
    assert_eq!(judge_copies(&update, &lost, &taken, Order::Later), None);
}

#[test]
fn after_a_lost_try_a_duplicate_is_no_surprise() {
    let update = webhook(Kind::Update, Origin::Configured);
    assert!(judge_single(&update, &delivery(200, DUPLICATE, 1)).is_some());
    assert_eq!(judge_single(&update, &delivery(200, DUPLICATE, 2)), None);
    let (one, two) = (delivery(200, DUPLICATE, 2), delivery(200, DUPLICATE, 1));
    assert_eq!(judge_copies(&update, &one, &two, Order::Together), None);
}

#[test]
fn copies_of_voice_requests_and_dial_results_need_the_same_bytes_in_any_order() {
    for kind in [Kind::Voice, Kind::Dial] {
        for order in [Order::Together, Order::Later] {
            let asked = webhook(kind, Origin::Named);
            let (one, two) = (delivery(200, "<Response/>", 1), delivery(200, "<Response />", 1));
            assert_eq!(judge_copies(&asked, &one, &one.clone(), order), None);
            let found = judge_copies(&asked, &one, &two, order).unwrap();
            assert_eq!(found.kind, ViolationKind::CopiesDiffer);
        }
    }
}

#[test]
fn each_status_has_its_kind_and_no_detail_shows_a_query() {
    use ViolationKind as K;
    for (status, origin, expected) in [
        (200, Origin::Named, None),
        (201, Origin::Named, Some(K::Status)),
        (204, Origin::Named, Some(K::Status)),
        (301, Origin::Named, Some(K::RedirectAnswer)),
        (401, Origin::Named, Some(K::Status)),
        (404, Origin::Named, Some(K::NoHandler)),
        (405, Origin::Named, Some(K::NoHandler)),
        (404, Origin::Configured, Some(K::Status)),
        (500, Origin::Configured, Some(K::ServerError)),
        (503, Origin::Named, Some(K::ServerError)),
    ] {
        let deadline = Duration::from_secs(1);
        let verdict = judge(&webhook(Kind::Dial, origin), &delivery(status, "<Response/>", 1), deadline);
        let kinds: Vec<K> = verdict.violations.iter().map(|violation| violation.kind).collect();
        assert_eq!(kinds, expected.into_iter().collect::<Vec<_>>(), "{status} {origin:?}");
        assert!(verdict.violations.iter().all(|violation| !violation.detail.contains("secret")));
        assert_eq!(verdict.page.is_some(), status == 200);
    }
}

#[test]
fn the_deadline_binds_only_what_a_live_call_waits_for() {
    for (kind, body, late) in [
        (Kind::Voice, "<Response/>", true),
        (Kind::Dial, "<Response/>", true),
        (Kind::Update, "{}", false),
        (Kind::Cdr, "{}", false),
    ] {
        let asked = webhook(kind, Origin::Configured);
        let found = judge(&asked, &delivery(200, body, 1), Duration::from_millis(6)).violations;
        assert_eq!(found.iter().any(|violation| violation.kind == ViolationKind::Deadline), late, "{kind:?}");
        assert!(judge(&asked, &delivery(200, body, 1), Duration::from_millis(7)).violations.is_empty());
    }
}

#[test]
fn an_earlier_refusal_is_not_forgotten() {
    let mut delivery = delivery(200, "{}", 2);
    delivery.refused = Some(StatusCode::SERVICE_UNAVAILABLE);
    let found = judge(&webhook(Kind::Cdr, Origin::Configured), &delivery, Duration::from_secs(1)).violations;
    assert_eq!(found[0].kind, ViolationKind::ServerError);
}
