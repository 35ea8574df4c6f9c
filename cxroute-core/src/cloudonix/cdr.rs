//! The call detail record: the platform's last word on a call, always sent, perhaps hours late (FACTS §5).

use std::borrow::Cow;
use std::time::Duration;

use super::fields::{Fields, Value, members};
use super::key::{EventName, Fingerprint};
use super::oddity::{Oddities, OddityKind};
use super::quantity::{moment, seconds};
use super::session::Search;
use super::webhook::Webhook;
use super::words::Disposition;
use crate::time::Timestamp;

/// A call detail record, as it came.
#[derive(Clone, Debug)]
pub struct Cdr<'a> {
    /// The session token: `session.token`, else `session` if it is a plain text, `session_token`, `token`, `Session`,
    /// `CallSid`, `X-Cx-Session`. At most 255 bytes.
    pub token: Option<Cow<'a, str>>,
    /// `call_id`: the SIP Call-ID, which is not the token.
    pub call_id: Option<Cow<'a, str>>,
    /// What became of the call.
    pub disposition: Disposition,
    /// The disposition as received.
    pub disposition_word: Option<Cow<'a, str>>,
    /// `duration` in seconds, ringing included.
    pub duration: Option<u32>,
    /// `billsec`, seconds after the answer; 0 is real and does not mean "unknown".
    pub billsec: Option<u32>,
    /// `timestamp`: the start, in whole seconds.
    pub timestamp: Option<Timestamp>,
    /// `callStartTime` of the session or the record.
    pub started_at: Option<Timestamp>,
    /// `callAnswerTime` of the session or the record: the first answer by the platform, not the bridge to the agent.
    pub answered_at: Option<Timestamp>,
    /// `callEndTime` of the session or the record.
    pub ended_at: Option<Timestamp>,
    /// `from`.
    pub from: Option<Cow<'a, str>>,
    /// `to`.
    pub to: Option<Cow<'a, str>>,
    /// `domain` if it is a name: only recorded, never checked (FACTS §6).
    pub domain: Option<Cow<'a, str>>,
    /// `recording_url`.
    pub recording_url: Option<Cow<'a, str>>,
    fields: Fields<'a>,
    oddities: Oddities,
    webhook: Webhook<'a>,
}

impl<'a> Cdr<'a> {
    /// Reads a CDR; total.
    pub fn read(webhook: &Webhook<'a>) -> Self {
        let mut notes = Oddities::default();
        let fields = Fields::read(webhook, &mut notes);
        let session = Session::read(&fields);
        let disposition_word = fields.word("disposition", &mut notes);
        let disposition = disposition_word.as_deref().map_or(Disposition::Unknown, Disposition::of);
        note_disposition(disposition, disposition_word.as_deref(), &mut notes);
        let mut time = |nested: &Option<Value<'a>>, name| {
            moment(nested.as_ref().or_else(|| fields.value(name)), name, &mut notes)
        };
        let started_at = time(&session.start, "callStartTime");
        let answered_at = time(&session.answer, "callAnswerTime");
        let ended_at = time(&session.end, "callEndTime");
        Self {
            token: session.token(&fields, webhook, &mut notes),
            call_id: fields.value("call_id").and_then(Value::text).filter(|id| !id.is_empty()),
            disposition,
            disposition_word,
            duration: seconds(fields.value("duration"), "duration", &mut notes),
            billsec: seconds(fields.value("billsec"), "billsec", &mut notes),
            timestamp: moment(fields.value("timestamp"), "timestamp", &mut notes),
            started_at,
            answered_at,
            ended_at,
            from: fields.text("from", &mut notes),
            to: fields.text("to", &mut notes),
            domain: fields.value("domain").and_then(Value::text),
            recording_url: fields.value("recording_url").and_then(Value::text).filter(|url| !url.is_empty()),
            fields,
            oddities: notes,
            webhook: *webhook,
        }
    }

    /// The webhook that it was read from.
    pub fn webhook(&self) -> &Webhook<'a> {
        &self.webhook
    }

    /// Every field, known and unknown, among them the costs and the quality figures.
    pub fn fields(&self) -> &Fields<'a> {
        &self.fields
    }

    /// What was not as documented.
    pub fn oddities(&self) -> &Oddities {
        &self.oddities
    }

    /// When the call began: `callStartTime`, else `timestamp`.
    pub fn start(&self) -> Option<Timestamp> {
        self.started_at.or(self.timestamp)
    }

    /// When the call ended: `callEndTime`, else the start and `duration` later.
    pub fn end(&self) -> Option<Timestamp> {
        let computed = || Some(self.start()?.after(Duration::from_secs(u64::from(self.duration?))));
        self.ended_at.or_else(computed)
    }

    /// What makes two CDRs of one session copies: `call_id` and body (domain rules §6).
    pub fn event_name(&self) -> EventName<'a> {
        let call_id = self.call_id.as_deref().unwrap_or("");
        EventName::Content(Fingerprint::of([
            call_id.as_bytes(),
            self.webhook.query.as_bytes(),
            self.webhook.body.as_slice(),
        ]))
    }
}

fn note_disposition(disposition: Disposition, word: Option<&str>, oddities: &mut Oddities) {
    match (disposition, word) {
        (_, None) => oddities.note(OddityKind::Missing, "disposition", ""),
        (Disposition::Unknown, Some(word)) => oddities.note(OddityKind::UnknownWord, "disposition", word),
        _ => {}
    }
}

/// What is taken from `session`, which can be an object, null, a text or missing (FACTS §5).
#[derive(Default)]
struct Session<'a> {
    token: Option<Cow<'a, str>>,
    start: Option<Value<'a>>,
    answer: Option<Value<'a>>,
    end: Option<Value<'a>>,
}

impl<'a> Session<'a> {
    fn read(fields: &Fields<'a>) -> Self {
        let Some(value) = fields.value("session") else { return Self::default() };
        let Some(object) = value.object() else { return Self { token: value.text(), ..Self::default() } };
        let [token, start, answer, end] =
            members(&object, ["token", "callStartTime", "callAnswerTime", "callEndTime"]);
        Self { token: token.and_then(|token| token.text()), start, answer, end }
    }

    fn token(
        &self,
        fields: &Fields<'a>,
        webhook: &Webhook<'a>,
        oddities: &mut Oddities,
    ) -> Option<Cow<'a, str>> {
        Search::new(oddities)
            .candidate("session", self.token.clone())
            .field(fields, "session_token")
            .field(fields, "token")
            .field(fields, "Session")
            .field(fields, "CallSid")
            .candidate("X-Cx-Session", webhook.headers.and_then(|headers| headers.session.clone()))
            .finish()
    }
}
