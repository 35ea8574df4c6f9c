//! The names of a tenant's keys. They are made from a scope only, and share a slot in a cluster: the tenant's id is
//! their hash tag.

use cxroute_core::authority::{IngestScope, ReadScope};
use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::id::GroupId;

/// One tenant's keys.
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// Those of the scope's tenant.
    pub(crate) fn of(scope: &IngestScope) -> Self {
        Self { prefix: format!("tenant:{{{}}}", scope.tenant()) }
    }

    /// Hash: epoch, Redis's run, version, number of the last entry, and what the snapshot stands for.
    pub(crate) fn plane(&self) -> String {
        format!("{}:plane", self.prefix)
    }

    /// Stream: the operations, in the order that they happened in.
    pub(crate) fn log(&self) -> String {
        format!("{}:plane:log", self.prefix)
    }

    /// List: the state that a replica starts from, in pieces.
    pub(crate) fn snapshot(&self) -> String {
        format!("{}:plane:snapshot", self.prefix)
    }

    /// Sorted set, for people: agents by their calls in the window.
    pub(crate) fn calls(&self, group: GroupId) -> String {
        format!("{}:group:{group}:load_balanced:calls", self.prefix)
    }

    /// Sorted set, for people: `time:agent`, by the time at which the step of the window began that the agent was chosen in.
    pub(crate) fn window(&self, group: GroupId) -> String {
        format!("{}:group:{group}:load_balanced:window", self.prefix)
    }

    /// String, for people: the agent that was chosen last.
    pub(crate) fn turn(&self, group: GroupId) -> String {
        format!("{}:group:{group}:round_robin:current", self.prefix)
    }

    /// String, for people: there while a choice is made and not durable.
    pub(crate) fn lock(&self, token: &SessionToken) -> String {
        format!("{}:routing:lock:{}", self.prefix, token.as_str())
    }

    /// String, for people: `processing` or `completed`.
    pub(crate) fn idempotent(&self, token: &SessionToken, key: EventKey) -> String {
        let (kind, token) = (key.kind.as_str(), token.as_str());
        format!("{}:webhook:idempotent:{kind}:{token}:{:032x}", self.prefix, key.hash)
    }

    /// List: a newer state, while `writer` writes it.
    pub(crate) fn newer_snapshot(&self, writer: &str) -> String {
        format!("{}:plane:snapshot:{writer}", self.prefix)
    }
}

/// The names of one tenant's events, and of what they say of calls.
pub(crate) struct EventKeys {
    prefix: String,
}

impl EventKeys {
    /// Those of the scope's tenant.
    pub(crate) fn of(scope: &ReadScope) -> Self {
        Self { prefix: format!("tenant:{{{}}}", scope.tenant()) }
    }

    /// Channel: every event as it happens.
    pub(crate) fn channel(&self) -> String {
        format!("{}:events", self.prefix)
    }

    /// Stream: the last events.
    pub(crate) fn stream(&self) -> String {
        format!("{}:events:stream", self.prefix)
    }

    /// Hash: epoch and number of the last event, Redis's run, the last publisher's term and try.
    pub(crate) fn head(&self) -> String {
        format!("{}:events:head", self.prefix)
    }

    /// Hash: how a call stands, for people.
    pub(crate) fn session(&self, token: &SessionToken) -> String {
        format!("{}:session:{}:state", self.prefix, token.as_str())
    }
}
