//! Payloads: whatever arrives is read, whatever is kept of it stays in its limits, and a JSON body says the same as the
//! form of the same values (FACTS §1, §3 to §5; domain rules §6).

use cxroute_core::call::SessionToken;
use cxroute_core::cloudonix::{
    ATTEMPT_PARAMETER, Cdr, CxHeaders, DialResult, EventName, LONGEST_TOKEN, Oddities, SESSION_PARAMETER,
    SessionUpdate, VoiceRequest, Webhook,
};
use form_urlencoded::Serializer;
use serde_json::{Map, Value};

/// The input's first line is a content type, the second a query, the third a header's value; the rest is the body.
pub(crate) fn holds(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (content_type, query) = (String::from_utf8_lossy(part()), String::from_utf8_lossy(part()));
    let (value, body) = (part(), part());
    let names =
        ["X-Cx-Session", "x-cx-stageid", "X-CX-FROM", "X-Cx-To", "X-Cx-Domain", "X-Cx-Source", "Host"];
    let headers = CxHeaders::pick(names.map(|name| (name, value)));
    let path = "/api/voice/application/example.cloudonix.net";
    let content_type = Some(&*content_type).filter(|text| !text.is_empty());
    for headers in [None, Some(&headers)] {
        reads(&Webhook { body: body.into(), content_type, path, query: &query, headers });
    }
    if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
        of_doubled_fields_the_last_counts(body, &members);
        json_says_what_the_form_says(&members);
    }
}

/// Every reader takes every webhook, and keeps no more than it may.
fn reads(webhook: &Webhook<'_>) {
    let voice = VoiceRequest::read(webhook);
    within_limits(voice.session.as_deref(), &voice.event_name(), voice.oddities());
    let named = voice.disagreeing_domain("example.cloudonix.net");
    assert!(named.is_none_or(|domain| !domain.trim().eq_ignore_ascii_case("example.cloudonix.net")));
    assert!(voice.sip_headers().iter().all(|(name, _)| name.len() <= webhook.body.as_slice().len() * 3));
    let dial = DialResult::read(webhook);
    within_limits(dial.request.session.as_deref(), &dial.event_name(), dial.request.oddities());
    assert_eq!(dial.request.from, voice.from);
    assert_eq!(dial.request.direction, voice.direction);
    let update = SessionUpdate::read(webhook);
    within_limits(update.token.as_deref(), &update.event_name(), update.oddities());
    let cdr = Cdr::read(webhook);
    within_limits(cdr.token.as_deref(), &cdr.event_name(), cdr.oddities());
    assert!(
        cdr.start().is_none_or(|start| cdr.ended_at.is_some() || cdr.end().is_none_or(|end| end >= start))
    );
    assert_eq!(cdr.event_name(), Cdr::read(webhook).event_name(), "a copy has the key of the first");
}

fn within_limits(token: Option<&str>, key: &EventName<'_>, oddities: &Oddities) {
    if let Some(token) = token {
        assert!(!token.is_empty() && token.len() <= LONGEST_TOKEN && token.trim() == token);
        assert_eq!(SessionToken::new(token).unwrap().as_str(), token);
    }
    assert!(key.to_string().len() <= 220, "{key}");
    assert!(oddities.as_slice().len() <= 16);
    assert!(oddities.as_slice().iter().all(|oddity| oddity.echo.len() <= 64));
}

/// As for any JSON parser: `members` has them once.
fn of_doubled_fields_the_last_counts(body: &[u8], members: &Map<String, Value>) {
    let once = Value::Object(members.clone()).to_string();
    let (one, other) = (Webhook::of(body), Webhook::of(&once));
    let (one, other) = (VoiceRequest::read(&one), VoiceRequest::read(&other));
    // A number is taken as it is spelled, which a parser does not keep; so many fields are not read at all.
    let is_kept = |name: &str| body.len() < 4_096 && members.get(name).is_none_or(|it| !it.is_number());
    assert!(!is_kept("From") || one.from == other.from);
    assert!(!is_kept("To") || one.to == other.to);
    assert!(!is_kept("Direction") || one.direction == other.direction);
}

/// The texts of a JSON object, sent as a form, name the same session, parties, direction and outcome.
fn json_says_what_the_form_says(members: &Map<String, Value>) {
    let texts: Map<String, Value> = members.iter().filter(is_told_alike).map(owned).collect();
    if texts.is_empty() || texts.len() > 1_000 {
        return;
    }
    let json = Value::Object(texts.clone()).to_string();
    let mut form = Serializer::new(String::new());
    form.extend_pairs(texts.iter().map(|(name, value)| (name, value.as_str().unwrap_or_default())));
    let form = form.finish();
    let query = format!("{ATTEMPT_PARAMETER}=2&{SESSION_PARAMETER}=ours");
    let json = Webhook { query: &query, ..Webhook::of(&json) };
    let form = Webhook { query: &query, ..Webhook::of(&form) };
    let (one, other) = (DialResult::read(&json), DialResult::read(&form));
    assert_eq!(one.request.session, other.request.session);
    assert_eq!((&one.request.from, &one.request.to), (&other.request.from, &other.request.to));
    assert_eq!(one.request.direction, other.request.direction);
    assert_eq!((one.outcome, one.attempt, one.duration), (other.outcome, Some(2), other.duration));
    let (one, other) = (SessionUpdate::read(&json), SessionUpdate::read(&form));
    assert_eq!((&one.token, one.status), (&other.token, other.status));
    assert_eq!((one.ended_at, one.modified_at), (other.ended_at, other.modified_at));
    let (one, other) = (Cdr::read(&json), Cdr::read(&form));
    assert_eq!((&one.token, one.disposition, one.billsec), (&other.token, other.disposition, other.billsec));
    assert_eq!((one.start(), one.end()), (other.start(), other.end()));
}

/// A text says the same in both forms, but for a leading blank: in a form it was a `+` that nobody escaped.
fn is_told_alike((_, value): &(&String, &Value)) -> bool {
    value.as_str().is_some_and(|text| !text.starts_with(' '))
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}
