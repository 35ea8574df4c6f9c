//! The ledger: what a batch changes in the plane's books and in the rollups, in the order of its signals.
//!
//! The rows of both are few, and every call changes them. A store writes them with each batch ([`Ledger::books`],
//! [`Ledger::rollups`]), or keeps the ledger itself with the batch, an entry a tenant ([`Ledger::entries`]), and folds
//! the entries of many batches into the tables later ([`Ledger::add`]). Until then whoever reads the books applies what
//! the entries say ([`entry_deltas`]) to what the tables hold.

use std::collections::BTreeMap;

use cxroute_core::call::{Call, Figures, RollupDelta, RollupKind};
use cxroute_core::id::CallId;
use cxroute_core::port::StoreError;
use cxroute_core::strategy::LedgerDelta;
use serde::{Deserialize, Serialize};

use super::books::BookRows;
use crate::codec::{RowForm, document, to_document};

const WHAT: &str = "a ledger's entry";

/// What a batch, or several, change in books and rollups.
#[derive(Debug, Default)]
pub struct Ledger {
    tenants: BTreeMap<u64, Changes>,
    /// How far calls' ids are from their times of receipt.
    skews: BTreeMap<u64, i64>,
}

#[derive(Debug, Default)]
struct Changes {
    deltas: Vec<LedgerDelta>,
    /// Whose, and the quarter-hour.
    rollups: BTreeMap<(RollupKind, i64), Figures>,
}

/// A tenant's changes as they are kept.
#[derive(Serialize, Deserialize)]
struct Entry<D> {
    deltas: D,
    /// Whose, the quarter-hour, and its figures: calls, completed, busy, failed, no answer, completed seconds.
    rollups: Vec<(RollupKind, i64, [i64; 6])>,
}

#[derive(Serialize)]
struct RollupRow {
    tenant: u64,
    kind: &'static str,
    whose: u64,
    quarter: i64,
    slot: u16,
    calls: i64,
    completed: i64,
    busy: i64,
    failed: i64,
    no_answer: i64,
    completed_seconds: i64,
}

/// What one operation after the other changed, by an entry as it was kept.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn entry_deltas(entry: &str) -> Result<Vec<LedgerDelta>, StoreError> {
    document::<Entry<Vec<LedgerDelta>>>(entry, WHAT).map(|entry| entry.deltas)
}

impl Ledger {
    /// Adds what one committed operation of the plane changed.
    pub(super) fn apply(&mut self, tenant: u64, delta: &LedgerDelta) {
        self.tenants.entry(tenant).or_default().deltas.push(delta.clone());
    }

    /// Adds a change of a rollup to those of the same one.
    pub(super) fn rollup(&mut self, tenant: u64, delta: RollupDelta) {
        self.figures(tenant, (delta.kind, delta.quarter), delta.figures);
    }

    fn figures(&mut self, tenant: u64, of: (RollupKind, i64), figures: Figures) {
        *self.tenants.entry(tenant).or_default().rollups.entry(of).or_default() += figures;
    }

    /// Notes how far a new call's id is from its time of receipt: reading by time goes by ids, which are minted from
    /// it, and allows for this much.
    pub(super) fn note_id(&mut self, tenant: u64, call: &Call) {
        let millis = |id: CallId| (id.get() >> 11).cast_signed();
        let skew = (millis(call.id) - millis(CallId::mint(call.received_at, 0))).abs();
        if skew > 0 {
            let noted = self.skews.entry(tenant).or_default();
            *noted = skew.max(*noted);
        }
    }

    /// Whether nothing changes in books and rollups.
    pub fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }

    /// The entries to keep: `(tenant, entry)`, the latter a JSON document.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn entries<R: RowForm>(&self) -> Result<R, StoreError> {
        let mut rows = R::default();
        for (tenant, changes) in &self.tenants {
            let rollups = changes.rollups.iter();
            let rollups = rollups.map(|((kind, quarter), figures)| (*kind, *quarter, numbers(*figures)));
            let entry = Entry { deltas: &changes.deltas, rollups: rollups.collect() };
            rows.push(&(*tenant, to_document(&entry, WHAT)?))?;
        }
        Ok(rows)
    }

    /// Adds an entry as it was kept, behind those that were kept before it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn add(&mut self, tenant: u64, entry: &str) -> Result<(), StoreError> {
        let Entry { deltas, rollups } = document::<Entry<Vec<LedgerDelta>>>(entry, WHAT)?;
        self.tenants.entry(tenant).or_default().deltas.extend(deltas);
        for (kind, quarter, numbers) in rollups {
            self.figures(tenant, (kind, quarter), figures(numbers));
        }
        Ok(())
    }

    /// `plane_books`, the greater stays: `(tenant, seq, id_skew)`, `seq` 0; only of tenants whose calls' ids are not those
    /// of their milliseconds, which is rare.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn skews<R: RowForm>(&self) -> Result<R, StoreError> {
        let mut rows = R::default();
        for (tenant, skew) in &self.skews {
            rows.push(&(*tenant, 0, *skew))?;
        }
        Ok(rows)
    }

    /// What changes in the books.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn books(&self) -> Result<BookRows, StoreError> {
        let mut books = BookRows::default();
        for (tenant, skew) in &self.skews {
            books.note_skew(*tenant, *skew);
        }
        for (tenant, changes) in &self.tenants {
            for delta in &changes.deltas {
                books.apply(*tenant, delta)?;
            }
        }
        Ok(books)
    }

    /// `rollups` in one order for every server, figures to be added: `tenant`, `kind`, `whose`, `quarter`, the server's
    /// `slot`, `calls`, `completed`, `busy`, `failed`, `no_answer`, `completed_seconds`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn rollups<R: RowForm>(&self, slot: u16) -> Result<R, StoreError> {
        let mut rows = R::default();
        for (tenant, changes) in &self.tenants {
            for ((kind, quarter), figures) in &changes.rollups {
                rows.push(&rollup_row(*tenant, (*kind, *quarter), slot, *figures))?;
            }
        }
        Ok(rows)
    }
}

