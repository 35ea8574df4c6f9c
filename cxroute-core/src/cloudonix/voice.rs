//! The voice application request: a call has arrived, or goes on with another stage (FACTS §1).

use std::borrow::Cow;

use super::fields::{Fields, Value, members};
use super::json;
use super::key::{EventName, Fingerprint};
use super::oddity::{Oddities, OddityKind};
use super::session::Search;
use super::webhook::{CxHeaders, Webhook, disagrees};
use super::words::Direction;

/// A voice application request, as it came.
#[derive(Clone, Debug)]
pub struct VoiceRequest<'a> {
    /// The session token: `Session`, else `SessionData.token`, `CallSid`, `X-Cx-Session` (a dial result asks our own
    /// query last). At most 255 bytes. Without one the answer is a hang-up.
    pub session: Option<Cow<'a, str>>,
    /// `X-Cx-Stageid`: the stage of the voice application.
    pub stage_id: Option<Cow<'a, str>>,
    /// The caller, as received: `From`, else `X-Cx-From`.
    pub from: Option<Cow<'a, str>>,
    /// What was dialled, as received: `To`, else `X-Cx-To`.
    pub to: Option<Cow<'a, str>>,
    /// Where the call came from: `Direction`, else `X-Cx-Source`, else inbound.
    ///
    /// A request that names neither is inbound: documented partial requests and hand-made ones (specification:
    /// the sample is an inbound call) mean that, and it can never reach an outbound rule and a paid trunk.
    pub direction: Direction<'a>,
    /// `CallerName`.
    pub caller_name: Option<Cow<'a, str>>,
    /// `CallStatus`, as received.
    pub call_status: Option<Cow<'a, str>>,
    fields: Fields<'a>,
    session_data: Option<Value<'a>>,
    header_domain: Option<Cow<'a, str>>,
    oddities: Oddities,
    webhook: Webhook<'a>,
}

impl<'a> VoiceRequest<'a> {
    /// Reads a voice request; total.
    pub fn read(webhook: &Webhook<'a>) -> Self {
        Self::read_with(webhook, None)
    }

    /// Reads the same envelope of a dial result, whose action URL's query can name the session, too.
    pub(super) fn read_with(webhook: &Webhook<'a>, query_session: Option<Cow<'a, str>>) -> Self {
        let mut oddities = Oddities::default();
        let fields = Fields::read(webhook, &mut oddities);
        let none = CxHeaders::default();
        let headers = webhook.headers.unwrap_or(&none);
        let session_data = fields.value("SessionData").and_then(Value::object);
        let nested = session_data.as_ref().and_then(|object| {
            let [token] = members(object, ["token"]);
            token.and_then(|token| token.text())
        });
        let session = Search::new(&mut oddities)
            .field(&fields, "Session")
            .candidate("SessionData.token", nested)
            .field(&fields, "CallSid")
            .candidate("X-Cx-Session", headers.session.clone())
            .candidate("query", query_session)
            .finish();
        Self {
            session,
            stage_id: headers.stage_id.clone(),
            from: number(&fields, "From", headers.from.as_ref(), &mut oddities),
            to: number(&fields, "To", headers.to.as_ref(), &mut oddities),
            direction: direction(&fields, headers, &mut oddities),
            caller_name: fields.text("CallerName", &mut oddities),
            call_status: fields.word("CallStatus", &mut oddities),
            header_domain: headers.domain.clone(),
            session_data: session_data.map(Value::Json),
            fields,
            oddities,
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

    pub(super) fn oddities_mut(&mut self) -> &mut Oddities {
        &mut self.oddities
    }

    /// The first domain named by `X-Cx-Domain` or the body's `Domain` that is not empty and not `tenant_domain` (ASCII
    /// case-insensitive): the request must be refused then (FACTS §6).
    pub fn disagreeing_domain(&self, tenant_domain: &str) -> Option<Cow<'_, str>> {
        let header = self.header_domain.as_deref().map(Cow::Borrowed);
        let named =
            self.fields.iter().filter(|(name, _)| *name == "Domain").filter_map(|(_, value)| value.text());
        header.into_iter().chain(named).find(|domain| disagrees(domain, tenant_domain))
    }

    /// The caller's custom SIP headers (`X-Foo` under `Foo`), of a trunk's call or a subscriber's; read on demand.
    pub fn sip_headers(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let Some(Value::Json(data)) = &self.session_data else { return found };
        let [profile] = json::members(data, ["profile"]);
        let Some(profile) = profile else { return found };
        for headers in
            json::members(profile, ["trunk-sip-headers", "subscriber-sip-headers"]).into_iter().flatten()
        {
            // What was read before a flaw counts.
            let _flaw = json::read_object(headers, |name, raw| {
                if let Some(value) = json::scalar(raw) {
                    found.push((name.into_owned(), value.into_owned()));
                }
            });
        }
        found
    }

    /// What makes two requests of one session copies: the stage id, else path, query and body (domain rules §6).
    pub fn event_name(&self) -> EventName<'a> {
        match &self.stage_id {
            Some(stage_id) => EventName::stage(stage_id.clone()),
            None => EventName::Content(self.content()),
        }
    }

    /// The fingerprint of path, query and body.
    fn content(&self) -> Fingerprint {
        let Webhook { path, query, body, .. } = self.webhook;
        Fingerprint::of([path.as_bytes(), query.as_bytes(), body.as_slice()])
    }
}

/// A number as received: the body's, else the header's. A form's unescaped `+` arrives as a blank and is mended.
fn number<'a>(
    fields: &Fields<'a>,
    name: &'static str,
    header: Option<&Cow<'a, str>>,
    oddities: &mut Oddities,
) -> Option<Cow<'a, str>> {
    let text = fields.text(name, oddities).filter(|text| !text.trim().is_empty());
    let number = match text {
        Some(text) if fields.value(name).is_some_and(Value::is_from_form) => {
            Some(mended(text, name, oddities))
        }
        Some(text) => Some(text),
        None => header.cloned(),
    };
    if number.is_none() {
        oddities.note(OddityKind::Missing, name, "");
    }
    number
}

fn mended<'a>(text: Cow<'a, str>, name: &'static str, oddities: &mut Oddities) -> Cow<'a, str> {
    match text.strip_prefix(' ') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
            oddities.note(OddityKind::PlusAsBlank, name, &text);
            Cow::Owned(format!("+{rest}"))
        }
        _ => text,
    }
}

fn direction<'a>(fields: &Fields<'a>, headers: &CxHeaders<'a>, oddities: &mut Oddities) -> Direction<'a> {
    let word = fields.word("Direction", oddities);
    if word.is_none() {
        oddities.note(OddityKind::Missing, "Direction", "");
    }
    let read = match (word, &headers.source) {
        (Some(word), _) => Direction::of(word),
        (None, Some(source)) if source.trim().eq_ignore_ascii_case("trunk") => Direction::Inbound,
        (None, Some(source)) => Direction::of(Cow::Owned(source.trim().to_owned())),
        (None, None) => Direction::Inbound,
    };
    if let Direction::Other(word) = &read {
        oddities.note(OddityKind::UnknownWord, "Direction", word);
    }
    read
}
