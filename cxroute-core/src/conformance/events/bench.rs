//! The bench that events are tried on: the adapter, and newsrooms of its tenants.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::{Broken, Checked, Guard, Subject, operator};
use crate::authority::IngestScope;
use crate::call::{CallEvent, CallEventKind, RecordStatus};
use crate::conformance::fixture::{seconds, token};
use crate::id::{AgentId, CallId, GroupId, TenantId};
use crate::port::{Event, EventId, Events, Heard, News, OutboxId, Outgoing, Since, Subscription, Term};

/// Who waits for so long hears nothing.
const SILENCE: Duration = Duration::from_millis(300);
/// Who listens hears within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// An adapter under test.
pub struct EventsBench {
    pub(super) events: Arc<dyn Events>,
    tenants: AtomicU64,
    _guard: Guard,
}

impl EventsBench {
    /// A bench for this adapter.
    pub fn of<E: Events + 'static>(subject: Subject<E>) -> Self {
        Self { events: subject.adapter, tenants: AtomicU64::new(1), _guard: subject.guard }
    }

    /// The newsroom of another tenant, whose publisher leads.
    pub(super) async fn newsroom(&self) -> Result<Newsroom, Broken> {
        let tenant = TenantId::new(self.tenants.fetch_add(1, Ordering::Relaxed));
        let leads = self.events.lead(&operator()).await?;
        let term = leads.ok_or_else(|| Broken::because("somebody else leads"))?;
        let scope = operator().ingest(tenant);
        Ok(Newsroom { events: Arc::clone(&self.events), scope, term, last: AtomicU64::new(0) })
    }
}

/// Holds an adapter that `make` gives against one law.
///
/// # Errors
/// The law does not hold.
pub fn hold<E, M, L>(make: impl FnOnce() -> M, law: impl FnOnce(EventsBench) -> L) -> Checked
where
    E: Events + 'static,
    M: Future<Output = Subject<E>>,
    L: Future<Output = Checked>,
{
    crate::conformance::hold(async { law(EventsBench::of(make().await)).await })
}

/// One tenant's events.
pub(super) struct Newsroom {
    pub(super) events: Arc<dyn Events>,
    pub(super) scope: IngestScope,
    pub(super) term: Term,
    last: AtomicU64,
}

impl Newsroom {
    /// What waits in the outbox next: an event of this call.
    pub(super) fn news(&self, call: &str) -> Outgoing {
        self.outgoing(News::Call(event(call)))
    }

    /// What waits in the outbox next: that some were given up.
    pub(super) fn gap(&self) -> Outgoing {
        self.outgoing(News::Gap)
    }

    fn outgoing(&self, news: News) -> Outgoing {
        let id = OutboxId::new(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        Outgoing { id, tenant: self.scope.tenant(), news }
    }

    /// Publishes an event of each call.
    pub(super) async fn publish(&self, calls: &[&str]) -> Checked {
        let waiting: Vec<Outgoing> = calls.iter().map(|call| self.news(call)).collect();
        Ok(self.events.publish(&self.scope, self.term, &waiting).await?)
    }

    /// Publishes more events than are kept: of `call 0`, `call 1` and so on.
    pub(super) async fn publish_too_many(&self) -> Checked {
        for batch in 0..20 {
            let waiting: Vec<Outgoing> =
                (0..100).map(|n| self.news(&format!("call {}", batch * 100 + n))).collect();
            self.events.publish(&self.scope, self.term, &waiting).await?;
        }
        Ok(())
    }

    pub(super) async fn listen(&self, since: Since) -> Result<Listener, Broken> {
        Ok(Listener(self.events.subscribe(self.scope.read(), since).await?))
    }
}

/// An event that names a call, with every field.
pub(super) fn event(call: &str) -> CallEvent {
    CallEvent {
        kind: CallEventKind::CallCompleted,
        at: seconds(7),
        call_id: CallId::new(17),
        session_token: token(call),
        agent_id: Some(AgentId::new(7)),
        group_id: Some(GroupId::new(20)),
        status: RecordStatus::Completed,
        duration: Some(42),
    }
}

/// Somebody who listens.
pub(super) struct Listener(pub(super) Box<dyn Subscription>);

impl Listener {
    /// What comes next.
    pub(super) async fn next(&mut self) -> Result<Heard, Broken> {
        let heard = tokio::time::timeout(PATIENCE, self.0.next()).await;
        heard.map_err(|_| Broken::because(format!("nothing was heard within {PATIENCE:?}")))
    }

    /// The event that comes next.
    pub(super) async fn event(&mut self) -> Result<Event, Broken> {
        match self.next().await? {
            Heard::Event(event) => Ok(event),
            Heard::Gap => Err(Broken::because("a gap was told where there is none")),
        }
    }

    /// The calls that the next events name.
    pub(super) async fn calls(&mut self, count: usize) -> Result<Vec<String>, Broken> {
        let mut calls = Vec::new();
        for _ in 0..count {
            calls.push(call_of(&self.event().await?));
        }
        Ok(calls)
    }

    /// Nothing comes for a while.
    pub(super) async fn silence(&mut self) -> Checked {
        match tokio::time::timeout(SILENCE, self.0.next()).await {
            Err(_) => Ok(()),
            Ok(heard) => Err(Broken::because(format!("expected nothing, heard {heard:?}"))),
        }
    }

    pub(super) fn position(&self) -> EventId {
        self.0.position()
    }
}

/// The call that an event names.
pub(super) fn call_of(event: &Event) -> String {
    event.data["session_token"].as_str().unwrap_or_default().to_owned()
}
