//! The session update: the platform's running commentary on a call (FACTS §4).

use std::borrow::Cow;

use super::fields::{Fields, Value, members};
use super::key::{EventName, Fingerprint};
use super::oddity::{Oddities, OddityKind};
use super::quantity::moment;
use super::session::Search;
use super::webhook::Webhook;
use super::words::{UpdateStatus, is_update_word};
use crate::time::Timestamp;

/// A session update, as it came.
#[derive(Clone, Debug)]
pub struct SessionUpdate<'a> {
    /// The session token: `token`, else where a voice request has it (the specification's shape). At most 255 bytes.
    pub token: Option<Cow<'a, str>>,
    /// `eventId`: unique per event, where the platform sends it.
    pub event_id: Option<Cow<'a, str>>,
    /// What the status means.
    pub status: UpdateStatus,
    /// The status as received: `status`, else `DialCallStatus`, `CallStatus` (the specification's shape).
    pub status_word: Option<Cow<'a, str>>,
    /// `modifiedAt`: updates are ordered by it.
    pub modified_at: Option<Timestamp>,
    /// `modifiedAt` as received.
    pub modified_at_text: Option<Cow<'a, str>>,
    /// `callStartTime`, else `startTime`.
    pub started_at: Option<Timestamp>,
    /// `callAnswerTime`, else `answerTime`: answered by the platform, not yet by an agent.
    pub answered_at: Option<Timestamp>,
    /// `callEndTime`, else `endTime`; the session has ended if it is there.
    pub ended_at: Option<Timestamp>,
    /// `reason`.
    pub reason: Option<Cow<'a, str>>,
    /// `callerId`.
    pub caller_id: Option<Cow<'a, str>>,
    /// `destination`.
    pub destination: Option<Cow<'a, str>>,
    /// `domain` if it is a name: only recorded, never checked (FACTS §6).
    pub domain: Option<Cow<'a, str>>,
    fields: Fields<'a>,
    oddities: Oddities,
    webhook: Webhook<'a>,
}

impl<'a> SessionUpdate<'a> {
    /// Reads a session update; total.
    pub fn read(webhook: &Webhook<'a>) -> Self {
        let mut notes = Oddities::default();
        let fields = Fields::read(webhook, &mut notes);
        let status_word = ["status", "DialCallStatus", "CallStatus"]
            .into_iter()
            .find_map(|name| fields.word(name, &mut notes));
        note_status(status_word.as_deref(), &mut notes);
        let mut time = |first, second| {
            moment(fields.value(first), first, &mut notes)
                .or_else(|| moment(fields.value(second), second, &mut notes))
        };
        let started_at = time("callStartTime", "startTime");
        let answered_at = time("callAnswerTime", "answerTime");
        let ended_at = time("callEndTime", "endTime");
        Self {
            token: token(&fields, webhook, &mut notes),
            event_id: fields.value("eventId").and_then(Value::text).filter(|id| !id.trim().is_empty()),
            status: status_word.as_deref().map_or(UpdateStatus::Other, UpdateStatus::of),
            status_word,
            modified_at: moment(fields.value("modifiedAt"), "modifiedAt", &mut notes),
            modified_at_text: fields
                .value("modifiedAt")
                .and_then(Value::text)
                .filter(|text| !text.is_empty()),
            started_at,
            answered_at,
            ended_at,
            reason: fields.value("reason").and_then(Value::text).filter(|text| !text.is_empty()),
            caller_id: fields.text("callerId", &mut notes),
            destination: fields.text("destination", &mut notes),
            domain: fields.value("domain").and_then(Value::text),
            fields,
            oddities: notes,
            webhook: *webhook,
        }
    }

    /// The webhook that it was read from.
    pub fn webhook(&self) -> &Webhook<'a> {
        &self.webhook
    }

    /// Every field, known and unknown.
    pub fn fields(&self) -> &Fields<'a> {
        &self.fields
    }

    /// What was not as documented.
    pub fn oddities(&self) -> &Oddities {
        &self.oddities
    }

    /// What makes two updates of one session copies: the event id, else status and `modifiedAt` (domain rules §6);
    /// without a `modifiedAt` the content, because a status alone comes more than once.
    pub fn event_name(&self) -> EventName<'a> {
        match (&self.event_id, &self.status_word, &self.modified_at_text) {
            (Some(event_id), _, _) => EventName::event(event_id.clone()),
            (None, Some(status), Some(at)) => EventName::status(status.clone(), at.clone()),
            _ => EventName::Content(Fingerprint::of([
                self.webhook.query.as_bytes(),
                self.webhook.body.as_slice(),
            ])),
        }
    }
}

fn note_status(word: Option<&str>, oddities: &mut Oddities) {
    match word {
        None => oddities.note(OddityKind::Missing, "status", ""),
        Some(word) if !is_update_word(word) => oddities.note(OddityKind::UnknownWord, "status", word),
        Some(_) => {}
    }
}

fn token<'a>(fields: &Fields<'a>, webhook: &Webhook<'a>, oddities: &mut Oddities) -> Option<Cow<'a, str>> {
    let nested = fields.value("SessionData").and_then(Value::object).and_then(|object| {
        let [token] = members(&object, ["token"]);
        token.and_then(|token| token.text())
    });
    Search::new(oddities)
        .field(fields, "token")
        .field(fields, "session_token")
        .field(fields, "Session")
        .candidate("SessionData.token", nested)
        .field(fields, "CallSid")
        .candidate("X-Cx-Session", webhook.headers.and_then(|headers| headers.session.clone()))
        .finish()
}
