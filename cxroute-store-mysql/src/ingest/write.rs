//! Writing a batch: a statement a table, each with one JSON array of rows. Tables that only this batch's calls touch come
//! first; the rows that servers share (windows, seats, rollups) come last and in key order, so that they are locked
//! briefly and never in a circle.

use cxroute_store_sql::batch::BatchRows;
use cxroute_store_sql::codec::{Rows, key};
use sqlx::MySqlConnection;
use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;

use super::Failure;
use crate::sql::datetime;
use crate::store::Writer;

/// Calls, and what becomes of those that are there.
macro_rules! save_calls {
    ($on_duplicate:literal) => {
        concat!(
            "INSERT INTO call_records (tenant_id, id, session_token, direction, from_number, to_number, agent_id, group_id,
     status, state, reason, early, received_at, start_time, end_time, duration, session_ended, cdr, live_until,
     history_count, trace_count, created_at, updated_at)
     SELECT r.tenant, r.id, r.token, r.direction, r.from_number, r.to_number, r.agent, r.group_id, r.status, r.state,
     r.reason, r.early, r.received_at, ",
            datetime!("r.start_time"),
            ", ",
            datetime!("r.end_time"),
            ", r.duration, r.session_ended, r.cdr, r.live_until, r.history_count, r.trace_count, ",
            datetime!("r.received_at"),
            ", ",
            datetime!("r.updated_at"),
            " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     id BIGINT PATH '$.id' ERROR ON ERROR, token LONGTEXT CHARACTER SET utf8mb4 PATH '$.token' ERROR ON ERROR,
     direction LONGTEXT CHARACTER SET utf8mb4 PATH '$.direction' ERROR ON ERROR, from_number LONGTEXT CHARACTER SET utf8mb4 PATH '$.from' ERROR ON ERROR,
     to_number LONGTEXT CHARACTER SET utf8mb4 PATH '$.to' ERROR ON ERROR, agent BIGINT PATH '$.agent' ERROR ON ERROR,
     group_id BIGINT PATH '$.group' ERROR ON ERROR, status LONGTEXT CHARACTER SET utf8mb4 PATH '$.status' ERROR ON ERROR,
     state LONGTEXT CHARACTER SET utf8mb4 PATH '$.state' ERROR ON ERROR, reason LONGTEXT CHARACTER SET utf8mb4 PATH '$.reason' ERROR ON ERROR,
     early LONGTEXT CHARACTER SET utf8mb4 PATH '$.early' ERROR ON ERROR,
     received_at BIGINT PATH '$.received_at' ERROR ON ERROR, start_time BIGINT PATH '$.start_time' ERROR ON ERROR,
     end_time BIGINT PATH '$.end_time' ERROR ON ERROR, duration BIGINT PATH '$.duration' ERROR ON ERROR,
     session_ended BIGINT PATH '$.session_ended' ERROR ON ERROR, cdr LONGTEXT CHARACTER SET utf8mb4 PATH '$.cdr' ERROR ON ERROR,
     live_until BIGINT PATH '$.live_until' ERROR ON ERROR,
     history_count BIGINT PATH '$.history_count' ERROR ON ERROR,
     trace_count BIGINT PATH '$.trace_count' ERROR ON ERROR,
     updated_at BIGINT PATH '$.updated_at' ERROR ON ERROR)) r",
            $on_duplicate
        )
    };
}

/// A new call never takes another's place: two servers may have drawn one id.
const NEW_CALLS: &str = save_calls!("");

const CHANGED_CALLS: &str = save_calls!(
    "
     ON DUPLICATE KEY UPDATE direction = VALUES(direction), agent_id = VALUES(agent_id), group_id = VALUES(group_id),
     status = VALUES(status), state = VALUES(state), reason = VALUES(reason), early = VALUES(early), start_time = VALUES(start_time),
     end_time = VALUES(end_time), duration = VALUES(duration), session_ended = VALUES(session_ended), cdr = VALUES(cdr),
     history_count = VALUES(history_count), trace_count = VALUES(trace_count), updated_at = VALUES(updated_at)"
);

const SESSIONS: &str = "
INSERT INTO call_sessions (tenant_id, session_token, call_id)
SELECT r.tenant, r.token, r.call_id
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    token LONGTEXT CHARACTER SET utf8mb4 PATH '$.token' ERROR ON ERROR, call_id BIGINT PATH '$.call' ERROR ON ERROR)) r";

const ATTEMPTS: &str = "
INSERT INTO call_attempts (tenant_id, call_id, number, agent_id, group_id, membership_id, pool_id, dialled, probe,
    started_at, ended_at, outcome, word)
