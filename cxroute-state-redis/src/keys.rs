//! The names of a tenant's keys. They are made from a scope only, and share a slot in a cluster: the tenant's id is
//! their hash tag.

use cxroute_core::authority::IngestScope;

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
