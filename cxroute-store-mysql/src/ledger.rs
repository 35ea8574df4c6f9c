//! Folding the ledger: what batches have left there goes into the tables of books and rollups, the entries of many batches
//! in one transaction.
//!
//! A server folds once it has left some entries, in a task beside the batches, and with its upkeep whatever there is.
//! Several may fold at once: entries that another one has locked are passed over, and the rows that they share are
//! changed in key order. Books are right in any order of entries (core's laws of the books), and whoever reads them
//! meanwhile finds each operation either in the tables or in the ledger, since a fold is one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cxroute_core::port::StoreError;
use cxroute_store_sql::batch::Ledger;
use cxroute_store_sql::codec::{RowForm as _, Rows, key, number, to_document};
use sqlx::{MySqlConnection, MySqlPool};

use crate::error::{Fault, Kind, TRIES};
use crate::ingest::write::{GREATER, PLANES};
use crate::literal::Values;
use crate::packet::{Bound, Packet};

const WHAT: &str = "the ledger";

/// The most entries in one transaction.
const MOST: i64 = 256;

/// The oldest entries that nobody else folds. Takes the limit.
pub(crate) const OLDEST: &str =
    "SELECT id, tenant_id, entry FROM ledger WHERE id > 0 ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED";

/// Takes ids.
pub(crate) const FOLDED: &str = "
DELETE l FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$' ERROR ON ERROR)) k
STRAIGHT_JOIN ledger l ON l.id = k.id";

const ROLLUPS: &str = "
INSERT INTO rollups (tenant_id, kind, ref_id, quarter, slot, calls, completed, busy, failed, no_answer, completed_seconds)
VALUES ";
const ROLLED_UP: &str = "
ON DUPLICATE KEY UPDATE calls = rollups.calls + VALUES(calls), completed = rollups.completed + VALUES(completed),
    busy = rollups.busy + VALUES(busy), failed = rollups.failed + VALUES(failed),
    no_answer = rollups.no_answer + VALUES(no_answer),
    completed_seconds = rollups.completed_seconds + VALUES(completed_seconds)";

/// What has left its window. A statement a group: MySQL would walk all steps of a group whose start it reads from JSON.
pub(crate) const GONE: &str = "DELETE s FROM group_window_steps s FORCE INDEX (group_window_steps_end)
    WHERE s.tenant_id = ? AND s.group_id = ? AND s.ends <= ?";

const COUNTED: &str = "
INSERT INTO group_window_steps (tenant_id, group_id, agent_id, step_millis, step, calls, virtual_calls) VALUES ";
const ADDED: &str = " ON DUPLICATE KEY UPDATE calls = group_window_steps.calls + VALUES(calls)";

const SEATS: &str = "
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq) VALUES ";
const LATER: &str =
    " ON DUPLICATE KEY UPDATE last_choice = GREATEST(group_seats.last_choice, VALUES(last_choice))";

const PRESENT: &str = "
ON DUPLICATE KEY UPDATE
    present = IF(VALUES(present_seq) >= group_seats.present_seq, VALUES(present), group_seats.present),
    present_seq = GREATEST(group_seats.present_seq, VALUES(present_seq))";

const TURNS: &str =
    "INSERT INTO group_turns (tenant_id, group_id, level, priority, membership_id, seq) VALUES ";
const TURNED: &str = "
ON DUPLICATE KEY UPDATE priority = IF(VALUES(seq) >= group_turns.seq, VALUES(priority), group_turns.priority),
    membership_id = IF(VALUES(seq) >= group_turns.seq, VALUES(membership_id), group_turns.membership_id),
    seq = GREATEST(group_turns.seq, VALUES(seq))";

const HEALTH: &str = "INSERT INTO agent_health (tenant_id, agent_id, health, seq) VALUES ";
const HEALED: &str = "
ON DUPLICATE KEY UPDATE health = IF(VALUES(seq) >= agent_health.seq, VALUES(health), agent_health.health),
    seq = GREATEST(agent_health.seq, VALUES(seq))";

/// Joins: the newest one of an agent replaces its virtual calls in every step.
const JOINED: &str = "
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq)
SELECT r.tenant, r.group_id, r.agent, 0, 0, 0, r.seq
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0][0]' ERROR ON ERROR,
    group_id BIGINT PATH '$[0][1]' ERROR ON ERROR, agent BIGINT PATH '$[0][2]' ERROR ON ERROR,
    seq BIGINT PATH '$[1]' ERROR ON ERROR)) r
ON DUPLICATE KEY UPDATE joined_seq = GREATEST(group_seats.joined_seq, VALUES(joined_seq))";

pub(crate) const JOINED_CLEAR: &str = "
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0][0]' ERROR ON ERROR,
    group_id BIGINT PATH '$[0][1]' ERROR ON ERROR, agent BIGINT PATH '$[0][2]' ERROR ON ERROR,
    seq BIGINT PATH '$[1]' ERROR ON ERROR)) k
STRAIGHT_JOIN group_seats s ON s.tenant_id = k.tenant AND s.group_id = k.group_id AND s.agent_id = k.agent
    AND s.joined_seq = k.seq
STRAIGHT_JOIN group_window_steps w ON w.tenant_id = s.tenant_id AND w.group_id = s.group_id AND w.agent_id = s.agent_id
SET w.virtual_calls = 0 WHERE w.virtual_calls <> 0";

