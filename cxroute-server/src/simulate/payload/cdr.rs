//! CDRs (FACTS §5): one per call, with the CXML that the call has run in its profile.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Identity, Times, bytes, iso};
use crate::simulate::random::Random;

/// A call detail record.
pub(in crate::simulate) struct Cdr<'a> {
    pub(in crate::simulate) call: &'a Identity,
    pub(in crate::simulate) times: Times,
    pub(in crate::simulate) disposition: &'a str,
    pub(in crate::simulate) application: &'a [Fetched],
}

/// A document that the call has fetched: it comes back to its author as `session.profile.application[]`.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Fetched {
    /// When, in milliseconds since the Unix epoch.
    pub(in crate::simulate) at: i64,
    /// From where.
    pub(in crate::simulate) url: String,
    /// What it was. It can hold a `password`: CDRs go to the server that wrote it, and nowhere else.
    pub(in crate::simulate) source: String,
}

#[derive(Serialize)]
struct Body<'a> {
    call_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    owner: Value,
    from: &'a str,
    to: &'a str,
    disposition: &'a str,
    duration: i64,
    billsec: i64,
    timestamp: i64,
    subscriber: Option<String>,
    cx_trunk_id: Option<u64>,
    application: &'a str,
    route: &'a str,
    rated_cost: f64,
    approx_cost: f64,
    sell_cost: f64,
    vapp_server: &'a str,
    qos: Value,
    session: Session<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    id: u64,
    token: &'a str,
    domain_id: u64,
    domain: &'a str,
    destination: &'a str,
    caller_id: &'a str,
    time_limit: u32,
    call_start_time: i64,
    call_answer_time: i64,
    call_end_time: i64,
    status: &'a str,
    vapp_server: &'a str,
    profile: Value,
}

impl Cdr<'_> {
    /// The JSON body, with what differs between deployments drawn from `random`.
    pub(in crate::simulate) fn json(&self, random: &mut Random) -> Bytes {
        let call = self.call;
        let billsec = self.times.seconds_since(self.times.answered);
        bytes(&Body {
            call_id: &call.call_id,
            domain: (!random.one_in(4)).then_some(call.domain.as_str()),
            owner: json!({"domain": {"uuid": call.domain_uuid, "name": call.domain}}),
            from: &call.from,
            to: &call.to,
            disposition: self.disposition,
            duration: self.times.seconds_since(Some(self.times.started)),
            billsec,
            timestamp: self.times.started.div_euclid(1000),
            subscriber: call.subscriber_id.map(|_| format!("{}@{}", call.from, call.domain)),
            cx_trunk_id: call.subscriber_id.is_none().then_some(12_345),
            application: "cxroute",
            route: call.direction.word(),
            rated_cost: billsec as f64 * 0.0002,
            approx_cost: 0.01,
            sell_cost: 0.0,
            vapp_server: &call.server,
            qos: json!({"rtt": 0, "rx_mos": "NaN", "tx_mos": 4.4, "ssrc": "1909495585"}),
            session: self.session(),
        })
    }

    fn session(&self) -> Session<'_> {
        let (call, times) = (self.call, self.times);
        let fetched = |page: &Fetched| json!({"time": iso(page.at), "url": page.url, "source": page.source});
        let application: Vec<Value> = self.application.iter().map(fetched).collect();
        Session {
            id: call.id,
            token: &call.token,
            domain_id: call.domain_id,
            domain: &call.domain,
            destination: &call.to,
            caller_id: &call.from,
            time_limit: 14_400,
            call_start_time: times.started,
            call_answer_time: times.answered.unwrap_or(0),
            call_end_time: times.ended.unwrap_or(times.now),
            status: if times.answered.is_some() { "completed" } else { "failed" },
            vapp_server: &call.server,
            profile: json!({"application": application}),
        }
    }
}