SELECT r.tenant, r.call_id, r.number, r.agent, r.group_id, r.membership, r.pool, r.dialled, r.probe, r.started_at,
    r.ended_at, r.outcome, r.word
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    call_id BIGINT PATH '$.call' ERROR ON ERROR, number BIGINT PATH '$.number' ERROR ON ERROR,
    agent BIGINT PATH '$.agent' ERROR ON ERROR, group_id BIGINT PATH '$.group' ERROR ON ERROR,
    membership BIGINT PATH '$.membership' ERROR ON ERROR, pool BIGINT PATH '$.pool' ERROR ON ERROR,
    dialled LONGTEXT CHARACTER SET utf8mb4 PATH '$.dialled' ERROR ON ERROR, probe BIGINT PATH '$.probe' ERROR ON ERROR,
    started_at BIGINT PATH '$.started_at' ERROR ON ERROR, ended_at BIGINT PATH '$.ended_at' ERROR ON ERROR,
    outcome LONGTEXT CHARACTER SET utf8mb4 PATH '$.outcome' ERROR ON ERROR, word LONGTEXT CHARACTER SET utf8mb4 PATH '$.word' ERROR ON ERROR)) r
ON DUPLICATE KEY UPDATE agent_id = VALUES(agent_id), group_id = VALUES(group_id), membership_id = VALUES(membership_id),
    pool_id = VALUES(pool_id), dialled = VALUES(dialled), probe = VALUES(probe), started_at = VALUES(started_at),
    ended_at = VALUES(ended_at), outcome = VALUES(outcome), word = VALUES(word)";

const HISTORY: &str = "
INSERT INTO call_history (tenant_id, call_id, seq, state, at, source, effect, detail)
SELECT r.tenant, r.call_id, r.seq, r.state, r.at, r.source, r.effect, r.detail
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    call_id BIGINT PATH '$.call' ERROR ON ERROR, seq BIGINT PATH '$.seq' ERROR ON ERROR,
    state LONGTEXT CHARACTER SET utf8mb4 PATH '$.state' ERROR ON ERROR, at BIGINT PATH '$.at' ERROR ON ERROR,
    source LONGTEXT CHARACTER SET utf8mb4 PATH '$.source' ERROR ON ERROR, effect LONGTEXT CHARACTER SET utf8mb4 PATH '$.effect' ERROR ON ERROR,
    detail LONGTEXT CHARACTER SET utf8mb4 PATH '$.detail' ERROR ON ERROR)) r";

const TRACES: &str = "
INSERT INTO call_traces (tenant_id, call_id, seq, trace)
SELECT r.tenant, r.call_id, r.seq, r.trace
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    call_id BIGINT PATH '$.call' ERROR ON ERROR, seq BIGINT PATH '$.seq' ERROR ON ERROR,
    trace LONGTEXT CHARACTER SET utf8mb4 PATH '$.trace' ERROR ON ERROR)) r";

const RECEIPTS: &str = "
INSERT INTO receipts (tenant_id, session_token, kind, hash, attempt, choice, answer, received_at)
SELECT r.tenant, r.token, r.kind, UNHEX(r.hash), r.attempt, r.choice, UNHEX(r.answer), r.at
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    token LONGTEXT CHARACTER SET utf8mb4 PATH '$.token' ERROR ON ERROR, kind LONGTEXT CHARACTER SET utf8mb4 PATH '$.kind' ERROR ON ERROR,
    hash LONGTEXT CHARACTER SET utf8mb4 PATH '$.hash' ERROR ON ERROR, attempt BIGINT PATH '$.attempt' ERROR ON ERROR,
    choice BIGINT PATH '$.choice' ERROR ON ERROR, answer LONGTEXT CHARACTER SET utf8mb4 PATH '$.answer' ERROR ON ERROR,
    at BIGINT PATH '$.at' ERROR ON ERROR)) r";

/// Takes the id before the first row's and the server's number, then the rows.
const AUDIT: &str = concat!(
    "INSERT INTO webhook_audit (tenant_id, id, server, event_type, session_token, payload, created_at)
     SELECT r.tenant, ? + r.n, ?, r.kind, r.token, r.payload, ",
    datetime!("r.at"),
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (n FOR ORDINALITY, tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     kind LONGTEXT CHARACTER SET utf8mb4 PATH '$.kind' ERROR ON ERROR, token LONGTEXT CHARACTER SET utf8mb4 PATH '$.token' ERROR ON ERROR,
     payload LONGTEXT CHARACTER SET utf8mb4 PATH '$.payload' ERROR ON ERROR, at BIGINT PATH '$.at' ERROR ON ERROR)) r"
);

