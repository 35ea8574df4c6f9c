//! The dial action callback: what became of an attempt (FACTS §3).

use std::borrow::Cow;

use super::key::EventName;
use super::oddity::{Oddities, OddityKind};
use super::quantity;
use super::voice::VoiceRequest;
use super::webhook::Webhook;
use super::words::{DialOutcome, is_canceled, is_dial_word};

/// The parameter of our action URL's query that carries the attempt's number.
pub const ATTEMPT_PARAMETER: &str = "attempt";
/// The parameter of our action URL's query that carries the session token.
pub const SESSION_PARAMETER: &str = "session";
/// The parameter of our action URL's query that carries the agent's id; missing where a number was dialled.
pub const AGENT_PARAMETER: &str = "agent";
/// The parameter of our action URL's query that carries the id of the group whose chain goes on.
pub const GROUP_PARAMETER: &str = "group";

/// A dial result, as it came.
#[derive(Clone, Debug)]
pub struct DialResult<'a> {
    /// The envelope, which is a voice request's; its session is also looked for in our query, last.
    pub request: VoiceRequest<'a>,
    /// What became of the attempt.
    pub outcome: DialOutcome,
    /// The word that says so, as received: `DialCallStatus`, else `CallStatus`.
    pub word: Option<Cow<'a, str>>,
    /// The attempt that our action URL named; `None` if its query was lost or bent.
    pub attempt: Option<u32>,
    /// `DialCallDuration` in seconds.
    pub duration: Option<u32>,
}

impl<'a> DialResult<'a> {
    /// Reads a dial result; total.
    pub fn read(webhook: &Webhook<'a>) -> Self {
        let (attempt, session) = our_query(webhook.query);
        let mut request = VoiceRequest::read_with(webhook, session);
        let mut notes = std::mem::take(request.oddities_mut());
        let word =
            request.fields().word("DialCallStatus", &mut notes).or_else(|| request.call_status.clone());
        let duration =
            quantity::seconds(request.fields().value("DialCallDuration"), "DialCallDuration", &mut notes);
        note_word(word.as_deref(), &mut notes);
        *request.oddities_mut() = notes;
        let outcome = word.as_deref().map_or(DialOutcome::Failed, DialOutcome::of);
        Self { request, outcome, word, attempt, duration }
    }

    /// Whether the raw word is `canceled`: a failure that health does not hold against the agent.
    pub fn is_canceled(&self) -> bool {
        self.word.as_deref().is_some_and(is_canceled)
    }

    /// What makes two results of one session copies: the attempt, whatever the stage; without one, what makes two
    /// voice requests copies (domain rules §6).
    pub fn event_name(&self) -> EventName<'a> {
        self.attempt.map_or_else(|| self.request.event_name(), EventName::Attempt)
    }
}

fn note_word(word: Option<&str>, oddities: &mut Oddities) {
    match word {
        None => oddities.note(OddityKind::Missing, "DialCallStatus", ""),
        Some(word) if !is_dial_word(word) => oddities.note(OddityKind::UnknownWord, "DialCallStatus", word),
        Some(_) => {}
    }
}

/// Attempt and session of our action URL's query; of a doubled parameter the first, which is ours.
fn our_query(query: &str) -> (Option<u32>, Option<Cow<'_, str>>) {
    let (mut attempt, mut session) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            ATTEMPT_PARAMETER if attempt.is_none() => attempt = value.parse().ok(),
            SESSION_PARAMETER if session.is_none() => session = Some(value),
            _ => {}
        }
    }
    (attempt, session)
}
