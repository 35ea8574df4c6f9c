//! What the audit keeps: valid JSON, everything but secrets.

use proptest::prelude::*;
use serde_json::Value;

use super::body;
use crate::cloudonix::{Cdr, DialResult, SessionUpdate, VoiceRequest, redact_body};

#[test]
fn secrets_are_masked_wherever_they_are_known_to_be() {
    for (content, expect) in [
        (r#"{"a": 1, "Password" : "p" }"#, r#"{"a":1,"Password":"***"}"#),
        (
            r#"{"profile":{"authorization-api-key":"p","x":null}}"#,
            r#"{"profile":{"authorization-api-key":"***","x":null}}"#,
        ),
        (
            r#"{"apikey":17,"secret":{"k":["p",{}]},"auth":["p"],"pwd":true,"access_token":""}"#,
            r#"{"apikey":"***","secret":"***","auth":"***","pwd":"***","access_token":""}"#,
        ),
        (
            r#"{"token":"t","Session":"s","session_token":"t","refresh_token":"p"}"#,
            r#"{"token":"t","Session":"s","session_token":"t","refresh_token":"***"}"#,
        ),
        (r#"{"pass\u0077ord":"p"}"#, r#"{"password":"***"}"#),
        (
            r#"{"source":"<Service username=\"u\" password=\"p\">+1</Service>"}"#,
            r#"{"source":"<Service username=\"***\" password=\"***\">+1</Service>"}"#,
        ),
        (r#"{"nested":"{\"password\":\"p\",\"n\":1}"}"#, r#"{"nested":"{\"password\":\"***\",\"n\":1}"}"#),
        (
            r#"{"nested":"[\"{\\\"password\\\":\\\"p\\\"}\"]"}"#,
            r#"{"nested":"[\"{\\\"password\\\":\\\"***\\\"}\"]"}"#,
        ),
        (
            r#"[{"name":"Authorization","value":"Bearer p"},{"name":"X","value":"v"}]"#,
            r#"[{"name":"Authorization","value":"***"},{"name":"X","value":"v"}]"#,
        ),
        (r#"{"url":"https://u:p@x.example/?api_key=p"}"#, r#"{"url":"https://***@x.example/?api_key=***"}"#),
        (
            "Session=s&password=p&x=%3CSip+password%3D%22p%22%3E&y=1",
            "\"Session=s&password=***&x=%3CSip+password%3D%22***%22%3E&y=1\"",
        ),
        ("<Sip password='p'/>", "\"<Sip password='***'/>\""),
        (r#"{"password":"p","a"#, r#""{\"password\":\"***\",\"a""#),
    ] {
        assert_eq!(redact_body(content.as_bytes()), expect);
    }
}

#[test]
fn what_holds_no_secret_is_kept_in_order_with_its_spelling() {
    for (content, expect) in [
        (
            r#"{"z":1.50,"a":"ü","n":null,"big":12345678901234567890,"e":[],"o":{}}"#,
            r#"{"z":1.50,"a":"ü","n":null,"big":12345678901234567890,"e":[],"o":{}}"#,
        ),
        (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
        ("\u{feff} [1 , 2 ]\n", "[1,2]"),
        ("", "null"),
        (" \n", "null"),
        ("hello \"world\"\u{1}", "\"hello \\\"world\\\"\\u0001\""),
        ("42", "42"),
        (
            r#"{"n":1e99,"m":123456789012345678901234567890,"o":true,"p":false}"#,
            r#"{"n":1e99,"m":123456789012345678901234567890,"o":true,"p":false}"#,
        ),
        (r#"{"s":"\ud800x"}"#, "{\"s\":\"\u{fffd}x\"}"),
    ] {
        assert_eq!(redact_body(content.as_bytes()), expect);
    }
    assert_eq!(redact_body(b"{\"a\":\"\xff\"}"), "{\"a\":\"\u{fffd}\"}");
    assert_eq!(redact_body(b"\xff\xfe"), "\"\u{fffd}\u{fffd}\"");
}

#[test]
fn what_is_nested_too_deeply_for_databases_becomes_a_note() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let kept = redact_body(deep.as_bytes());
    assert_eq!(kept.matches('[').count(), 30);
    assert!(kept.contains("(nested too deeply)"));
    let values = format!("{{\"a\":{}}}", "{\"a\":".repeat(40) + "1" + &"}".repeat(40));
    assert!(serde_json::from_str::<Value>(&redact_body(values.as_bytes())).is_ok());
}

#[test]
fn numbers_that_no_database_takes_become_texts() {
    let kept = redact_body(br#"[1e99999999999999999999,-123456789012345e999999,1e999,-1E309]"#);
    assert_eq!(kept, r#"["1e99999999999999999999","-123456789012345e999999","1e999","-1E309"]"#);
}

#[test]
fn debug_output_of_a_payload_holds_no_secret() {
    let text = r#"{"session":{"token":"t","profile":{"application":[{"source":"<Service password='hunter2'>"}]}},
        "SessionData":{"token":"t","password":"hunter2"},"authorization-api-key":"hunter2","disposition":"ANSWER"}"#;
    let webhook = super::Webhook { query: "key=hunter2", ..body(text) };
    for debug in [
        format!("{webhook:?}"),
        format!("{:?}", VoiceRequest::read(&webhook)),
        format!("{:?}", DialResult::read(&webhook)),
        format!("{:?}", SessionUpdate::read(&webhook)),
        format!("{:?}", Cdr::read(&webhook)),
    ] {
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9 +.é😀\n\"\\\\]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("f[a-f \n\"]{1,4}", inner), 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Places where a secret is known to turn up, as functions of the secret.
fn planted(place: usize, secret: &str) -> Value {
    let cxml = format!(
        "<Response><Dial><Service provider=\"x\" username='{secret}' password=\"{secret}\">+1</Service></Dial></Response>"
    );
    match place {
        0 => serde_json::json!({ "Authorization": secret }),
        1 => serde_json::json!({ "profile": { "authorization-api-key": secret } }),
        2 => {
            serde_json::json!({ "session": { "token": "t", "profile": { "application": [{ "time": 1, "source": cxml }] } } })
        }
        3 => serde_json::json!({ "note": serde_json::json!({ "password": secret }).to_string() }),
        4 => serde_json::json!({ "credentials": [secret, { "k": secret }] }),
        5 => serde_json::json!({ "source": format!("{}", serde_json::json!({ "x": cxml })) }),
        _ => serde_json::json!([{ "name": "X-Api-Key", "value": secret }]),
    }
}

proptest! {
    #[test]
    fn json_without_secrets_is_kept_to_the_letter(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(redact_body(text.as_bytes()), text);
    }

    #[test]
    fn any_bytes_become_valid_json(content in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(serde_json::from_str::<Value>(&redact_body(&content)).is_ok());
    }

    #[test]
    fn a_planted_secret_never_survives(place in 0_usize..7, secret in "[A-Za-z0-9]{12}", around in any_json(), cut in 0.0..1.0_f64) {
        let secret = format!("PLANTED{secret}");
        let whole = serde_json::json!({ "around": around, "planted": planted(place, &secret), "after": 1 }).to_string();
        let kept = redact_body(whole.as_bytes());
        prop_assert!(!kept.contains("PLANTED"), "{}", kept);
        // Cut off anywhere, it is no JSON any more; the text is masked all the same.
        let end = whole.floor_char_boundary((whole.len() as f64 * cut) as usize);
        let kept = redact_body(&whole.as_bytes()[..end]);
        prop_assert!(serde_json::from_str::<Value>(&kept).is_ok());
        prop_assert!(!kept.contains("PLANTED"), "{}", kept);
    }
}

#[test]
fn a_long_text_that_is_no_payload_is_kept_by_its_beginning() {
    let long = format!("é\0{}<Sip password='p'/>{}", "é".repeat(32_750), "=".repeat(1 << 20));
    let kept: String = serde_json::from_str(&redact_body(long.as_bytes())).unwrap();
    assert!(kept.starts_with("é\0é") && !kept.contains("'p"));
    assert!(kept.ends_with(&format!(" (the first 65536 of {} bytes)", long.len())));
    let equals = redact_body("=".repeat(1 << 20).as_bytes());
    assert!(equals.len() < 66_000, "{} bytes", equals.len());
}