const OUTBOX: &str = "
INSERT INTO outbox (tenant_id, event)
SELECT r.tenant, r.event
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    event LONGTEXT CHARACTER SET utf8mb4 PATH '$.event' ERROR ON ERROR)) r";

/// Takes the server's slot, then the rows.
const ROLLUPS: &str = "
INSERT INTO rollups (tenant_id, kind, ref_id, quarter, slot, calls, completed, busy, failed, no_answer, completed_seconds)
SELECT r.tenant, r.kind, r.whose, r.quarter, ?, r.calls, r.completed, r.busy, r.failed, r.no_answer, r.completed_seconds
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    kind LONGTEXT CHARACTER SET utf8mb4 PATH '$.kind' ERROR ON ERROR, whose BIGINT PATH '$.whose' ERROR ON ERROR,
    quarter BIGINT PATH '$.quarter' ERROR ON ERROR, calls BIGINT PATH '$.calls' ERROR ON ERROR,
    completed BIGINT PATH '$.completed' ERROR ON ERROR, busy BIGINT PATH '$.busy' ERROR ON ERROR,
    failed BIGINT PATH '$.failed' ERROR ON ERROR, no_answer BIGINT PATH '$.no_answer' ERROR ON ERROR,
    completed_seconds BIGINT PATH '$.completed_seconds' ERROR ON ERROR)) r
ON DUPLICATE KEY UPDATE calls = rollups.calls + VALUES(calls), completed = rollups.completed + VALUES(completed),
    busy = rollups.busy + VALUES(busy), failed = rollups.failed + VALUES(failed),
    no_answer = rollups.no_answer + VALUES(no_answer),
    completed_seconds = rollups.completed_seconds + VALUES(completed_seconds)";

/// What has left its window. A statement a group: MySQL would walk all steps of a group whose start it reads from JSON.
pub(crate) const GONE: &str = "DELETE s FROM group_window_steps s FORCE INDEX (group_window_steps_end)
    WHERE s.tenant_id = ? AND s.group_id = ? AND s.ends <= ?";

const PLANES: &str = "
INSERT INTO plane_books (tenant_id, seq, id_skew)
SELECT r.tenant, r.seq, r.skew
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR, seq BIGINT PATH '$[1]' ERROR ON ERROR,
    skew BIGINT PATH '$[2]' ERROR ON ERROR)) r
ON DUPLICATE KEY UPDATE seq = GREATEST(plane_books.seq, VALUES(seq)),
    id_skew = GREATEST(plane_books.id_skew, VALUES(id_skew))";

const COUNTED: &str = "
INSERT INTO group_window_steps (tenant_id, group_id, agent_id, step_millis, step, calls, virtual_calls)
SELECT r.tenant, r.group_id, r.agent, r.millis, r.step, r.calls, 0
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0][0]' ERROR ON ERROR,
    group_id BIGINT PATH '$[0][1]' ERROR ON ERROR, agent BIGINT PATH '$[0][2]' ERROR ON ERROR,
    millis BIGINT PATH '$[0][3]' ERROR ON ERROR, step BIGINT PATH '$[0][4]' ERROR ON ERROR,
    calls BIGINT PATH '$[1]' ERROR ON ERROR)) r
ON DUPLICATE KEY UPDATE calls = group_window_steps.calls + VALUES(calls)";

const LAST: &str = "
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq)
SELECT r.tenant, r.group_id, r.agent, r.seq, 0, 0, 0
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0][0]' ERROR ON ERROR,
    group_id BIGINT PATH '$[0][1]' ERROR ON ERROR, agent BIGINT PATH '$[0][2]' ERROR ON ERROR,
    seq BIGINT PATH '$[1]' ERROR ON ERROR)) r
ON DUPLICATE KEY UPDATE last_choice = GREATEST(group_seats.last_choice, VALUES(last_choice))";

const PRESENCE: &str = "
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq)
SELECT r.tenant, r.group_id, r.agent, 0, r.present, r.seq, 0
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    group_id BIGINT PATH '$.group' ERROR ON ERROR, agent BIGINT PATH '$.agent' ERROR ON ERROR,
    present BIGINT PATH '$.present' ERROR ON ERROR, seq BIGINT PATH '$.seq' ERROR ON ERROR)) r
