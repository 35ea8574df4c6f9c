//! Publishing: by one server at a time, whose script does nothing once another has taken over.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use cxroute_core::authority::IngestScope;
use cxroute_core::call::{CallEvent, CallEventKind, RecordStatus};
use cxroute_core::port::{Event, EventId, EventsError, News, Outgoing, Term};
use serde::Serialize;
use tokio::time::Instant;

use super::script::{CallSaid, Publication, Published, Said, lead};
use super::{RedisEvents, away};
use crate::keys::EventKeys;

/// So many events go into one script: others' scripts wait for it.
const MOST: usize = 100;

/// What is known of who publishes.
#[derive(Default)]
pub(super) struct Lease {
    /// This server's term, and since when it has it for sure.
    held: Option<(Term, Instant)>,
    /// A later term that was met.
    least: u64,
}

/// The message of the channel, from behind the id on.
#[derive(Serialize)]
struct Tail<'a> {
    event_type: &'a str,
    data: &'a serde_json::Value,
    timestamp: String,
}

impl RedisEvents {
    pub(super) async fn take_lead(&self) -> Result<Option<Term>, EventsError> {
        let least = {
            let lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((term, since)) = lease.held
                && since.elapsed() < self.options.lease / 3
            {
                return Ok(Some(term));
            }
            lease.least
        };
        let asked = Instant::now();
        let term = lead(&self.link, &self.options, &self.name, least).await.map_err(away)?;
        let mut lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(term) = term
            && lease.held.is_none_or(|(held, _)| held != term)
        {
            tracing::info!(term = term.get(), "this server publishes the events");
        }
        lease.held = term.map(|term| (term, asked));
        Ok(term)
    }

    pub(super) async fn publish_all(
        &self,
        scope: &IngestScope,
        term: Term,
        waiting: &[Outgoing],
    ) -> Result<(), EventsError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let room = self.room(scope.read());
        // Unless it is known what the last publication came to, by this server in this term.
        let doubtful = self.take_sure(scope) != Some(term);
        let mut all_known = 0;
        for chunk in waiting.chunks(MOST) {
            let events: Vec<Said> = chunk.iter().map(|outgoing| said(outgoing, &room.keys)).collect();
            let publication = Publication {
                term,
                attempt: self.tries.fetch_add(1, Ordering::Relaxed) + 1,
                doubtful,
                events: &events,
            };
            match room.publish(&publication).await {
                Ok(Published::Yes { known }) => all_known += known,
                Ok(Published::Superseded(theirs)) => {
                    let mut lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
                    *lease = Lease { held: None, least: lease.least.max(theirs.get()) };
                    return Err(EventsError::Superseded);
                }
                Err(trouble) => return Err(away(trouble)),
            }
        }
        // What another has published may go on.
        if all_known == 0 {
            self.sure.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.tenant(), term);
        }
        Ok(())
    }

    fn take_sure(&self, scope: &IngestScope) -> Option<Term> {
        self.sure.lock().unwrap_or_else(PoisonError::into_inner).remove(&scope.tenant())
    }
}

fn said(outgoing: &Outgoing, keys: &EventKeys) -> Said {
    let id = outgoing.id.get();
    let News::Call(event) = &outgoing.news else { return Said { id, ..Said::default() } };
    Said { id, message: tail(event), call: Some(call_said(event, keys)) }
}

fn tail(event: &CallEvent) -> String {
    let event = Event::of_call(EventId::ZERO, event);
    let tail = Tail { event_type: &event.event_type, data: &event.data, timestamp: event.at.to_string() };
    // Texts and numbers always serialise.
    let object = serde_json::to_string(&tail).unwrap_or_default();
    object.strip_prefix('{').unwrap_or_default().to_owned()
}

fn call_said(event: &CallEvent, keys: &EventKeys) -> CallSaid {
    let is_new = event.kind == CallEventKind::CallQueued;
    let (state, is_over) = match event.status {
        RecordStatus::Queued if is_new => ("queued", false),
        RecordStatus::Queued => ("routing", false),
        RecordStatus::Ringing => ("connecting", false),
        RecordStatus::InProgress => ("connected", false),
        over => (over.as_str(), true),
    };
    let metadata = serde_json::json!({ "call_id": event.call_id, "duration": event.duration });
    CallSaid {
        key: keys.session(&event.session_token),
        state,
        is_over,
        start: if is_new { event.at.to_string() } else { String::new() },
        agent: event.agent_id.map(|id| id.to_string()).unwrap_or_default(),
        group: event.group_id.map(|id| id.to_string()).unwrap_or_default(),
        metadata: metadata.to_string(),
    }
}
