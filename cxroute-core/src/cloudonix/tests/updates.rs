//! Session updates (FACTS §4, §7.3).

use super::body;
use crate::cloudonix::{OddityKind, SessionUpdate, UpdateStatus};
use crate::time::Timestamp;

fn at(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text)
}

#[test]
fn an_update_is_read_completely() {
    let update = SessionUpdate::read(&body(
        r#"[{"id":123,"eventId":"evt_1","domainId":9,"domain":"acme.example","subscriberId":5,"token":"t1",
        "callerId":"+1415","destination":"3000","direction":"incoming","status":"RINGING","createdAt":"2024-01-11T10:30:00Z",
        "modifiedAt":"2024-01-11T10:30:05Z","callStartTime":1704969000000,"callAnswerTime":0,"callEndTime":0,
        "endTime":null,"answerTime":null,"timeLimit":3600,"action":"call","reason":null,"lastError":null,
        "callIds":["a-b"],"profile":{"x":{}}}]"#,
    ));
    assert_eq!(update.token.as_deref(), Some("t1"));
    assert_eq!(update.status, UpdateStatus::Ringing);
    assert_eq!(update.status_word.as_deref(), Some("RINGING"));
    assert_eq!(update.modified_at, at("2024-01-11T10:30:05Z"));
    assert_eq!(update.started_at, Some(Timestamp::from_millis(1_704_969_000_000)));
    assert_eq!((update.answered_at, update.ended_at), (None, None));
    assert_eq!((update.caller_id.as_deref(), update.destination.as_deref()), (Some("+1415"), Some("3000")));
    assert_eq!((update.domain.as_deref(), update.reason.as_deref()), (Some("acme.example"), None));
    assert_eq!(update.event_name().to_string(), "event:evt_1");
    assert!(update.oddities().is_empty(), "{:?}", update.oddities());
}

#[test]
fn every_status_has_its_meaning_and_new_ones_are_other() {
    for (word, status, odd) in [
        ("new", UpdateStatus::New, false),
        ("NEW", UpdateStatus::New, false),
        ("processing", UpdateStatus::Processing, false),
        ("ringing", UpdateStatus::Ringing, false),
        ("Connected", UpdateStatus::Connected, false),
        ("answer", UpdateStatus::Answer, false),
        ("busy", UpdateStatus::Other, false),
        ("noanswer", UpdateStatus::Other, false),
        ("failed", UpdateStatus::Other, false),
        ("teleported", UpdateStatus::Other, true),
    ] {
        let text = format!(r#"{{"token":"t","status":"{word}"}}"#);
        let update = SessionUpdate::read(&body(&text));
        assert_eq!(update.status, status, "{word}");
        assert_eq!(update.status_word.as_deref(), Some(word));
        assert_eq!(update.oddities().contains(OddityKind::UnknownWord), odd, "{word}");
    }
}

#[test]
fn the_end_is_read_from_either_field_and_zero_or_null_is_not_yet() {
    for (times, expect) in [
        (r#""callEndTime":1705314625000"#, at("2024-01-15T10:30:25Z")),
        (r#""callEndTime":"1705314625000""#, at("2024-01-15T10:30:25Z")),
        (r#""callEndTime":0,"endTime":"2024-01-15T10:30:25Z""#, at("2024-01-15T10:30:25Z")),
        (r#""callEndTime":null,"endTime":"2024-01-15T12:30:25+02:00""#, at("2024-01-15T10:30:25Z")),
        (r#""callEndTime":0,"endTime":null"#, None),
        (r#""endTime":"""#, None),
        (r#""endTime":"soon""#, None),
        (r#""callEndTime":{}"#, None),
    ] {
        let text = format!(r#"{{"token":"t","status":"busy",{times}}}"#);
        assert_eq!(SessionUpdate::read(&body(&text)).ended_at, expect, "{times}");
    }
}

#[test]
fn the_domain_may_be_an_object_or_a_placeholder() {
    for (domain, expect) in [
        (r#"{"name":"x"}"#, None),
        ("\"nullDomain\"", Some("nullDomain")),
        ("null", None),
        ("755", Some("755")),
    ] {
        let text = format!(r#"{{"token":"t","status":"new","domain":{domain}}}"#);
        assert_eq!(SessionUpdate::read(&body(&text)).domain.as_deref(), expect, "{domain}");
    }
}

#[test]
fn updates_without_an_event_id_are_told_apart_by_status_and_time_and_else_by_content() {
    let key = |text: &str| SessionUpdate::read(&body(text)).event_name().to_string();
    let timed = key(r#"{"token":"t","status":"ringing","modifiedAt":"2024-01-11T10:30:05Z"}"#);
    assert_eq!(timed, "status:ringing@2024-01-11T10:30:05Z");
    assert_eq!(
        timed,
        key(r#"{"token":"t","modifiedAt":"2024-01-11T10:30:05Z","status":"ringing","id":7,"eventId":null}"#)
    );
    let bare = key(r#"{"token":"t","status":"ringing"}"#);
    assert!(bare.starts_with("content:"), "{bare}");
    assert_ne!(bare, key(r#"{"token":"t","status":"ringing","reason":"x"}"#));
    assert_eq!(key(r#"{"token":"t","eventId":42}"#), "event:42");
}

#[test]
fn the_specifications_shape_is_an_update_too() {
    let update = SessionUpdate::read(&body(
        r#"{"Session":"s1","CallSid":"s1","DialCallStatus":"ringing","From":"1","To":"2"}"#,
    ));
    assert_eq!((update.token.as_deref(), update.status), (Some("s1"), UpdateStatus::Ringing));
    let nested = SessionUpdate::read(&body(r#"{"SessionData":{"token":"s2"},"CallStatus":"in-progress"}"#));
    assert_eq!((nested.token.as_deref(), nested.status), (Some("s2"), UpdateStatus::Other));
}
