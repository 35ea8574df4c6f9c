//! Session updates (FACTS §4): one object, or an array of one.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Identity, Times, bytes, iso};
use crate::simulate::random::Random;

/// A session update.
pub(in crate::simulate) struct Update<'a> {
    pub(in crate::simulate) call: &'a Identity,
    pub(in crate::simulate) times: Times,
    pub(in crate::simulate) status: &'a str,
    pub(in crate::simulate) action: Option<&'a str>,
    /// Unique per event; some deployments send none.
    pub(in crate::simulate) event_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: u64,
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    domain_id: u64,
    domain: Value,
    subscriber_id: Option<u64>,
    outgoing_subscriber_id: Option<u64>,
    caller_id: &'a str,
    destination: &'a str,
    direction: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    reason: Option<&'a str>,
    last_error: Option<&'a str>,
    created_at: String,
    modified_at: String,
    call_start_time: i64,
    call_answer_time: i64,
    call_end_time: i64,
    start_time: String,
    answer_time: Option<String>,
    end_time: Option<String>,
    time_limit: u32,
    vapp_server: &'a str,
    call_ids: [&'a str; 1],
    profile: Value,
}

impl Update<'_> {
    /// The JSON body, with what differs between deployments drawn from `random`.
    pub(in crate::simulate) fn json(&self, random: &mut Random) -> Bytes {
        let body = self.body(random);
        if random.one_in(4) { bytes(&[body]) } else { bytes(&body) }
    }

    fn body(&self, random: &mut Random) -> Body<'_> {
        let (call, times) = (self.call, self.times);
        let domain = match random.below(3) {
            0 => json!({"name": call.domain, "uuid": call.domain_uuid}),
            _ => json!(call.domain),
        };
        Body {
            id: call.id,
            token: &call.token,
            event_id: self.event_id,
            domain_id: call.domain_id,
            domain,
            subscriber_id: None,
            outgoing_subscriber_id: call.subscriber_id,
            caller_id: &call.from,
            destination: &call.to,
            direction: call.direction.update_word(),
            status: self.status,
            action: self.action,
            reason: None,
            last_error: None,
            created_at: iso(times.started),
            modified_at: iso(times.now),
            call_start_time: times.started,
            call_answer_time: times.answered.unwrap_or(0),
            call_end_time: times.ended.unwrap_or(0),
            start_time: iso(times.started),
            answer_time: times.answered.map(iso),
            end_time: times.ended.map(iso),
            time_limit: 14_400,
            vapp_server: &call.server,
            call_ids: [&call.call_id],
            profile: json!({}),
        }
    }
}
