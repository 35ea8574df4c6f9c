//! Every template has the fields that FACTS say Cloudonix sends.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

const NOON: i64 = 1_767_268_800_000;

fn identity(platform: Platform) -> Identity {
    let mut random = Random::stream(1, 2, 3);
    let parties = Parties {
        domain: "name.cloudonix.net",
        application_url: "http://h/api",
        direction: Direction::Subscriber,
        from: "1004".to_owned(),
        to: "\"3000\"".to_owned(),
    };
    Identity { platform, ..Identity::draw(&mut random, parties) }
}

fn times() -> Times {
    Times { started: NOON, now: NOON + 40_000, answered: Some(NOON + 5_500), ended: Some(NOON + 35_600) }
}

fn voice(platform: Platform, stage: Stage<'_>) -> Value {
    let call = identity(platform);
    serde_json::from_slice(&Voice { call: &call, times: times(), stage }.json()).unwrap()
}

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_voice_request_of_2026_has_every_field() {
    let body = voice(Platform::Year2026, Stage::First);
    let expected = "CallSid Session AccountSid Domain ApplicationSid Application ApiVersion From To CallerName \
                    Direction CallStatus SessionData";
    assert_eq!(names(&body), expected.split_whitespace().collect());
    assert_eq!(
        (body["CallSid"].clone(), &body["Session"]),
        (body["SessionData"]["token"].clone(), &body["CallSid"])
    );
    assert_eq!((&body["Direction"], &body["CallStatus"]), (&"subscriber".into(), &"in-progress".into()));
    assert_eq!(body["To"], "\"3000\"", "text is escaped");
    let data = &body["SessionData"];
    assert_eq!((&data["callStartTime"], &data["status"]), (&NOON.into(), &"NEW".into()));
    assert!(data["profile"]["subscriber-sip-headers"].is_object());
    let application: BTreeSet<_> =
        "id domainId name uuid profile type url method llm-tools".split_whitespace().collect();
    assert_eq!(names(&body["Application"]), application);
}

#[test]
fn a_voice_request_of_2024_lacks_the_application() {
    let body = voice(Platform::Year2024, Stage::First);
    assert!(body.get("Application").is_none() && body.get("ApplicationSid").is_none());
    assert_eq!(body["SessionData"]["status"], "processing");
}

#[test]
fn a_dial_result_has_its_status_where_the_deployment_puts_it() {
    let report = |field| Stage::Dial(DialReport { status: "no-answer", duration: 3, field });
    let full = voice(Platform::Year2026, report(DialField::Full));
    assert_eq!((&full["DialCallStatus"], &full["DialCallDuration"]), (&"no-answer".into(), &3.into()));
    let plain = voice(Platform::Year2026, report(DialField::Plain));
    assert!(plain["DialCallStatus"] == "no-answer" && plain.get("DialCallDuration").is_none());
    let call_status = voice(Platform::Year2026, report(DialField::CallStatus));
    assert!(call_status["CallStatus"] == "no-answer" && call_status.get("DialCallStatus").is_none());
}

#[test]
fn a_get_carries_the_plain_fields_in_its_query() {
    let call = identity(Platform::Year2026);
    let query = Voice { call: &call, times: times(), stage: Stage::Digits("1") }.query();
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(
        (value("To"), value("Digits"), value("Session")),
        (Some("\"3000\""), Some("1"), Some(&*call.token))
    );
}

#[test]
fn an_update_has_every_field_and_is_an_object_or_an_array_of_one() {
    let call = identity(Platform::Year2026);
    let mut random = Random::stream(4, 5, 6);
    let (mut arrays, mut domains) = (0, BTreeSet::new());
    for _ in 0..200 {
        let update = Update {
            call: &call,
            times: times(),
            status: "ringing",
            action: Some("dial"),
            event_id: Some("e"),
        };
        let mut body: Value = serde_json::from_slice(&update.json(&mut random)).unwrap();
        if let Value::Array(list) = &mut body {
            assert_eq!(list.len(), 1);
            arrays += 1;
            body = list.remove(0);
        }
        domains.insert(body["domain"].is_object());
        let expected = "id token eventId domainId domain subscriberId outgoingSubscriberId callerId destination \
            direction status action reason lastError createdAt modifiedAt callStartTime callAnswerTime callEndTime \
            startTime answerTime endTime timeLimit vappServer callIds profile";
        assert_eq!(names(&body), expected.split_whitespace().collect());
        assert_eq!(
            (&body["startTime"], &body["modifiedAt"]),
            (&"2026-01-01T12:00:00.000Z".into(), &"2026-01-01T12:00:40.000Z".into())
        );
    }
    assert!((20..80).contains(&arrays) && domains.len() == 2, "{arrays} {domains:?}");
}

#[test]
fn what_has_not_happened_yet_is_zero_and_null() {
    let call = identity(Platform::Year2026);
    let update =
        Update { call: &call, times: Times::starting(NOON), status: "new", action: None, event_id: None };
    let body: Value = serde_json::from_slice(&update.json(&mut Random::stream(1, 1, 1))).unwrap();
    let body = if body.is_array() { &body[0] } else { &body };
    assert_eq!((&body["callAnswerTime"], &body["callEndTime"]), (&0.into(), &0.into()));
    assert!(body["answerTime"].is_null() && body["endTime"].is_null() && body.get("eventId").is_none());
}

#[test]
fn a_cdr_has_the_call_s_times_and_our_cxml() {
    let call = identity(Platform::Year2026);
    let page = Fetched { at: NOON, url: "http://h/api".to_owned(), source: "<Response/>".to_owned() };
    let cdr = Cdr { call: &call, times: times(), disposition: "ANSWER", application: &[page] };
    let body: Value = serde_json::from_slice(&cdr.json(&mut Random::stream(1, 1, 1))).unwrap();
    assert_eq!(
        (&body["duration"], &body["billsec"], &body["timestamp"]),
        (&36.into(), &31.into(), &(NOON / 1000).into())
    );
    assert_eq!(body["session"]["token"], call.token);
    assert_ne!(body["call_id"], call.token, "the SIP Call-ID is another thing");
    assert_eq!(body["session"]["profile"]["application"][0]["source"], "<Response/>");
    assert_eq!(body["qos"]["rx_mos"], "NaN");
    let unanswered = Cdr { times: Times { answered: None, ..times() }, ..cdr };
    let body: Value = serde_json::from_slice(&unanswered.json(&mut Random::stream(1, 1, 1))).unwrap();
    assert_eq!((&body["billsec"], &body["session"]["callAnswerTime"]), (&0.into(), &0.into()));
}
