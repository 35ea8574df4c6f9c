//! Nothing that arrives can break reading: any bytes, any JSON, any size up to the host's limit.

use proptest::prelude::*;

use crate::cloudonix::{Cdr, CxHeaders, DialResult, OddityKind, SessionUpdate, VoiceRequest, Webhook};

/// Reads `webhook` at every end point and uses everything that is lazy.
fn read_everywhere(webhook: &Webhook<'_>) {
    let request = VoiceRequest::read(webhook);
    request.sip_headers();
    request.event_name();
    request.disagreeing_domain("acme.example");
    assert!(request.oddities().as_slice().len() <= 16);
    assert!(request.oddities().as_slice().iter().all(|oddity| oddity.echo.len() <= 64));
    assert!(request.session.is_none_or(|session| session.len() <= 255));
    DialResult::read(webhook).event_name();
    SessionUpdate::read(webhook).event_name();
    let cdr = Cdr::read(webhook);
    cdr.event_name();
    cdr.end();
}

#[test]
fn a_mebibyte_of_anything_is_read() {
    const LIMIT: usize = 1 << 20;
    for unit in [
        "[",
        "{\"a\":",
        "{\"Session\":\"s\",",
        "\"a\":1,",
        "a=b&",
        "\"",
        "\\",
        "{",
        "[{},",
        "\u{feff}",
        "=",
        "[\"",
        "{\"SessionData\":",
    ] {
        let text = unit.repeat(LIMIT / unit.len());
        read_everywhere(&Webhook { body: (&text).into(), query: "attempt=1", ..Webhook::default() });
    }
}

#[test]
fn more_fields_than_are_kept_are_noted() {
    let text: String = (0..2_000).map(|at| format!("f{at}=1&")).collect();
    let request = VoiceRequest::read(&Webhook::of(&text));
    assert_eq!(request.fields().iter().count(), 1_024);
    assert!(request.oddities().contains(OddityKind::TooManyFields));
}

fn known_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Session",
        "SessionData",
        "CallSid",
        "From",
        "To",
        "Direction",
        "Domain",
        "CallStatus",
        "DialCallStatus",
        "DialCallDuration",
        "token",
        "eventId",
        "status",
        "modifiedAt",
        "callEndTime",
        "endTime",
        "session",
        "call_id",
        "disposition",
        "billsec",
        "duration",
        "timestamp",
        "profile",
        "trunk-sip-headers",
        "x",
    ])
}

/// JSON text of any value, known names preferred, not always well-formed.
fn any_json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap_or_default()),
        any::<f64>().prop_map(|number| number.to_string()),
        prop::sample::select(vec![
            "null",
            "true",
            "0",
            "-0",
            "1e999",
            "\"NaN\"",
            "\"\"",
            "\"\\ud800\"",
            "\"\\u\"",
            "\"\\",
            "nul",
            ""
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let members = prop::collection::vec((known_name(), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
            members.prop_map(|members| {
                let members: Vec<_> =
                    members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_without_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..300), query in any::<String>(), path in any::<String>(),
        name in "(?i)x-cx-[a-z]{0,8}", value in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let headers = CxHeaders::pick([(&*name, &*value), ("x-cx-session", &*value), ("ü", &*value)]);
        read_everywhere(&Webhook { body: (&body).into(), content_type: Some(&query), path: &path, query: &query, headers: Some(&headers) });
    }

    #[test]
    fn any_json_is_read_without_a_panic(text in any_json_text()) {
        read_everywhere(&Webhook::of(&text));
    }

    #[test]
    fn what_serde_json_reads_of_an_object_is_what_is_read_here(
        members in prop::collection::btree_map("\\PC{1,8}|[a-z\\n\"\\\\]{1,4}", any_json_text(), 0..8),
    ) {
        let members: Vec<_> = members
            .into_iter()
            .filter(|(_, value)| serde_json::from_str::<serde_json::Value>(value).is_ok())
            .map(|(name, value)| format!(" {} :\t{value}\n", serde_json::to_string(&name).unwrap_or_default()))
            .collect();
        let text = format!("{{{}}}", members.join(","));
        let expect: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        let request = VoiceRequest::read(&Webhook::of(&text));
        let broken = [OddityKind::Malformed, OddityKind::NotAnObject].into_iter().any(|kind| request.oddities().contains(kind));
        prop_assert!(!broken, "{:?}", request.oddities());
        prop_assert_eq!(request.fields().iter().count(), expect.len());
        for (name, value) in &expect {
            let found = request.fields().value(name);
            let text = found.and_then(|found| found.text());
            match value {
                serde_json::Value::String(expect) => prop_assert_eq!(text.as_deref(), Some(expect.as_str())),
                serde_json::Value::Null => prop_assert!(found.is_none()),
                serde_json::Value::Number(_) | serde_json::Value::Bool(_) => prop_assert!(text.is_some()),
                serde_json::Value::Object(_) => prop_assert!(found.and_then(|found| found.object()).is_some()),
                serde_json::Value::Array(_) => prop_assert!(text.is_none()),
            }
        }
    }
}
