//! Voice requests and dial results (FACTS §1, §3; domain rules §1, §2, §4, §6).

use super::{body, with_headers};
use crate::cloudonix::{CxHeaders, DialOutcome, DialResult, Direction, OddityKind, VoiceRequest, Webhook};

const PRODUCTION: &str = r#"{"ApiVersion":"1","CallStatus":"in-progress","From":"1004","CallSid":"aa11","To":"3000",
    "SessionData":{"id":7,"domainId":755,"destination":"3000","callerId":"1004","token":"aa11","callStartTime":1719354316138,
    "status":"NEW","profile":{"trunk-sip-headers":{"Campaign":"spring","Zip":12345},"subscriber-sip-headers":{"Foo":"b\"r"}}},
    "Domain":"acme.cloudonix.net","CallerName":"Ann","Direction":"subscriber","AccountSid":"acme.cloudonix.net",
    "Session":"aa11","Application":{"name":"x","llm-tools":[]},"ApplicationSid":"9d3c","NewField":[1,{"a":2}]}"#;

#[test]
fn a_production_request_is_read_completely_and_nothing_about_it_is_odd() {
    let headers = CxHeaders::pick([
        ("X-CX-SESSION", &b"aa11"[..]),
        ("x-cx-stageid", b"75bcd15a3f2c1e09"),
        ("X-Cx-Domain", b"ACME.cloudonix.net"),
        ("X-Cx-Apikey", b"XI0123"),
        ("Authorization", b"Bearer hunter2"),
    ]);
    let request = VoiceRequest::read(&Webhook {
        content_type: Some("application/json; charset=utf-8"),
        ..with_headers(PRODUCTION, &headers)
    });
    assert_eq!(request.session.as_deref(), Some("aa11"));
    assert_eq!(request.stage_id.as_deref(), Some("75bcd15a3f2c1e09"));
    assert_eq!((request.from.as_deref(), request.to.as_deref()), (Some("1004"), Some("3000")));
    assert_eq!(request.direction, Direction::Subscriber);
    assert_eq!(request.caller_name.as_deref(), Some("Ann"));
    assert_eq!(request.call_status.as_deref(), Some("in-progress"));
    assert_eq!(request.disagreeing_domain("acme.cloudonix.net"), None);
    assert_eq!(request.event_name().to_string(), "stage:75bcd15a3f2c1e09");
    assert_eq!(
        request.sip_headers(),
        [("Campaign", "spring"), ("Zip", "12345"), ("Foo", "b\"r")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    let unknown = request.fields().value("NewField").and_then(|value| value.text());
    assert_eq!(unknown, None, "an array has no text");
    assert!(request.fields().iter().any(|(name, _)| name == "NewField"), "but it is kept");
    assert!(request.oddities().is_empty(), "{:?}", request.oddities());
}

#[test]
fn the_specifications_sample_is_an_inbound_call_of_its_session() {
    let request = VoiceRequest::read(&body(
        r#"{"CallSid":"session_123","From":"+1234567890","To":"+0987654321","Direction":"inbound",
            "Session":"session_token","Domain":"tenant.cloudonix.com"}"#,
    ));
    assert_eq!(request.session.as_deref(), Some("session_token"));
    assert_eq!(request.direction, Direction::Inbound);
    assert_eq!(request.to.as_deref(), Some("+0987654321"));
    // The sample's CallSid is another text than its Session: recorded, never refused.
    assert_eq!(request.oddities().as_slice().len(), 1);
    assert_eq!(request.oddities().as_slice()[0].kind, OddityKind::SessionDiffers);
    assert_eq!(request.oddities().as_slice()[0].echo, "session_123");
}

#[test]
fn the_session_token_is_looked_for_place_by_place() {
    let headers = CxHeaders { session: Some("header".into()), ..CxHeaders::default() };
    for (text, expect, differing) in [
        (r#"{"Session":"a","SessionData":{"token":"b"},"CallSid":"c"}"#, "a", 3),
        (r#"{"Session":"","SessionData":{"token":"b"},"CallSid":"c"}"#, "b", 2),
        (r#"{"Session":null,"SessionData":null,"CallSid":"c"}"#, "c", 1),
        (r#"{"SessionData":"{\"token\":\"b\"}"}"#, "b", 1),
        (r#"{"SessionData":{"token":17}}"#, "17", 1),
        (r#"{"SessionData":[]}"#, "header", 0),
        (r#"{"Session":{"token":"x"}}"#, "header", 0),
        (r#"{"Session":" header "}"#, "header", 0),
        ("", "header", 0),
    ] {
        let request = VoiceRequest::read(&with_headers(text, &headers));
        assert_eq!(request.session.as_deref(), Some(expect), "{text}");
        let differs =
            request.oddities().as_slice().iter().filter(|o| o.kind == OddityKind::SessionDiffers).count();
        assert_eq!(differs, differing, "{text}");
    }
    assert_eq!(VoiceRequest::read(&body("{}")).session, None);
    let long = format!(r#"{{"Session":"{}","CallSid":"c"}}"#, "x".repeat(256));
    let request = VoiceRequest::read(&body(&long));
    assert_eq!(request.session.as_deref(), Some("c"));
    assert!(request.oddities().contains(OddityKind::TooLong));
}

#[test]
fn numbers_are_kept_as_received_and_headers_stand_in_for_missing_ones() {
    let headers = CxHeaders { from: Some("1004".into()), to: Some("3000".into()), ..CxHeaders::default() };
    for (text, from, to) in [
        (r#"{"From":"+1 (212) 555","To":"alice"}"#, "+1 (212) 555", "alice"),
        (r#"{"From":88888888,"To":"99999999"}"#, "88888888", "99999999"),
        (r#"{"From":"","To":null}"#, "1004", "3000"),
        (r#"{"From":" ","To":{"x":1}}"#, "1004", "3000"),
        (r#"{"From":"\u002b1\ud83d\ude00","To":"\ud800"}"#, "+1😀", "\u{fffd}"),
    ] {
        let request = VoiceRequest::read(&with_headers(text, &headers));
        assert_eq!((request.from.as_deref(), request.to.as_deref()), (Some(from), Some(to)), "{text}");
    }
    assert!(VoiceRequest::read(&body(r#"{"From":88888888}"#)).oddities().contains(OddityKind::WrongType));
}

#[test]
fn directions_are_read_in_any_case_and_new_ones_are_kept() {
    for (word, expect) in [
        ("inbound", Direction::Inbound),
        ("INBOUND", Direction::Inbound),
        (" Inbound ", Direction::Inbound),
        ("subscriber", Direction::Subscriber),
        ("outbound-api", Direction::OutboundApi),
        ("Outbound", Direction::Outbound),
        ("application", Direction::Application),
        ("sideways", Direction::Other("sideways".into())),
    ] {
        let text = format!(r#"{{"Direction":"{word}"}}"#);
        let request = VoiceRequest::read(&body(&text));
        assert_eq!(request.direction, expect, "{word}");
        assert_eq!(request.oddities().contains(OddityKind::UnknownWord), word == "sideways");
    }
}

#[test]
fn a_request_without_direction_is_a_subscribers_if_the_header_says_so_and_else_inbound() {
    for (source, expect) in [
        (None, Direction::Inbound),
        (Some("SUBSCRIBER"), Direction::Subscriber),
        (Some("TRUNK"), Direction::Inbound),
        (Some("Moon"), Direction::Other("Moon".into())),
    ] {
        let headers = CxHeaders { source: source.map(Into::into), ..CxHeaders::default() };
        for text in ["{}", r#"{"Direction":""}"#, r#"{"Direction":null}"#] {
            let request = VoiceRequest::read(&with_headers(text, &headers));
            assert_eq!(request.direction, expect, "{source:?} {text}");
            assert!(request.oddities().contains(OddityKind::Missing));
        }
    }
}

#[test]
fn a_domain_that_is_another_tenants_is_found_wherever_it_is() {
    let headers = CxHeaders { domain: Some("Acme.example".into()), ..CxHeaders::default() };
    for (text, tenant, expect) in [
        (r#"{"Domain":"ACME.example"}"#, "acme.example", None),
        (r#"{"Domain":""}"#, "acme.example", None),
        (r#"{"Domain":null}"#, "acme.example", None),
        (r#"{"AccountSid":"other.example"}"#, "acme.example", None),
        (r#"{"Domain":"other.example"}"#, "acme.example", Some("other.example")),
        (r#"{"Domain":"other.example","Domain":"acme.example"}"#, "acme.example", Some("other.example")),
        (r#"{"Domain":"acme.example"}"#, "other.example", Some("Acme.example")),
        ("Domain=other.example", "acme.example", Some("other.example")),
    ] {
        let request = VoiceRequest::read(&with_headers(text, &headers));
        assert_eq!(request.disagreeing_domain(tenant).as_deref(), expect, "{text} {tenant}");
    }
    assert_eq!(headers.disagreeing_domain("acme.example"), None);
    assert_eq!(headers.disagreeing_domain("other.example"), Some("Acme.example"));
}

#[test]
fn requests_without_a_stage_are_copies_only_if_path_query_and_body_are_equal() {
    let key = |path, query, text| VoiceRequest::read(&Webhook { path, query, ..body(text) }).event_name();
    let first = key("/a", "x=1", r#"{"Session":"s"}"#);
    assert_eq!(first, key("/a", "x=1", r#"{"Session":"s"}"#));
    assert_ne!(first, key("/b", "x=1", r#"{"Session":"s"}"#));
    assert_ne!(first, key("/a", "x=2", r#"{"Session":"s"}"#));
    assert_ne!(first, key("/a", "x=1", r#"{"Session":"s" }"#));
}

#[test]
fn a_dial_results_word_has_an_outcome_in_every_spelling() {
    for (word, outcome, canceled, odd) in [
        ("completed", DialOutcome::Completed, false, false),
        ("answered", DialOutcome::Completed, false, false),
        ("BUSY", DialOutcome::Busy, false, false),
        ("no-answer", DialOutcome::NoAnswer, false, false),
        ("noanswer", DialOutcome::NoAnswer, false, false),
        ("No Answer", DialOutcome::NoAnswer, false, false),
        ("failed", DialOutcome::Failed, false, false),
        ("canceled", DialOutcome::Failed, true, false),
        ("Cancelled", DialOutcome::Failed, true, false),
        ("unknown", DialOutcome::Failed, false, false),
        ("in-progress", DialOutcome::Failed, false, true),
        ("melted", DialOutcome::Failed, false, true),
    ] {
        for field in ["DialCallStatus", "CallStatus"] {
            let text = format!(r#"{{"Session":"s","{field}":"{word}"}}"#);
            let result = DialResult::read(&body(&text));
            assert_eq!((result.outcome, result.is_canceled()), (outcome, canceled), "{text}");
            assert_eq!(result.word.as_deref(), Some(word));
            assert_eq!(result.request.oddities().contains(OddityKind::UnknownWord), odd, "{text}");
        }
    }
}

#[test]
fn dial_call_status_goes_before_call_status_and_neither_is_a_failure() {
    for (text, outcome, word) in [
        (r#"{"DialCallStatus":"busy","CallStatus":"completed"}"#, DialOutcome::Busy, Some("busy")),
        (r#"{"DialCallStatus":"","CallStatus":"completed"}"#, DialOutcome::Completed, Some("completed")),
        (r#"{"DialCallStatus":null}"#, DialOutcome::Failed, None),
        ("garbage", DialOutcome::Failed, None),
    ] {
        let result = DialResult::read(&body(text));
        assert_eq!((result.outcome, result.word.as_deref()), (outcome, word), "{text}");
    }
}

#[test]
fn our_action_urls_query_names_attempt_and_session() {
    for (query, attempt, session) in [
        ("session=s1&attempt=2", Some(2), Some("s1")),
        ("attempt=2&attempt=3&session=s%2D1", Some(2), Some("s-1")),
        ("attempt=two", None, None),
        ("attempt=-1", None, None),
        ("attempt=99999999999", None, None),
        ("", None, None),
    ] {
        let result = DialResult::read(&Webhook { query, ..body(r#"{"DialCallStatus":"busy"}"#) });
        assert_eq!(result.attempt, attempt, "{query}");
        assert_eq!(result.request.session.as_deref(), session, "{query}");
    }
    let result = DialResult::read(&Webhook {
        query: "attempt=4&session=ours",
        ..body(r#"{"Session":"theirs","DialCallStatus":"completed","DialCallDuration":"61"}"#)
    });
    assert_eq!(result.request.session.as_deref(), Some("theirs"));
    assert!(result.request.oddities().contains(OddityKind::SessionDiffers));
    assert_eq!(result.duration, Some(61));
    assert_eq!(result.event_name().to_string(), "attempt:4");
}
