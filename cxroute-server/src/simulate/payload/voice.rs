//! Voice requests and dial results (FACTS §1 and §3): one envelope.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Identity, Platform, Times, bytes};
use crate::simulate::options::Direction;

/// A request of the voice application: a new stage of the call.
pub(in crate::simulate) struct Voice<'a> {
    pub(in crate::simulate) call: &'a Identity,
    pub(in crate::simulate) times: Times,
    pub(in crate::simulate) stage: Stage<'a>,
}

/// What the stage is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) enum Stage<'a> {
    /// The call has just come.
    First,
    /// A redirect.
    Later,
    /// Digits that the caller typed.
    Digits(&'a str),
    /// A recording and its seconds.
    Recording(i64),
    /// A dial has ended.
    Dial(DialReport),
}

/// What a dial result says.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct DialReport {
    pub(in crate::simulate) status: &'static str,
    pub(in crate::simulate) duration: i64,
    pub(in crate::simulate) field: DialField,
}

/// Where the platform puts the dial's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum DialField {
    /// In `DialCallStatus`, with the optional fields.
    Full,
    /// In `DialCallStatus` alone.
    Plain,
    /// In `CallStatus`, as some deployments do.
    CallStatus,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    call_sid: &'a str,
    session: &'a str,
    account_sid: &'a str,
    domain: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<Value>,
    api_version: &'a str,
    from: &'a str,
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller_name: Option<&'a str>,
    direction: &'a str,
    call_status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dial_call_status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dial_call_duration: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digits: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording_duration: Option<i64>,
    session_data: SessionData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionData<'a> {
    id: u64,
    domain_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    outgoing_subscriber_id: Option<u64>,
    destination: &'a str,
    caller_id: &'a str,
    token: &'a str,
    call_start_time: i64,
    status: &'a str,
    vapp_server: &'a str,
    call_ids: [&'a str; 1],
    ringing: bool,
    domain_name_or_id: &'a str,
    profile: Value,
}

impl Voice<'_> {
    /// The JSON body of a POST.
    pub(in crate::simulate) fn json(&self) -> Bytes {
        bytes(&self.body())
    }

    /// The query of a GET: the fields that are plain text.
    pub(in crate::simulate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Ok(Value::Object(fields)) = serde_json::to_value(self.body()) {
            for (name, value) in &fields {
                match value {
                    Value::String(text) => {
                        query.append_pair(name, text);
                    }
                    Value::Number(number) => {
                        query.append_pair(name, &number.to_string());
                    }
                    _ => {}
                }
            }
        }
        query.finish()
    }

    fn body(&self) -> Body<'_> {
        let call = self.call;
        let modern = call.platform == Platform::Year2026;
        let dial = match self.stage {
            Stage::Dial(report) => Some(report),
            _ => None,
        };
        let in_call_status = dial.filter(|report| report.field == DialField::CallStatus);
        let in_own_field = dial.filter(|report| report.field != DialField::CallStatus);
        let recording = match self.stage {
            Stage::Recording(seconds) => Some(seconds),
            _ => None,
        };
        Body {
            call_sid: &call.token,
            session: &call.token,
            account_sid: &call.domain,
            domain: &call.domain,
            application_sid: modern.then_some(call.application_uuid.as_str()),
            application: modern.then(|| application(call)),
            api_version: "1",
            from: &call.from,
            to: &call.to,
            caller_name: modern.then_some(call.from.as_str()),
            direction: call.direction.word(),
            call_status: in_call_status.map_or("in-progress", |report| report.status),
            dial_call_status: in_own_field.map(|report| report.status),
            dial_call_duration: in_own_field
                .filter(|report| report.field == DialField::Full)
                .map(|report| report.duration),
            digits: match self.stage {
                Stage::Digits(digits) => Some(digits),
                _ => None,
            },
            recording_url: recording.map(|_| "https://recordings.example/rec-1.mp3"),
            recording_duration: recording,
            session_data: self.session_data(),
        }
    }

    fn session_data(&self) -> SessionData<'_> {
        let call = self.call;
        SessionData {
            id: call.id,
            domain_id: call.domain_id,
            outgoing_subscriber_id: call.subscriber_id,
            destination: &call.to,
            caller_id: &call.from,
            token: &call.token,
            call_start_time: self.times.started,
            status: match (call.platform, self.stage) {
                (Platform::Year2024, _) => "processing",
                (Platform::Year2026, Stage::First) => "NEW",
                (Platform::Year2026, _) => "CONNECTED",
            },
            vapp_server: &call.server,
            call_ids: [&call.call_id],
            ringing: false,
            domain_name_or_id: &call.domain,
            profile: profile(call),
        }
    }
}

fn application(call: &Identity) -> Value {
    json!({
        "id": 1201, "domainId": call.domain_id, "name": "cxroute", "uuid": call.application_uuid,
        "profile": {}, "type": "cxml", "url": call.application_url, "method": "POST", "llm-tools": []
    })
}

fn profile(call: &Identity) -> Value {
    let headers = json!({"Simulated": "yes", "Call": call.call_id});
    match call.direction {
        Direction::Inbound => json!({"trunk-sip-headers": headers}),
        _ => json!({"subscriber-sip-headers": headers}),
    }
}
