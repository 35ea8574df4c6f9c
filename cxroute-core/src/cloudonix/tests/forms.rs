//! The same fields in every form that a body can have (FACTS §1).

use super::body;
use crate::cloudonix::{Cdr, Direction, OddityKind, SessionUpdate, VoiceRequest, Webhook};

#[test]
fn a_get_carries_the_fields_as_query_parameters() {
    let request = VoiceRequest::read(&Webhook {
        query: "Session=s1&From=%2B12125551234&To=3000&Direction=inbound&SessionData=%7B%22token%22%3A%22s1%22%7D",
        ..Webhook::default()
    });
    assert_eq!(request.session.as_deref(), Some("s1"));
    assert_eq!(request.from.as_deref(), Some("+12125551234"));
    assert_eq!(request.to.as_deref(), Some("3000"));
    assert!(request.oddities().is_empty(), "{:?}", request.oddities());
}

#[test]
fn a_posts_own_query_is_not_its_payload() {
    let request =
        VoiceRequest::read(&Webhook { query: "From=evil&To=evil", ..body(r#"{"Session":"s","From":"1"}"#) });
    assert_eq!((request.from.as_deref(), request.to.as_deref()), (Some("1"), None));
}

#[test]
fn a_form_is_read_whatever_the_content_type_says() {
    let form = "Session=s1&From=%2B1212&To=al%C3%AFce&Direction=Inbound";
    for (content_type, odd) in
        [(Some("application/x-www-form-urlencoded"), false), (Some("application/json"), true), (None, false)]
    {
        let request = VoiceRequest::read(&Webhook { content_type, ..body(form) });
        assert_eq!((request.from.as_deref(), request.to.as_deref()), (Some("+1212"), Some("alïce")));
        assert_eq!(request.direction, Direction::Inbound);
        assert_eq!(request.oddities().contains(OddityKind::ContentType), odd, "{content_type:?}");
    }
    let json =
        Webhook { content_type: Some("application/x-www-form-urlencoded"), ..body(r#"{"Session":"a=b&c"}"#) };
    let request = VoiceRequest::read(&json);
    assert_eq!(request.session.as_deref(), Some("a=b&c"));
    assert!(request.oddities().contains(OddityKind::ContentType));
}

#[test]
fn a_plus_that_a_form_lost_is_put_back() {
    let request = VoiceRequest::read(&body("Session=s&From=+12125551234&To=+ann&Direction=inbound"));
    assert_eq!(request.from.as_deref(), Some("+12125551234"));
    assert_eq!(request.to.as_deref(), Some(" ann"));
    assert!(request.oddities().contains(OddityKind::PlusAsBlank));
    let json = VoiceRequest::read(&body(r#"{"From":" 12125551234"}"#));
    assert_eq!(json.from.as_deref(), Some(" 12125551234"));
}

#[test]
fn an_array_of_one_object_is_that_object() {
    for (text, kind) in [
        (r#"[{"token":"t","status":"new"}]"#, None),
        (" [ {\"token\":\"t\",\"status\":\"new\"} ] ", None),
        (r#"[{"token":"t","status":"new"},{"token":"u"}]"#, Some(OddityKind::ExtraElements)),
        ("\u{feff}{\"token\":\"t\",\"status\":\"new\"}", None),
        (r#""{\"token\":\"t\",\"status\":\"new\"}""#, None),
    ] {
        let update = SessionUpdate::read(&body(text));
        assert_eq!(update.token.as_deref(), Some("t"), "{text}");
        assert_eq!(update.oddities().as_slice().first().map(|oddity| oddity.kind), kind, "{text}");
    }
}

#[test]
fn a_body_that_breaks_off_yields_what_came_before() {
    for text in [
        r#"{"Session":"s","To":"3000","From":"1"#,
        r#"{"Session":"s","To":"3000","#,
        r#"{"Session":"s","To":"3000","SessionData":{"token":"s","profile":{"a":[1,"#,
        r#"{"Session":"s","To":"3000",}"#,
        r#"{"Session":"s","To":"3000"}}"#,
        r#"{"Session":"s","To":"3000","x":nope!}"#,
        r#"[{"Session":"s","To":"3000"}"#,
    ] {
        let request = VoiceRequest::read(&body(text));
        assert_eq!((request.session.as_deref(), request.to.as_deref()), (Some("s"), Some("3000")), "{text}");
        let odd = request.oddities().contains(OddityKind::Malformed);
        assert!(odd || text.ends_with("!}"), "{text}: {:?}", request.oddities());
    }
}

#[test]
fn bodies_that_are_no_payload_at_all_are_noted_and_read_as_nothing() {
    for (bytes, kind) in [
        (&b"hello"[..], OddityKind::Malformed),
        (b"\xff\xfe\x00", OddityKind::Malformed),
        (b"[]", OddityKind::NotAnObject),
        (b"[1,2]", OddityKind::NotAnObject),
        (b"[[{\"Session\":\"s\"}]]", OddityKind::NotAnObject),
        (b"\"text\"", OddityKind::NotAnObject),
        (b"{", OddityKind::Malformed),
        (b"{]", OddityKind::Malformed),
        (b"<xml/>", OddityKind::Malformed),
    ] {
        let request = VoiceRequest::read(&Webhook::of(bytes));
        assert_eq!(request.session, None);
        assert!(request.oddities().contains(kind), "{bytes:?}: {:?}", request.oddities());
    }
    assert_eq!(VoiceRequest::read(&Webhook::default()).session, None);
}

#[test]
fn a_body_that_is_not_utf_8_is_read_with_replacement_characters() {
    let request = VoiceRequest::read(&Webhook {
        body: b"{\"Session\":\"s\",\"From\":\"\xff1\"}".into(),
        ..Webhook::default()
    });
    assert_eq!((request.session.as_deref(), request.from.as_deref()), (Some("s"), Some("\u{fffd}1")));
    assert!(request.oddities().contains(OddityKind::InvalidUtf8));
}

#[test]
fn of_a_doubled_field_the_last_one_counts_and_it_is_noted() {
    let cdr = Cdr::read(&body(r#"{"billsec":1,"billsec":2,"session":"t","disposition":"ANSWER"}"#));
    assert_eq!(cdr.billsec, Some(2));
    assert!(cdr.oddities().contains(OddityKind::DuplicateField));
}

#[test]
fn names_with_escapes_are_the_names_they_spell() {
    assert_eq!(VoiceRequest::read(&body(r#"{"\u0053ession":"s"}"#)).session.as_deref(), Some("s"));
}
