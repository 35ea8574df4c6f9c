//! Writing a batch: three texts of static statements, each of which takes one JSON array of rows.

use cxroute_core::port::StoreError;
use sqlx::SqliteConnection;

use super::rows::BatchRows;
use crate::error::Fault;

/// Calls and everything that hangs on them.
const CALLS: &str = "
INSERT INTO call_records (tenant_id, id, session_token, direction, from_number, to_number, agent_id, group_id, status,
    state, reason, received_at, start_time, end_time, duration, session_ended, cdr, live_until,
    history_count, trace_count, updated_at)
SELECT value->>'tenant', value->>'id', value->>'token', value->>'direction', value->>'from', value->>'to',
    value->>'agent', value->>'group', value->>'status', value->>'state', value->>'reason', value->>'received_at',
    value->>'start_time', value->>'end_time', value->>'duration', value->>'session_ended', value->>'cdr',
    value->>'live_until', value->>'history_count', value->>'trace_count', value->>'updated_at'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, id) DO UPDATE SET direction = excluded.direction, agent_id = excluded.agent_id,
    group_id = excluded.group_id, status = excluded.status, state = excluded.state, reason = excluded.reason,
    start_time = excluded.start_time, end_time = excluded.end_time, duration = excluded.duration,
    session_ended = excluded.session_ended, cdr = excluded.cdr,
    history_count = excluded.history_count, trace_count = excluded.trace_count, updated_at = excluded.updated_at;
INSERT INTO call_sessions (tenant_id, session_token, call_id)
SELECT value->>'tenant', value->>'token', value->>'call' FROM json_each(?);
INSERT INTO call_attempts (tenant_id, call_id, number, agent_id, group_id, membership_id, pool_id, dialled, probe,
    started_at, ended_at, outcome, word)
SELECT value->>'tenant', value->>'call', value->>'number', value->>'agent', value->>'group', value->>'membership',
    value->>'pool', value->>'dialled', value->>'probe', value->>'started_at', value->>'ended_at', value->>'outcome',
    value->>'word'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, call_id, number) DO UPDATE SET ended_at = excluded.ended_at, outcome = excluded.outcome,
    word = excluded.word;
INSERT INTO call_history (tenant_id, call_id, seq, state, at, source, effect, detail)
SELECT value->>'tenant', value->>'call', value->>'seq', value->>'state', value->>'at', value->>'source',
    value->>'effect', value->>'detail'
FROM json_each(?);
INSERT INTO call_traces (tenant_id, call_id, seq, trace)
SELECT value->>'tenant', value->>'call', value->>'seq', value->>'trace' FROM json_each(?);
INSERT INTO receipts (tenant_id, session_token, kind, hash, attempt, choice, answer, received_at)
SELECT value->>'tenant', value->>'token', value->>'kind', unhex(value->>'hash'), value->>'attempt', value->>'choice',
    unhex(value->>'answer'), value->>'at'
FROM json_each(?);
INSERT INTO webhook_audit (tenant_id, event_type, session_token, payload, created_at)
SELECT value->>'tenant', value->>'kind', value->>'token', value->>'payload', value->>'at' FROM json_each(?);
INSERT INTO outbox (tenant_id, event) SELECT value->>'tenant', value->>'event' FROM json_each(?);
INSERT INTO rollups (tenant_id, kind, ref_id, quarter, calls, completed, busy, failed, no_answer, completed_seconds)
SELECT value->>'tenant', value->>'kind', value->>'whose', value->>'quarter', value->>'calls', value->>'completed',
    value->>'busy', value->>'failed', value->>'no_answer', value->>'completed_seconds'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, kind, ref_id, quarter) DO UPDATE SET calls = calls + excluded.calls,
    completed = completed + excluded.completed, busy = busy + excluded.busy, failed = failed + excluded.failed,
    no_answer = no_answer + excluded.no_answer, completed_seconds = completed_seconds + excluded.completed_seconds;
";