ON DUPLICATE KEY UPDATE
    present = IF(VALUES(present_seq) >= group_seats.present_seq, VALUES(present), group_seats.present),
    present_seq = GREATEST(group_seats.present_seq, VALUES(present_seq))";

const TURNS: &str = "
INSERT INTO group_turns (tenant_id, group_id, level, priority, membership_id, seq)
SELECT r.tenant, r.group_id, r.level, r.priority, r.membership, r.seq
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    group_id BIGINT PATH '$.group' ERROR ON ERROR, level BIGINT PATH '$.level' ERROR ON ERROR,
    priority BIGINT PATH '$.priority' ERROR ON ERROR, membership BIGINT PATH '$.membership' ERROR ON ERROR,
    seq BIGINT PATH '$.seq' ERROR ON ERROR)) r
ON DUPLICATE KEY UPDATE priority = IF(VALUES(seq) >= group_turns.seq, VALUES(priority), group_turns.priority),
    membership_id = IF(VALUES(seq) >= group_turns.seq, VALUES(membership_id), group_turns.membership_id),
    seq = GREATEST(group_turns.seq, VALUES(seq))";

const HEALTH: &str = "
INSERT INTO agent_health (tenant_id, agent_id, health, seq)
SELECT r.tenant, r.agent, r.health, r.seq
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    agent BIGINT PATH '$.agent' ERROR ON ERROR, health LONGTEXT CHARACTER SET utf8mb4 PATH '$.health' ERROR ON ERROR,
    seq BIGINT PATH '$.seq' ERROR ON ERROR)) r
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

/// Writes a batch's rows in the open transaction.
pub(super) async fn write(
    connection: &mut MySqlConnection,
    writer: Writer,
    rows: BatchRows,
) -> Result<(), Failure> {
    let rollups = rows.rollups()?;
    let BatchRows {
        new_calls,
        changed_calls,
        sessions,
        attempts,
        history,
        traces,
        receipts,
        audit,
        outbox,
        books,
        ..
    } = rows;
    let mut pen = Pen { connection };
    // What may meet another server's row of the same key comes first: a race is lost before much is written.
    pen.rows(SESSIONS, sessions).await?;
    pen.rows(RECEIPTS, receipts).await?;
    pen.rows(NEW_CALLS, new_calls).await?;
    pen.rows(CHANGED_CALLS, changed_calls).await?;
    pen.rows(ATTEMPTS, attempts).await?;
    pen.rows(HISTORY, history).await?;
    pen.rows(TRACES, traces).await?;
    let Writer { server, audit_id } = writer;
    pen.rows_of(sqlx::query(AUDIT).bind(audit_id).bind(server), audit).await?;
    pen.rows(OUTBOX, outbox).await?;
    if !books.is_empty() {
        for (tenant, group, start) in books.each_window() {
            pen.run(sqlx::query(GONE).bind(key(tenant)).bind(key(group)).bind(start)).await?;
        }
        pen.rows(PLANES, books.planes()?).await?;
        pen.rows(COUNTED, books.counted()?).await?;
        pen.rows(LAST, books.last()?).await?;
        let (joins, virtual_calls) = (books.joins()?, books.virtual_calls()?);
        pen.rows(PRESENCE, books.presence).await?;
        pen.rows(TURNS, books.turns).await?;
        pen.rows(HEALTH, books.health).await?;
        if !joins.is_empty() {
            let joins = joins.into_json();
            pen.run(sqlx::query(JOINED).bind(joins.clone())).await?;
            pen.run(sqlx::query(JOINED_CLEAR).bind(joins)).await?;
            pen.rows(JOINED_STEPS, virtual_calls).await?;
        }
    }
    pen.rows_of(sqlx::query(ROLLUPS).bind(server % 16), rollups).await
}

struct Pen<'c> {
    connection: &'c mut MySqlConnection,
}

type Statement<'q> = Query<'q, sqlx::MySql, MySqlArguments>;

impl Pen<'_> {
    /// A statement whose only parameter are its rows; none without any.
    async fn rows(&mut self, sql: &'static str, rows: Rows) -> Result<(), Failure> {
        self.rows_of(sqlx::query(sql), rows).await
    }

    /// A statement whose last parameter are its rows; none without any.
    async fn rows_of(&mut self, statement: Statement<'_>, rows: Rows) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        self.run(statement.bind(rows.into_json())).await
    }

    async fn run(&mut self, statement: Statement<'_>) -> Result<(), Failure> {
        let done = statement.execute(&mut *self.connection).await;
        done.map(drop).map_err(|error| Failure::of(error, "a signal"))
    }
}
