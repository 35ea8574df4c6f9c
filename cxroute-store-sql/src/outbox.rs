//! The outbox: rows from what happened, from rows to what waits to be published, and what goes when nobody publishes it.
//!
//! A row has the events of a batch, up to 60 of a tenant: with one row an event, the outbox would be the dearest part
//! of a call. An event's id is its row's and its place in it; of a row that was published in part, `told` has a bit for each
//! event that was.

use std::collections::BTreeMap;

use cxroute_core::call::CallEvent;
use cxroute_core::id::TenantId;
use cxroute_core::port::{News, OutboxId, Outgoing, StoreError};
use serde::Serialize;

use crate::codec::{RowForm, corrupt, document, key, number, to_document};

const OUTBOX: &str = "outbox";

/// The most events in a row: their bits are a positive number in every database.
const MOST: u64 = 60;
/// Places in a row, as ids count them.
const PLACES: u64 = 64;

/// What stands in a row's column `events` in the place of events that were given up.
pub const GAP: &str = "\"gap\"";

/// A row as it is read: id, tenant, events, how many they are, which were told.
pub type OutboxColumns = (i64, i64, String, i64, i64);

/// The rows of a batch.
#[derive(Debug, Default)]
pub struct OutboxRows<R> {
    open: BTreeMap<u64, (String, u64)>,
    full: R,
}

#[derive(Serialize)]
struct OutboxRow {
    tenant: u64,
    events: String,
    size: u64,
}

impl<R: RowForm> OutboxRows<R> {
    /// Adds an event.
    pub(crate) fn push(&mut self, tenant: u64, event: &CallEvent) -> Result<(), StoreError> {
        let (events, size) = self.open.entry(tenant).or_default();
        events.push(if *size == 0 { '[' } else { ',' });
        events.push_str(&to_document(event, OUTBOX)?);
        *size += 1;
        if *size == MOST { self.close(tenant) } else { Ok(()) }
    }

    fn close(&mut self, tenant: u64) -> Result<(), StoreError> {
        let Some((events, size)) = self.open.remove(&tenant) else { return Ok(()) };
        self.full.push(&OutboxRow { tenant, events: events + "]", size })
    }

    /// The rows: `tenant`, `events`, `size`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_rows(mut self) -> Result<R, StoreError> {
        while let Some(tenant) = self.open.keys().next().copied() {
            self.close(tenant)?;
        }
        Ok(self.full)
    }
}

/// What waits in a row. What cannot be read is told as a gap: it must not keep the others waiting.
///
/// # Errors
/// [`StoreError::Corrupt`] if a number is none.
fn outgoing((id, tenant, events, _, told): OutboxColumns) -> Result<Vec<Outgoing>, StoreError> {
    let (row, told): (u64, u64) = (number(id, OUTBOX)?, number(told, OUTBOX)?);
    let first = row.checked_mul(PLACES).ok_or_else(|| corrupt(OUTBOX, "a number is out of its range"))?;
    let tenant = TenantId::new(number(tenant, OUTBOX)?);
    let events = document::<Vec<CallEvent>>(&events, OUTBOX);
    let news = events.map_or_else(|_| vec![News::Gap], |events| events.into_iter().map(News::Call).collect());
    let waiting = news.into_iter().zip(0..PLACES).filter(|(_, place)| told & (1 << place) == 0);
    Ok(waiting.map(|(news, place)| Outgoing { id: OutboxId::new(first + place), tenant, news }).collect())
}

/// What waits in the oldest rows: at most `limit` events, in order.
///
/// # Errors
/// [`StoreError::Corrupt`] if a number is none.
pub fn waiting(rows: Vec<OutboxColumns>, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut waiting = Vec::new();
    for row in rows {
        if waiting.len() >= limit {
            break;
        }
        waiting.extend(outgoing(row)?);
    }
    waiting.truncate(limit);
    Ok(waiting)
}

/// Events that were told, as statements take them: a JSON array of a row's id and the bits of its events.
pub fn told(ids: &[OutboxId]) -> String {
    let mut rows: BTreeMap<u64, u64> = BTreeMap::new();
    for id in ids {
        *rows.entry(id.get() / PLACES).or_default() |= 1 << (id.get() % PLACES);
    }
    let rows = rows.into_iter().filter(|(_, bits)| *bits < 1 << MOST);
    let rows: Vec<String> = rows.map(|(row, bits)| format!("[{},{bits}]", key(row))).collect();
    format!("[{}]", rows.join(","))
}

/// A row that may be given up: id, tenant, how many events.
pub type SurplusColumns = (i64, i64, i64);

/// The oldest of these rows, which are in order of id, that can go with at least `most` of all `waiting` events left.
pub fn beyond(rows: Vec<SurplusColumns>, waiting: i64, most: i64) -> Vec<SurplusColumns> {
    let mut left = waiting;
    rows.into_iter()
        .take_while(|(.., size)| {
            left -= size;
            left >= most
        })
        .collect()
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

/// What becomes of these rows, which are in order of id; `None` if there is none.
pub fn give_up(rows: &[SurplusColumns]) -> Option<GivenUp> {
    let last: BTreeMap<i64, i64> = rows.iter().map(|(id, tenant, _)| (*tenant, *id)).collect();
    let gone = rows.iter().filter(|(id, tenant, _)| last.get(tenant) != Some(id)).map(|(id, ..)| *id);
    let merged = last.iter().map(|(tenant, id)| format!("[{tenant},{id}]")).collect::<Vec<_>>();
    (!rows.is_empty()).then(|| GivenUp {
        marked: json(last.values().copied()),
        gone: json(gone),
        merged: format!("[{}]", merged.join(",")),
        events: rows.iter().map(|(.., size)| size.unsigned_abs()).sum(),
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
        let given_up = give_up(&[(1, 5, 1), (2, 6, 3), (3, 5, 60), (4, 5, 2)]).unwrap();
        assert_eq!((&*given_up.marked, &*given_up.gone), ("[4,2]", "[1,3]"));
        assert_eq!((&*given_up.merged, given_up.events), ("[[5,4],[6,2]]", 66));
    }

    #[test]
    fn rows_are_given_up_only_while_enough_events_are_left() {
        let rows = vec![(1, 5, 10), (2, 5, 10), (3, 5, 10)];
        assert_eq!(beyond(rows.clone(), 35, 15), rows[..2]);
        assert_eq!(beyond(rows.clone(), 35, 16), rows[..1]);
        assert_eq!(beyond(rows, 35, 35), []);
    }

    #[test]
    fn what_cannot_be_read_is_told_as_a_gap() {
        for events in [GAP, "{}", "[{}]", "not even JSON"] {
            let outgoing = outgoing((7, 5, events.to_owned(), 1, 0)).unwrap();
            assert_eq!((outgoing.len(), outgoing[0].id.get(), outgoing[0].tenant.get()), (1, 7 * 64, 5));
            assert_eq!(outgoing[0].news, News::Gap);
        }
    }

    #[test]
    fn what_was_told_of_a_row_is_its_bits() {
        let id = |row: u64, place: u64| OutboxId::new(row * PLACES + place);
        assert_eq!(told(&[id(7, 0), id(9, 59), id(7, 2), id(7, 0)]), format!("[[7,5],[9,{}]]", 1_u64 << 59));
        assert_eq!(told(&[]), "[]");
        assert_eq!(told(&[id(3, 63)]), "[]", "no event of any row");
    }
}
