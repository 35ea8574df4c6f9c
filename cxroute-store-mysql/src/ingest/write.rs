//! Writing a batch: a statement a table. Tables that only this batch's calls touch come first, with their rows as literals;
//! the few rows that servers share (windows, seats, rollups) come last and in key order, so that they are locked briefly
//! and never in a circle.

use cxroute_store_sql::batch::BatchRows;
use cxroute_store_sql::codec::{RowForm as _, key};

use super::Failure;
use crate::literal::Values;
use crate::packet::{Bound, Packet};

/// A new call never takes another's place: two servers may have drawn one id.
const NEW_CALLS: &str = "
INSERT INTO call_records (tenant_id, id, session_token, direction, from_number, to_number, agent_id, group_id, status, state,
    reason, early, attempts, received_at, start_time, end_time, duration, session_ended, cdr, live_until, step_count,
    created_at, updated_at) VALUES ";

const CHANGED: &str = "
ON DUPLICATE KEY UPDATE direction = VALUES(direction), agent_id = VALUES(agent_id), group_id = VALUES(group_id),
    status = VALUES(status), state = VALUES(state), reason = VALUES(reason), early = VALUES(early),
    attempts = VALUES(attempts), start_time = VALUES(start_time), end_time = VALUES(end_time), duration = VALUES(duration),
    session_ended = VALUES(session_ended), cdr = VALUES(cdr), step_count = VALUES(step_count),
    updated_at = VALUES(updated_at)";

const SESSIONS: &str = "INSERT INTO call_sessions (tenant_id, session_token, call_id) VALUES ";

const RECEIPTS: &str = "
INSERT INTO receipts (tenant_id, session_token, kind, hash, attempt, choice, answer, received_at) VALUES ";

const AUDIT: &str = "
INSERT INTO webhook_audit (tenant_id, id, server, event_type, session_token, payload, created_at, call_id, step, history,
    trace) VALUES ";

const OUTBOX: &str = "
INSERT INTO outbox (tenant_id, events, size)
SELECT r.tenant, r.events, r.size
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
    events LONGTEXT CHARACTER SET utf8mb4 PATH '$.events' ERROR ON ERROR, size BIGINT PATH '$.size' ERROR ON ERROR)) r";

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

/// Adds a batch's rows to the text of the open transaction.
pub(super) async fn write(
    packet: &mut Packet<'_>,
    server: u16,
    rows: BatchRows<Values>,
) -> Result<(), Failure> {
    let failed = |error: sqlx::Error| Failure::of(error, "a signal");
    let rollups = rows.rollups()?;
    let BatchRows { new_calls, changed_calls, sessions, receipts, audit, outbox, books, .. } = rows;
    // What may meet another server's row of the same key comes first: a race is lost before much is written.
    for (insert, rows, rest) in [
        (SESSIONS, sessions, ""),
        (RECEIPTS, receipts, ""),
        (NEW_CALLS, new_calls, ""),
        (NEW_CALLS, changed_calls, CHANGED),
        (AUDIT, audit, ""),
    ] {
        packet.insert(insert, &rows, rest).await.map_err(failed)?;
    }
    packet.rows(OUTBOX, outbox.into_rows()?);
    if !books.is_empty() {
        for (tenant, group, start) in books.each_window() {
            packet.statement(GONE, &[key(tenant), key(group), start].map(Bound::Number));
        }
        packet.rows(PLANES, books.planes()?);
        packet.rows(COUNTED, books.counted()?);
        packet.rows(LAST, books.last()?);
        let (joins, virtual_calls) = (books.joins()?, books.virtual_calls()?);
        packet.rows(PRESENCE, books.presence);
        packet.rows(TURNS, books.turns);
        packet.rows(HEALTH, books.health);
        if !joins.is_empty() {
            let joins = joins.into_json();
            packet.statement(JOINED, &[Bound::Text(&joins)]);
            packet.statement(JOINED_CLEAR, &[Bound::Text(&joins)]);
            packet.rows(JOINED_STEPS, virtual_calls);
        }
    }
    if !rollups.is_empty() {
        let slot = Bound::Number(i64::from(server % 16));
        packet.statement(ROLLUPS, &[slot, Bound::Text(&rollups.into_json())]);
    }
    Ok(())
}