fn rollup_row(tenant: u64, (kind, quarter): (RollupKind, i64), slot: u16, figures: Figures) -> RollupRow {
    let (kind, whose) = match kind {
        RollupKind::Tenant => ("tenant", 0),
        RollupKind::Agent(agent) => ("agent", agent.get()),
        RollupKind::Group(group) => ("group", group.get()),
    };
    let [calls, completed, busy, failed, no_answer, completed_seconds] = numbers(figures);
    RollupRow {
        tenant,
        kind,
        whose,
        quarter,
        slot,
        calls,
        completed,
        busy,
        failed,
        no_answer,
        completed_seconds,
    }
}

const fn numbers(figures: Figures) -> [i64; 6] {
    let Figures { calls, completed, busy, failed, no_answer, completed_seconds } = figures;
    [calls, completed, busy, failed, no_answer, completed_seconds]
}

const fn figures([calls, completed, busy, failed, no_answer, completed_seconds]: [i64; 6]) -> Figures {
    Figures { calls, completed, busy, failed, no_answer, completed_seconds }
}

#[cfg(test)]
mod tests {
    use cxroute_core::id::{AgentId, GroupId};
    use cxroute_core::strategy::Counted;

    use super::*;
    use crate::codec::Rows;

    fn counted(seq: u64, agent: u64, step: i64) -> LedgerDelta {
        let (group, agent) = (GroupId::new(20), AgentId::new(agent));
        let counted = Counted { group, agent, step_millis: 900_000, step };
        LedgerDelta { seq, counted: Some(counted), ..LedgerDelta::default() }
    }

    fn rollup(kind: RollupKind, seconds: i64) -> RollupDelta {
        RollupDelta { kind, quarter: 7, figures: figures([1, 1, 0, -1, 0, seconds]) }
    }

    fn rows_of(ledger: &Ledger) -> [String; 4] {
        let books = ledger.books().unwrap();
        let rows: [Rows; 4] = [
            books.planes().unwrap(),
            books.counted().unwrap(),
            books.last().unwrap(),
            ledger.rollups(3).unwrap(),
        ];
        rows.map(Rows::into_json)
    }

    #[test]
    fn batches_that_are_folded_later_come_to_what_one_batch_does() {
        let deltas = [counted(1, 7, 100), counted(2, 8, 100), counted(3, 7, 101), counted(4, 7, 300)];
        let rollups = [RollupKind::Tenant, RollupKind::Agent(AgentId::new(7)), RollupKind::Tenant];
        let (mut whole, mut folded) = (Ledger::default(), Ledger::default());
        for tenant in [1, 2] {
            let mut batch = Ledger::default();
            for delta in &deltas[..2] {
                whole.apply(tenant, delta);
                batch.apply(tenant, delta);
            }
            let mut entries = vec![batch];
            let mut batch = Ledger::default();
            for delta in &deltas[2..] {
                whole.apply(tenant, delta);
                batch.apply(tenant, delta);
            }
            for (kind, seconds) in rollups.into_iter().zip(5..) {
                whole.rollup(tenant, rollup(kind, seconds));
                batch.rollup(tenant, rollup(kind, seconds));
            }
            entries.push(batch);
            for entry in entries {
                let kept: Rows = entry.entries().unwrap();
                let kept: Vec<(u64, String)> = serde_json::from_str(&kept.into_json()).unwrap();
                for (of, entry) in kept {
                    assert_eq!(of, tenant);
                    folded.add(of, &entry).unwrap();
                }
            }
        }
        assert_eq!(rows_of(&folded), rows_of(&whole));
        assert!(rows_of(&whole)[3].contains(r#""kind":"agent","whose":7,"quarter":7,"slot":3,"calls":1"#));
        assert!(
            rows_of(&whole)[1].contains("[1,20,7,900000,300,1,0]"),
            "the last step alone is in its window"
        );
    }

    #[test]
    fn an_entry_is_compact_and_one_that_is_none_is_an_error() {
        let mut ledger = Ledger::default();
        assert!(ledger.is_empty());
        ledger.apply(1, &counted(9, 7, 100));
        ledger.rollup(1, rollup(RollupKind::Group(GroupId::new(20)), 5));
        let kept: Rows = ledger.entries().unwrap();
        let kept: Vec<(u64, String)> = serde_json::from_str(&kept.into_json()).unwrap();
        let expected = r#"{"deltas":[{"seq":9,"counted":{"group":20,"agent":7,"step_millis":900000,"step":100},"turn":null}],"rollups":[[{"group":20},7,[1,1,0,-1,0,5]]]}"#;
        assert_eq!(kept, [(1, expected.to_owned())]);
        assert_eq!(entry_deltas(expected).unwrap(), [counted(9, 7, 100)]);
        for broken in ["", "[]", r#"{"deltas":[{}],"rollups":[]}"#] {
            assert!(matches!(entry_deltas(broken), Err(StoreError::Corrupt { .. })), "{broken}");
            assert!(matches!(ledger.add(1, broken), Err(StoreError::Corrupt { .. })), "{broken}");
        }
    }
}