/// The plane's books. Counts are added; the rest is replaced by what is newer.
const BOOKS: &str = "
INSERT INTO plane_books (tenant_id, seq, id_skew)
SELECT value->>0, value->>1, value->>2 FROM json_each(?) WHERE true
ON CONFLICT (tenant_id) DO UPDATE SET seq = max(seq, excluded.seq), id_skew = max(id_skew, excluded.id_skew);
INSERT INTO group_window_steps (tenant_id, group_id, agent_id, step_millis, step, calls, virtual_calls)
SELECT value->>'$[0][0]', value->>'$[0][1]', value->>'$[0][2]', value->>'$[0][3]', value->>'$[0][4]', value->>1, 0
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, group_id, agent_id, step_millis, step) DO UPDATE SET calls = calls + excluded.calls;
DELETE FROM group_window_steps WHERE (tenant_id, group_id, agent_id, step_millis, step) IN (
    SELECT s.tenant_id, s.group_id, s.agent_id, s.step_millis, s.step
    FROM json_each(?) k CROSS JOIN group_window_steps s INDEXED BY group_window_steps_start
        ON s.tenant_id = k.value->>'$[0][0]' AND s.group_id = k.value->>'$[0][1]'
        AND s.step * s.step_millis < k.value->>1);
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq)
SELECT value->>'$[0][0]', value->>'$[0][1]', value->>'$[0][2]', value->>1, 0, 0, 0 FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, group_id, agent_id) DO UPDATE SET last_choice = max(last_choice, excluded.last_choice);
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq)
SELECT value->>'tenant', value->>'group', value->>'agent', 0, value->>'present', value->>'seq', 0
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, group_id, agent_id) DO UPDATE SET present = excluded.present,
    present_seq = excluded.present_seq
WHERE excluded.present_seq >= present_seq;
INSERT INTO group_turns (tenant_id, group_id, level, priority, membership_id, seq)
SELECT value->>'tenant', value->>'group', value->>'level', value->>'priority', value->>'membership', value->>'seq'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, group_id, level) DO UPDATE SET priority = excluded.priority,
    membership_id = excluded.membership_id, seq = excluded.seq
WHERE excluded.seq >= seq;
INSERT INTO agent_health (tenant_id, agent_id, health, seq)
SELECT value->>'tenant', value->>'agent', value->>'health', value->>'seq' FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, agent_id) DO UPDATE SET health = excluded.health, seq = excluded.seq
WHERE excluded.seq >= seq;
";

/// Joins: the newest one of an agent replaces its virtual calls in every step.
const JOINS: &str = "
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq)
SELECT value->>'$[0][0]', value->>'$[0][1]', value->>'$[0][2]', 0, 0, 0, value->>1 FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, group_id, agent_id) DO UPDATE SET joined_seq = max(joined_seq, excluded.joined_seq);
UPDATE group_window_steps SET virtual_calls = 0
FROM json_each(?) j CROSS JOIN group_seats s ON s.tenant_id = j.value->>'$[0][0]'
    AND s.group_id = j.value->>'$[0][1]' AND s.agent_id = j.value->>'$[0][2]' AND s.joined_seq = j.value->>1
WHERE group_window_steps.tenant_id = s.tenant_id AND group_window_steps.group_id = s.group_id
    AND group_window_steps.agent_id = s.agent_id AND group_window_steps.virtual_calls <> 0;
INSERT INTO group_window_steps (tenant_id, group_id, agent_id, step_millis, step, calls, virtual_calls)
SELECT s.tenant_id, s.group_id, s.agent_id, v.value->>2, v.value->>3, 0, v.value->>4
FROM json_each(?) v CROSS JOIN group_seats s ON s.tenant_id = v.value->>'$[0][0]'
    AND s.group_id = v.value->>'$[0][1]' AND s.agent_id = v.value->>'$[0][2]' AND s.joined_seq = v.value->>1
WHERE true
ON CONFLICT (tenant_id, group_id, agent_id, step_millis, step) DO UPDATE SET virtual_calls = excluded.virtual_calls;
";

/// Writes a batch's rows in the open transaction.
pub(super) async fn write(connection: &mut SqliteConnection, rows: BatchRows) -> Result<(), StoreError> {
    let failed = |error: sqlx::Error| Fault::from(error).into_store("a signal");
    let rollups = rows.rollups()?;
    let BatchRows { calls, sessions, attempts, history, traces, receipts, audit, outbox, books, .. } = rows;
    let mut text = sqlx::query(CALLS);
    for rows in [calls, sessions, attempts, history, traces, receipts, audit, outbox, rollups] {
        text = text.bind(rows.into_json());
    }
    text.execute(&mut *connection).await.map_err(failed)?;
    let (joins, virtual_calls) = (books.joins()?, books.virtual_calls()?);
    let has_joins = !joins.is_empty();
    if has_joins {
        let joins = joins.into_json();
        let text = sqlx::query(JOINS).bind(joins.clone()).bind(joins).bind(virtual_calls.into_json());
        text.execute(&mut *connection).await.map_err(failed)?;
    }
    if !books.is_empty() {
        let mut text = sqlx::query(BOOKS);
        let first = [books.planes()?, books.counted()?, books.windows()?, books.last()?];
        for rows in first.into_iter().chain([books.presence, books.turns, books.health]) {
            text = text.bind(rows.into_json());
        }
        text.execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(())
}
