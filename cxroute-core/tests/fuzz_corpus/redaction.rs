//! Redaction: a secret that a payload carries under a secret's name never gets into the audit, whatever stands around
//! it; what the audit keeps is JSON; redacting it again changes nothing (FACTS §5, domain rules §8).

use cxroute_core::cloudonix::redact_body;
use cxroute_core::cxml::{Dial, Header, Response, Say, Service, Sip, is_secret_name, redact_cxml};
use serde_json::{Value, json};

/// At both ends of every planted secret, so that no part of one passes for something else.
const MARK: &str = "pl4nted";

/// The input is a payload; its first line is also a secret's name, its second the secret, and its third a text that
/// stands around the secret.
pub(crate) fn holds(bytes: &[u8]) {
    let kept = redact_body(bytes);
    let value: Value = serde_json::from_str(&kept).unwrap_or_else(|error| panic!("{error}: {kept}"));
    assert!(depth(&value) <= 30, "{kept}");
    let text = String::from_utf8_lossy(bytes);
    let once = redact_cxml(&text);
    assert_eq!(redact_cxml(&once), once, "masking twice changes nothing more");
    if serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}').trim_ascii()).is_ok() {
        assert_eq!(redact_body(kept.as_bytes()), kept, "redacting twice changes nothing more");
    }
    if text.to_lowercase().contains(MARK) {
        return;
    }
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (name, inside, around) = (line(), line(), line());
    let name = if is_secret_name(name) { name } else { "authorization-api-key" };
    for payload in payloads(name, &format!("{MARK}{inside}{MARK}"), around) {
        let kept = redact_body(payload.as_bytes());
        assert!(!kept.contains(MARK), "{payload}\nwas kept as\n{kept}");
    }
}

/// Payloads with the secret in them, and what the platform may say before and after it.
fn payloads(name: &str, secret: &str, around: &str) -> Vec<String> {
    let object = json!({"note": around, name: secret, "token": around});
    let named = json!({"name": name, "value": secret, "note": around});
    let deep = json!({"session": {"profile": [around, object, {"headers": [named]}]}});
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("note", around).append_pair(name, secret).append_pair("To", around);
    let cxml = cxml(secret, around);
    let cdr = json!({"call_id": around, "session": {"profile": {"application": [{"source": cxml}]}}});
    vec![
        object.to_string(),
        json!([named]).to_string(),
        json!({"body": deep.to_string(), "note": around}).to_string(),
        deep.to_string(),
        form.finish(),
        cdr.to_string(),
        cxml,
    ]
}

/// Our own CXML, as it comes back to us.
fn cxml(secret: &str, around: &str) -> String {
    let service = Service::new("retell", around).username(secret).password(secret);
    let sip = Sip::new("sip:agent@example.net").password(secret).domain(around);
    let dial = Dial::new(service).and(sip).caller_id(around);
    let dial = match Header::new("X-Api-Key", secret) {
        Ok(header) => dial.header(header),
        Err(_) => dial,
    };
    Response::new(Say::new(around)).then(dial).render()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
