//! Publishing: by one server at a time, whose script does nothing once another has taken over.

use std::collections::hash_map::Entry;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use cxroute_core::authority::IngestScope;
use cxroute_core::call::{CallEvent, CallEventKind, RecordStatus, SessionToken};
use cxroute_core::id::{AgentId, CallId, GroupId};
use cxroute_core::port::{EventsError, News, Outgoing, Term};
use rustc_hash::FxHashMap;
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

/// The message of the channel, from behind the id on: an [`Event`](cxroute_core::port::Event) that is written as it is
/// made.
#[derive(Serialize)]
struct Tail<'a> {
    event_type: &'a str,
    data: Data<'a>,
    timestamp: String,
}

#[derive(Serialize)]
struct Data<'a> {
    agent_id: Option<AgentId>,
    call_id: CallId,
    duration: Option<u32>,
    group_id: Option<GroupId>,
    session_token: &'a SessionToken,
    status: &'a str,
}

/// What is said of a call in one field.
#[derive(Serialize)]
struct Rest {
    call_id: CallId,
    duration: Option<u32>,
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
            let events: Vec<Said> = chunk.iter().map(said).collect();
            let calls = calls_said(chunk, &room.keys);
            let publication = Publication {
                term,
                attempt: self.tries.fetch_add(1, Ordering::Relaxed) + 1,
                doubtful,
                events: &events,
                calls: &calls,
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

fn said(outgoing: &Outgoing) -> Said {
    let message = match &outgoing.news {
        News::Call(event) => tail(event),
        News::Gap => String::new(),
    };
    Said { id: outgoing.id.get(), message }
}

/// How calls stand after these events: a call is said once, as its last event left it.
fn calls_said(events: &[Outgoing], keys: &EventKeys) -> Vec<CallSaid> {
    let mut calls: Vec<CallSaid> = Vec::new();
    let mut places = FxHashMap::<&SessionToken, usize>::default();
    for outgoing in events {
        let News::Call(event) = &outgoing.news else { continue };
        let said = call_said(outgoing.id.get(), event, keys);
        match places.entry(&event.session_token) {
            Entry::Occupied(place) => {
                let before = &mut calls[*place.get()];
                let start = std::mem::take(&mut before.start);
                *before = CallSaid { start: if said.start.is_empty() { start } else { said.start }, ..said };
            }
            Entry::Vacant(place) => {
                place.insert(calls.len());
                calls.push(said);
            }
        }
    }
    calls
}

fn tail(event: &CallEvent) -> String {
    let data = Data {
        agent_id: event.agent_id,
        call_id: event.call_id,
        duration: event.duration,
        group_id: event.group_id,
        session_token: &event.session_token,
        status: event.status.as_str(),
    };
    let tail = Tail { event_type: event.kind.as_str(), data, timestamp: event.at.to_string() };
    // Texts and numbers always serialise.
    let object = serde_json::to_string(&tail).unwrap_or_default();
    object.strip_prefix('{').unwrap_or_default().to_owned()
}

fn call_said(id: u64, event: &CallEvent, keys: &EventKeys) -> CallSaid {
    let is_new = event.kind == CallEventKind::CallQueued;
    let (state, is_over) = match event.status {
        RecordStatus::Queued if is_new => ("queued", false),
        RecordStatus::Queued => ("routing", false),
        RecordStatus::Ringing => ("connecting", false),
        RecordStatus::InProgress => ("connected", false),
        over => (over.as_str(), true),
    };
    // Numbers always serialise.
    let rest = serde_json::to_string(&Rest { call_id: event.call_id, duration: event.duration });
    CallSaid {
        key: keys.session(&event.session_token),
        id,
        state,
        is_over,
        start: if is_new { event.at.to_string() } else { String::new() },
        agent: event.agent_id.map(|id| id.to_string()).unwrap_or_default(),
        group: event.group_id.map(|id| id.to_string()).unwrap_or_default(),
        metadata: rest.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use cxroute_core::port::{Event, EventId, OutboxId};
    use cxroute_core::time::Timestamp;

    use super::*;

    fn event(kind: CallEventKind, status: RecordStatus) -> CallEvent {
        CallEvent {
            kind,
            at: Timestamp::from_millis(1_767_571_200_123),
            call_id: CallId::new(20),
            session_token: SessionToken::new("a \"call\"").unwrap(),
            agent_id: Some(AgentId::new(7)),
            group_id: None,
            status,
            duration: Some(42),
        }
    }

    #[test]
    fn what_is_said_of_an_event_is_the_event_behind_its_id() {
        let event = event(CallEventKind::CallQueued, RecordStatus::Queued);
        let whole = serde_json::to_string(&Event::of_call(EventId::ZERO, &event)).unwrap();
        let (_, behind_id) = whole.split_once(',').unwrap();
        assert_eq!(tail(&event), behind_id);
    }

    #[test]
    fn a_call_is_said_once_as_its_last_event_left_it_and_when_it_began() {
        let statuses = [RecordStatus::Queued, RecordStatus::Ringing];
        let kinds = [CallEventKind::CallQueued, CallEventKind::CallStarted];
        let events: Vec<Outgoing> = (1..)
            .zip(kinds.into_iter().zip(statuses))
            .map(|(id, (kind, status))| Outgoing {
                id: OutboxId::new(id),
                tenant: cxroute_core::id::TenantId::new(5),
                news: News::Call(event(kind, status)),
            })
            .collect();
        #[expect(clippy::disallowed_methods, reason = "the test plays the host")]
        let scope = cxroute_core::authority::Operator::assume().ingest(cxroute_core::id::TenantId::new(5));
        let calls = calls_said(&events, &EventKeys::of(scope.read()));
        let said: Vec<_> = calls.iter().map(|call| (call.id, call.state, call.start.is_empty())).collect();
        assert_eq!(said, [(2, "connecting", false)]);
    }
}
