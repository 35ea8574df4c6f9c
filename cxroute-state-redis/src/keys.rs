//! The names of a tenant's keys. They are made from a scope only, and share a slot in a cluster: the tenant's id is
//! their hash tag.

use cxroute_core::authority::{IngestScope, ReadScope};

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

    /// String: the state that a replica starts from.
    pub(crate) fn snapshot(&self) -> String {
        format!("{}:plane:snapshot", self.prefix)
    }

    /// String: a newer state, while `writer` writes it.
    pub(crate) fn newer_snapshot(&self, writer: &str) -> String {
        format!("{}:plane:snapshot:{writer}", self.prefix)
    }
}

/// The names of one tenant's events.
pub(crate) struct EventKeys {
    prefix: String,
}

impl EventKeys {
    /// Those of the scope's tenant.
    pub(crate) fn of(scope: &ReadScope) -> Self {
        Self { prefix: format!("tenant:{{{}}}:events", scope.tenant()) }
    }

    /// Channel: every event as it happens.
    pub(crate) fn channel(&self) -> String {
        self.prefix.clone()
    }

    /// Stream: the last events.
    pub(crate) fn stream(&self) -> String {
        format!("{}:stream", self.prefix)
    }

    /// Hash: epoch and number of the last event, Redis's run, the last publisher's term and try.
    pub(crate) fn head(&self) -> String {
        format!("{}:head", self.prefix)
    }
}