pub(crate) const JOINED_STEPS: &str = "
INSERT INTO group_window_steps (tenant_id, group_id, agent_id, step_millis, step, calls, virtual_calls)
SELECT s.tenant_id, s.group_id, s.agent_id, k.millis, k.step, 0, k.calls
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0][0]' ERROR ON ERROR,
    group_id BIGINT PATH '$[0][1]' ERROR ON ERROR, agent BIGINT PATH '$[0][2]' ERROR ON ERROR,
    seq BIGINT PATH '$[1]' ERROR ON ERROR, millis BIGINT PATH '$[2]' ERROR ON ERROR,
    step BIGINT PATH '$[3]' ERROR ON ERROR, calls BIGINT PATH '$[4]' ERROR ON ERROR)) k
STRAIGHT_JOIN group_seats s ON s.tenant_id = k.tenant AND s.group_id = k.group_id AND s.agent_id = k.agent
    AND s.joined_seq = k.seq
ON DUPLICATE KEY UPDATE virtual_calls = VALUES(virtual_calls)";

/// Who folds a server's entries.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    writer: MySqlPool,
    /// The slot of the rollups that this server adds to.
    slot: u16,
    /// After so many batches it folds.
    after: u32,
    /// Batches that this server has committed since it last began to fold.
    batches: Arc<AtomicU32>,
    /// Whoever folds, here.
    folding: Arc<tokio::sync::Mutex<()>>,
}

impl Folder {
    pub(crate) fn new(writer: MySqlPool, slot: u16, after: u32) -> Self {
        Self { writer, slot, after, batches: Arc::default(), folding: Arc::default() }
    }

    /// Counts a batch. Once they are many, a task begins to fold what they left.
    pub(crate) fn batch_committed(&self) {
        if self.batches.fetch_add(1, Ordering::Relaxed) + 1 >= self.after {
            self.batches.store(0, Ordering::Relaxed);
            let folder = self.clone();
            tokio::spawn(async move {
                // What whoever folds already has not seen is left to the next one. What cannot be folded is read as it is,
                // and tried again with the upkeep, which tells of its errors.
                if let Ok(_folding) = folder.folding.try_lock() {
                    let _folded = folder.fold_some().await;
                }
            });
        }
    }

    /// Folds what there is.
    pub(crate) async fn fold(&self) -> Result<(), StoreError> {
        let _folding = self.folding.lock().await;
        let mut tries = 0;
        loop {
            match self.fold_some().await {
                Ok(More::Yes) => tries = 0,
                Ok(More::No) => return Ok(()),
                Err(fault) if fault.kind == Kind::Raced && tries < TRIES => tries += 1,
                Err(fault) => return Err(fault.into_store(WHAT)),
            }
        }
    }

    /// Folds the oldest entries.
    async fn fold_some(&self) -> Result<More, Fault> {
        let mut transaction = self.writer.begin().await?;
        let entries: Vec<(i64, i64, String)> =
            sqlx::query_as(OLDEST).bind(MOST).fetch_all(&mut *transaction).await?;
        if entries.is_empty() {
            return Ok(More::No);
        }
        let ledger = read(&entries).map_err(Fault::of_row)?;
        self.write(&mut transaction, &ledger).await?;
        let ids: Vec<i64> = entries.iter().map(|entry| entry.0).collect();
        let ids = to_document(&ids, WHAT).map_err(Fault::of_row)?;
        sqlx::query(FOLDED).bind(ids).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(if entries.len() < MOST as usize { More::No } else { More::Yes })
    }

    /// Writes what entries say, the rows of a table in key order.
    async fn write(&self, connection: &mut MySqlConnection, ledger: &Ledger) -> Result<(), Fault> {
        let tables = Tables::of(ledger, self.slot).map_err(Fault::of_row)?;
        let mut packet = Packet::new(connection);
        for (tenant, group, start) in tables.windows {
            packet.statement(GONE, &[key(tenant), key(group), start].map(Bound::Number));
        }
        for (into, rows, rest) in &tables.rows {
            packet.insert(into, rows, rest).await?;
        }
        if let Some((joins, virtual_calls)) = tables.joins {
            packet.statement(JOINED, &[Bound::Text(&joins)]);
            packet.statement(JOINED_CLEAR, &[Bound::Text(&joins)]);
            packet.rows(JOINED_STEPS, virtual_calls);
        }
        packet.send().await?;
        Ok(())
    }
}

/// Whether there may be more entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

/// What entries come to, as statements take it.
struct Tables {
    windows: Vec<(u64, u64, i64)>,
    /// A statement up to its rows, the rows, and the rest of it.
    rows: [(&'static str, Values, &'static str); 7],
    /// Joins, and the virtual calls that they give.
    joins: Option<(String, Rows)>,
}

impl Tables {
    fn of(ledger: &Ledger, slot: u16) -> Result<Self, StoreError> {
        let books = ledger.books()?;
        let rows = [
            (PLANES, books.planes()?, GREATER),
            (COUNTED, books.counted()?, ADDED),
            (SEATS, books.last()?, LATER),
            (SEATS, books.presence()?, PRESENT),
            (TURNS, books.turns()?, TURNED),
            (HEALTH, books.health()?, HEALED),
            (ROLLUPS, ledger.rollups(slot)?, ROLLED_UP),
        ];
        let joins = books.joins()?;
        let joins = if joins.is_empty() { None } else { Some((joins.into_json(), books.virtual_calls()?)) };
        Ok(Self { windows: books.each_window().collect(), rows, joins })
    }
}

fn read(entries: &[(i64, i64, String)]) -> Result<Ledger, StoreError> {
    let mut ledger = Ledger::default();
    for (_, tenant, entry) in entries {
        ledger.add(number(*tenant, WHAT)?, entry)?;
    }
    Ok(ledger)
}
