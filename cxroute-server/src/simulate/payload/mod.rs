//! The bodies of Cloudonix's webhooks, one template a file: each struct has the fields of FACTS §1 to §5 in the
//! order in which Cloudonix sends them, with the variations that its versions and deployments show.

mod cdr;
mod update;
mod voice;

use bytes::Bytes;
use serde::Serialize;

pub(super) use cdr::{Cdr, Fetched};
pub(super) use update::Update;
pub(super) use voice::{DialField, DialReport, Stage, Voice};

use super::options::Direction;
use super::random::Random;

/// What names a call in every webhook about it.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The session token: 32 hexadecimal digits.
    pub(super) token: String,
    /// The SIP Call-ID, which is not the token.
    pub(super) call_id: String,
    /// The numeric session id.
    pub(super) id: u64,
    pub(super) domain: String,
    pub(super) domain_id: u64,
    pub(super) domain_uuid: String,
    pub(super) application_uuid: String,
    pub(super) application_url: String,
    pub(super) subscriber_id: Option<u64>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) direction: Direction,
    pub(super) server: String,
    /// Which of the optional fields this call's webhooks have.
    pub(super) platform: Platform,
}

/// A generation of the platform: they differ in optional fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// 2024: no application fields, `status` is "processing".
    Year2024,
    /// 2026: everything.
    Year2026,
}

impl Identity {
    /// Draws the ids of one call.
    pub(super) fn draw(random: &mut Random, parties: Parties<'_>) -> Self {
        let token = random.hex32();
        let call_id = format!("{}@198.51.100.{}", random.hex16(), random.between(1, 254));
        let subscriber = parties.direction != Direction::Inbound;
        Self {
            id: random.between(10_000_000, 99_999_999),
            domain_id: 755,
            domain_uuid: "5b0c3c1e-3f0f-4d8e-9d0a-2f6f7d3b7a11".to_owned(),
            application_uuid: "0d6a54f2-6d0e-4f57-8a0c-8d5ab3f3a2c4".to_owned(),
            subscriber_id: subscriber.then(|| random.between(100_000, 999_999)),
            server: format!("198.51.100.{}", random.between(1, 254)),
            platform: if random.one_in(8) { Platform::Year2024 } else { Platform::Year2026 },
            domain: parties.domain.to_owned(),
            application_url: parties.application_url.to_owned(),
            direction: parties.direction,
            from: parties.from,
            to: parties.to,
            token,
            call_id,
        }
    }
}

/// Who calls whom, and where it is answered.
pub(super) struct Parties<'a> {
    pub(super) domain: &'a str,
    pub(super) application_url: &'a str,
    pub(super) direction: Direction,
    pub(super) from: String,
    pub(super) to: String,
}

/// The times of a call, in milliseconds since the Unix epoch. Payload time runs by itself: it is plausible however
/// fast the call is played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) started: i64,
    pub(super) now: i64,
    pub(super) answered: Option<i64>,
    pub(super) ended: Option<i64>,
}

impl Times {
    pub(super) fn starting(at: i64) -> Self {
        Self { started: at, now: at, answered: None, ended: None }
    }

    /// Seconds from `from` to the end, or to now; at least 0.
    pub(super) fn seconds_since(&self, from: Option<i64>) -> i64 {
        from.map_or(0, |from| {
            (self.ended.unwrap_or(self.now) - from).max(0).unsigned_abs().div_ceil(1000) as i64
        })
    }
}

/// ISO 8601 in UTC with milliseconds.
fn iso(millis: i64) -> String {
    format!("{:.3}", jiff::Timestamp::from_millisecond(millis).unwrap_or_default())
}

/// A template's bytes. Serialising plain structs with string keys cannot fail; an empty body would be reported by
/// the server under trial.
fn bytes(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).unwrap_or_default().into()
}

#[cfg(test)]
mod tests;
