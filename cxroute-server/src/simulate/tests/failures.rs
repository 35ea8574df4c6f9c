//! Each kind of violation is found in a server that fails in just this way, and is not taken for another.

use super::fake::{Comes, Fake, Hook, Reply, Spoil};
use super::*;

/// One way to fail for every kind of violation.
const FAILURES: [(ViolationKind, Spoil); ViolationKind::ALL.len()] = [
    (ViolationKind::NoAnswer, |hook, reply| {
        if hook.path.contains("/cdr/") {
            reply.comes = Comes::Never;
        }
    }),
    (ViolationKind::ServerError, |hook, reply| status(hook, reply, "/update/", 503)),
    (ViolationKind::RedirectAnswer, |hook, reply| {
        status(hook, reply, "/application/", 307);
        reply.location = Some("http://elsewhere.example/?key=1");
    }),
    (ViolationKind::NoHandler, |hook, reply| status(hook, reply, "/dial/", 404)),
    (ViolationKind::Status, |hook, reply| status(hook, reply, "/application/", 422)),
    (ViolationKind::Deadline, |_, _| {}),
    (ViolationKind::ContentType, |_, reply| reply.content_type = "text/html"),
    (ViolationKind::TooLarge, |_, reply| {
        swap(reply, "<Hangup/>", &format!("<Hangup/><!--{}-->", "x".repeat(70_000)))
    }),
    (ViolationKind::NotXml, |_, reply| swap(reply, "&amp;", "&")),
    (ViolationKind::NotResponse, |_, reply| swap(reply, "Response>", "response>")),
    (ViolationKind::UnknownVerb, |_, reply| swap(reply, "<Hangup/>", "<HangUp/>")),
    (ViolationKind::UnknownAttribute, |_, reply| swap(reply, "callerId=", "callerID=")),
    (ViolationKind::AttributeValue, |_, reply| swap(reply, "\"retell\"", "\"Retell\"")),
    (ViolationKind::WhiteSpace, |_, reply| swap(reply, "</Service>", "\n</Service>")),
    (ViolationKind::StrayText, |_, reply| swap(reply, "<Hangup/>", "bye<Hangup/>")),
    (ViolationKind::MissingTarget, |_, reply| {
        reply.body = reply.body.replace("+12127770001", "").replace("+12127770002", "");
    }),
    (ViolationKind::BadUrl, |_, reply| swap(reply, "https://public.example/", "https://public example/")),
    (ViolationKind::CopiesDiffer, |hook, reply| {
        if hook.earlier > 0 {
            swap(reply, "<Response>", "<Response><!-- again -->");
        }
    }),
    (ViolationKind::DuplicateNotRecognised, |_, reply| swap(reply, "duplicate", "ok")),
    (ViolationKind::FalseDuplicate, |_, reply| swap(reply, "\"ok\"", "\"duplicate\"")),
    (ViolationKind::AgentRepeated, |_, reply| {
        reply.body =
            reply.body.replace("+12127770002", "+12127770001").replace("+12127770003", "+12127770001");
    }),
    (ViolationKind::DialAfterEnd, |_, reply| {
        swap(reply, "<Hangup/>", "<Dial><Number>+12125550100</Number></Dial>");
    }),
    (ViolationKind::TooManyStages, |_, reply| {
        swap(reply, "<Hangup/>", "<Redirect>/api/voice/application/trial.example</Redirect>");
    }),
];

fn status(hook: &Hook, reply: &mut Reply, path: &str, status: u16) {
    if hook.path.contains(path) {
        reply.status = status;
    }
}

fn swap(reply: &mut Reply, from: &str, to: &str) {
    reply.body = reply.body.replace(from, to);
}

#[tokio::test]
async fn every_kind_of_violation_is_found_where_a_server_fails_so() {
    for (kind, spoil) in FAILURES {
        let fake = Fake::start(spoil).await;
        let mut options = SimulateOptions { calls: 25, ..options(&fake) };
        match kind {
            ViolationKind::NoAnswer => options.timeout = 0.2,
            ViolationKind::Deadline => options.deadline_ms = 0,
            _ => {}
        }
        let report = simulate(options).await;
        assert!(report.count_of(kind) > 0, "{kind:?} was not found:\n{report}");
        assert_eq!((report.exit_code(), report.calls.finished), (1, 25), "{kind:?}");
    }
}

#[tokio::test]
async fn a_failure_is_not_taken_for_another_one() {
    let alone = [
        ViolationKind::ContentType,
        ViolationKind::UnknownAttribute,
        ViolationKind::AttributeValue,
        ViolationKind::WhiteSpace,
        ViolationKind::CopiesDiffer,
        ViolationKind::DuplicateNotRecognised,
        ViolationKind::FalseDuplicate,
        ViolationKind::AgentRepeated,
        ViolationKind::BadUrl,
        ViolationKind::NotXml,
        ViolationKind::Deadline,
        ViolationKind::ServerError,
    ];
    for (kind, spoil) in FAILURES.into_iter().filter(|(kind, _)| alone.contains(kind)) {
        let fake = Fake::start(spoil).await;
        let mut options = options(&fake);
        if kind == ViolationKind::Deadline {
            options.deadline_ms = 0;
        }
        let report = simulate(options).await;
        assert_eq!(report.violation_count(), report.count_of(kind), "{kind:?}:\n{report}");
    }
}
