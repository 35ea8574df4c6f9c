//! The configuration's past: a line per aggregate that was saved or deleted, its secrets left out.

use cxroute_core::port::StoreError;
use serde::Serialize;

use super::diff::{Diff, Part};
use super::rows::Stamp;
use crate::codec::corrupt;

/// Fields that are sealed, or open a tenant's webhooks.
const SECRETS: [&str; 4] = ["service_value", "username", "password", "keys"];

#[derive(Serialize)]
pub(super) struct AuditRow {
    #[serde(flatten)]
    stamp: Stamp,
    revision: u64,
    kind: &'static str,
    id: u64,
    action: &'static str,
    document: Option<String>,
}

/// The lines of a commit.
pub(super) fn rows(diff: &Diff<'_>, stamp: Stamp, revision: u64) -> Vec<Result<AuditRow, StoreError>> {
    let mut lines = Lines { stamp, revision, rows: Vec::new() };
    if let Some(tenant) = diff.tenant {
        lines.saved("tenant", tenant.id.get(), tenant);
    }
    lines.part("pool", &diff.pools, |pool| pool.id.get());
    lines.part("agent", &diff.agents, |agent| agent.id.get());
    lines.part("group", &diff.groups, |group| group.id.get());
    lines.part("inbound_rule", &diff.inbound, |rule| rule.id.get());
    lines.part("outbound_rule", &diff.outbound, |rule| rule.id.get());
    lines.rows
}

struct Lines {
    stamp: Stamp,
    revision: u64,
    rows: Vec<Result<AuditRow, StoreError>>,
}

impl Lines {
    fn part<T: Serialize>(&mut self, kind: &'static str, part: &Part<'_, T>, id: impl Fn(&T) -> u64) {
        for item in &part.saved {
            self.saved(kind, id(item), *item);
        }
        for item in &part.deleted {
            let (stamp, revision) = (self.stamp, self.revision);
            let (id, action, document) = (id(item), "deleted", None);
            self.rows.push(Ok(AuditRow { stamp, revision, kind, id, action, document }));
        }
    }

    fn saved<T: Serialize>(&mut self, kind: &'static str, id: u64, item: &T) {
        let (stamp, revision) = (self.stamp, self.revision);
        self.rows.push(document(item).map(|document| {
            let (action, document) = ("saved", Some(document));
            AuditRow { stamp, revision, kind, id, action, document }
        }));
    }
}

/// An aggregate as JSON without its secrets.
fn document<T: Serialize>(item: &T) -> Result<String, StoreError> {
    let mut value = serde_json::to_value(item).map_err(|error| corrupt("config_audit", error))?;
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|field, _| !SECRETS.contains(&field.as_str()));
    }
    Ok(value.to_string())
}
