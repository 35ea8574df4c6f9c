//! Writing a batch: a statement a table. Tables that only this batch's calls touch come first, with their rows as literals;
//! the few rows that servers share (windows, seats, rollups) come last and in key order, so that they are locked briefly
//! and never in a circle.

use cxroute_store_sql::batch::BatchRows;
use cxroute_store_sql::codec::{RowForm as _, key};

use super::Failure;
use crate::literal::Values;
use crate::packet::{Bound, Packet};

/// Without [`CHANGED`], a call never takes another's place: two servers may have drawn one id.
const CALLS: &str = "
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

const OUTBOX: &str = "INSERT INTO outbox (tenant_id, events, size) VALUES ";

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

const PLANES: &str = "INSERT INTO plane_books (tenant_id, seq, id_skew) VALUES ";
const GREATER: &str = "
ON DUPLICATE KEY UPDATE seq = GREATEST(plane_books.seq, VALUES(seq)),
    id_skew = GREATEST(plane_books.id_skew, VALUES(id_skew))";

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

/// Adds a batch's rows to the text of the open transaction.
pub(super) async fn write(
    packet: &mut Packet<'_>,
    server: u16,
    rows: BatchRows<Values>,
) -> Result<(), Failure> {
    let rollups = rows.rollups(server % 16)?;
    let BatchRows { new_calls, changed_calls, sessions, receipts, audit, outbox, books, .. } = rows;
    // What may meet another server's row of the same key comes first: a race is lost before much is written.
    insert(packet, SESSIONS, &sessions, "").await?;
    insert(packet, RECEIPTS, &receipts, "").await?;
    insert(packet, CALLS, &new_calls, "").await?;
    insert(packet, CALLS, &changed_calls, CHANGED).await?;
    insert(packet, AUDIT, &audit, "").await?;
    insert(packet, OUTBOX, &outbox.into_rows()?, "").await?;
    if !books.is_empty() {
        for (tenant, group, start) in books.each_window() {
            packet.statement(GONE, &[key(tenant), key(group), start].map(Bound::Number));
        }
        insert(packet, PLANES, &books.planes()?, GREATER).await?;
        insert(packet, COUNTED, &books.counted()?, ADDED).await?;
        insert(packet, SEATS, &books.last()?, LATER).await?;
        insert(packet, SEATS, &books.presence()?, PRESENT).await?;
        insert(packet, TURNS, &books.turns()?, TURNED).await?;
        insert(packet, HEALTH, &books.health()?, HEALED).await?;
        let joins = books.joins()?;
        if !joins.is_empty() {
            let joins = joins.into_json();
            packet.statement(JOINED, &[Bound::Text(&joins)]);
            packet.statement(JOINED_CLEAR, &[Bound::Text(&joins)]);
            packet.rows(JOINED_STEPS, books.virtual_calls()?);
        }
    }
    insert(packet, ROLLUPS, &rollups, ROLLED_UP).await
}

async fn insert(
    packet: &mut Packet<'_>,
    into: &'static str,
    rows: &Values,
    rest: &'static str,
) -> Result<(), Failure> {
    packet.insert(into, rows, rest).await.map_err(|error| Failure::of(error, "a signal"))
}
