//! The outbox: rows to what waits to be published, and what goes when nobody publishes it.

use std::collections::BTreeMap;

use cxroute_core::call::CallEvent;
use cxroute_core::id::TenantId;
use cxroute_core::port::{News, OutboxId, Outgoing, StoreError};

use crate::codec::{document, key, number};

const OUTBOX: &str = "outbox";

/// What stands in a row's column `event` in the place of events that were given up.
pub const GAP: &str = "\"gap\"";

/// A row: id, tenant, event.
pub type OutboxColumns = (i64, i64, String);

/// What waits in a row. What cannot be read is told as a gap: it must not keep the others waiting.
///
/// # Errors
/// [`StoreError::Corrupt`] if a number is none.
pub fn outgoing((id, tenant, event): OutboxColumns) -> Result<Outgoing, StoreError> {
    let news = document::<CallEvent>(&event, OUTBOX).map_or(News::Gap, News::Call);
    let tenant = TenantId::new(number(tenant, OUTBOX)?);
    Ok(Outgoing { id: OutboxId::new(number(id, OUTBOX)?), tenant, news })
}

/// Ids as statements take them: a JSON array.
pub fn ids(ids: &[OutboxId]) -> String {
    json(ids.iter().map(|id| key(id.get())))
}

/// What becomes of rows that are too many: per tenant the last one tells the gap, the others go.
#[derive(Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Rows that now say [`GAP`]: a JSON array of ids.
    pub marked: String,
    /// Rows that go: a JSON array of ids.
    pub gone: String,
    /// Per tenant, what said [`GAP`] before this row goes too: a JSON array of `[tenant, id]`.
    pub merged: String,
    /// How many events are given up.
    pub events: u64,
}

/// What becomes of these rows (id, tenant), in order of id; `None` if there is none.
pub fn give_up(rows: &[(i64, i64)]) -> Option<GivenUp> {
    let last: BTreeMap<i64, i64> = rows.iter().map(|(id, tenant)| (*tenant, *id)).collect();
    let gone = rows.iter().filter(|(id, tenant)| last.get(tenant) != Some(id)).map(|(id, _)| *id);
    let merged = last.iter().map(|(tenant, id)| format!("[{tenant},{id}]")).collect::<Vec<_>>();
    (!rows.is_empty()).then(|| GivenUp {
        marked: json(last.values().copied()),
        gone: json(gone),
        merged: format!("[{}]", merged.join(",")),
        events: rows.len() as u64,
    })
}

fn json(ids: impl Iterator<Item = i64>) -> String {
    format!("[{}]", ids.map(|id| id.to_string()).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_rows_that_are_too_many_the_last_of_each_tenant_tells_the_gap() {
        assert_eq!(give_up(&[]), None);
        let given_up = give_up(&[(1, 5), (2, 6), (3, 5), (4, 5)]).unwrap();
        assert_eq!((&*given_up.marked, &*given_up.gone), ("[4,2]", "[1,3]"));
        assert_eq!((&*given_up.merged, given_up.events), ("[[5,4],[6,2]]", 4));
    }

    #[test]
    fn what_cannot_be_read_is_told_as_a_gap() {
        for event in [GAP, "{}", "not even JSON"] {
            let outgoing = outgoing((7, 5, event.to_owned())).unwrap();
            assert_eq!((outgoing.id.get(), outgoing.tenant.get(), outgoing.news), (7, 5, News::Gap));
        }
    }
}
