//! Writing a batch: three texts of static statements, each of which takes one JSON array of rows.
//!
//! `MATERIALIZED` matters: without it, SQLite writes a row's JSON anew for every column that is read from it.

use cxroute_core::port::StoreError;
use cxroute_store_sql::batch::BatchRows;
use cxroute_store_sql::codec::{RowForm as _, Rows};
use sqlx::SqliteConnection;

use crate::error::Fault;

/// Calls and everything that hangs on them.
const CALLS: &str = "
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO call_records (tenant_id, id, session_token, direction, from_number, to_number, agent_id, group_id, status,
    state, reason, received_at, start_time, end_time, duration, session_ended, cdr, live_until,
    step_count, updated_at, early, attempts)
SELECT v->>'tenant', v->>'id', v->>'token', v->>'direction', v->>'from', v->>'to',
    v->>'agent', v->>'group', v->>'status', v->>'state', v->>'reason', v->>'received_at',
    v->>'start_time', v->>'end_time', v->>'duration', v->>'session_ended', v->>'cdr',
    v->>'live_until', v->>'step_count', v->>'updated_at', v->>'early', v->>'attempts'
FROM row;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO call_records (tenant_id, id, session_token, direction, from_number, to_number, agent_id, group_id, status,
    state, reason, received_at, start_time, end_time, duration, session_ended, cdr, live_until,
    step_count, updated_at, early, attempts)
SELECT v->>'tenant', v->>'id', v->>'token', v->>'direction', v->>'from', v->>'to',
    v->>'agent', v->>'group', v->>'status', v->>'state', v->>'reason', v->>'received_at',
    v->>'start_time', v->>'end_time', v->>'duration', v->>'session_ended', v->>'cdr',
    v->>'live_until', v->>'step_count', v->>'updated_at', v->>'early', v->>'attempts'
FROM row WHERE true
ON CONFLICT (tenant_id, id) DO UPDATE SET direction = excluded.direction, agent_id = excluded.agent_id,
    group_id = excluded.group_id, status = excluded.status, state = excluded.state, reason = excluded.reason,
    start_time = excluded.start_time, end_time = excluded.end_time, duration = excluded.duration,
    session_ended = excluded.session_ended, cdr = excluded.cdr,
    step_count = excluded.step_count, updated_at = excluded.updated_at,
    early = excluded.early, attempts = excluded.attempts;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO call_sessions (tenant_id, session_token, call_id)
SELECT v->>'tenant', v->>'token', v->>'call' FROM row;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO receipts (tenant_id, session_token, kind, hash, attempt, choice, answer, received_at)
SELECT v->>'tenant', v->>'token', v->>'kind', unhex(v->>'hash'), v->>'attempt', v->>'choice',
    unhex(v->>'answer'), v->>'at'
FROM row;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO webhook_audit (tenant_id, event_type, session_token, payload, created_at, call_id, step, history, trace)
SELECT v->>'tenant', v->>'kind', v->>'token', v->>'payload', v->>'at', v->>'call', v->>'step', v->>'history', v->>'trace'
FROM row;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO outbox (tenant_id, events, size) SELECT v->>'tenant', v->>'events', v->>'size' FROM row;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO rollups (tenant_id, kind, ref_id, quarter, calls, completed, busy, failed, no_answer, completed_seconds)
SELECT v->>'tenant', v->>'kind', v->>'whose', v->>'quarter', v->>'calls', v->>'completed',
    v->>'busy', v->>'failed', v->>'no_answer', v->>'completed_seconds'
FROM row WHERE true
ON CONFLICT (tenant_id, kind, ref_id, quarter) DO UPDATE SET calls = calls + excluded.calls,
    completed = completed + excluded.completed, busy = busy + excluded.busy, failed = failed + excluded.failed,
    no_answer = no_answer + excluded.no_answer, completed_seconds = completed_seconds + excluded.completed_seconds;
";

/// The plane's books. What has left its window goes first; counts are added; the rest is replaced by what is newer.
const BOOKS: &str = "
DELETE FROM group_window_steps WHERE (tenant_id, group_id, agent_id, step_millis, step) IN (
    SELECT s.tenant_id, s.group_id, s.agent_id, s.step_millis, s.step
    FROM json_each(?) k CROSS JOIN group_window_steps s INDEXED BY group_window_steps_end
        ON s.tenant_id = k.value->>0 AND s.group_id = k.value->>1
        AND (s.step + 1) * s.step_millis <= k.value->>2);
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO plane_books (tenant_id, seq, id_skew)
SELECT v->>0, v->>1, v->>2 FROM row WHERE true
ON CONFLICT (tenant_id) DO UPDATE SET seq = max(seq, excluded.seq), id_skew = max(id_skew, excluded.id_skew);
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO group_window_steps (tenant_id, group_id, agent_id, step_millis, step, calls, virtual_calls)
SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6
FROM row WHERE true
ON CONFLICT (tenant_id, group_id, agent_id, step_millis, step) DO UPDATE SET calls = calls + excluded.calls;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq)
SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6 FROM row WHERE true
ON CONFLICT (tenant_id, group_id, agent_id) DO UPDATE SET last_choice = max(last_choice, excluded.last_choice);
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO group_seats (tenant_id, group_id, agent_id, last_choice, present, present_seq, joined_seq)
SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6
FROM row WHERE true
ON CONFLICT (tenant_id, group_id, agent_id) DO UPDATE SET present = excluded.present,
    present_seq = excluded.present_seq
WHERE excluded.present_seq >= present_seq;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO group_turns (tenant_id, group_id, level, priority, membership_id, seq)
SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5
FROM row WHERE true
ON CONFLICT (tenant_id, group_id, level) DO UPDATE SET priority = excluded.priority,
    membership_id = excluded.membership_id, seq = excluded.seq
WHERE excluded.seq >= seq;
WITH row(v) AS MATERIALIZED (SELECT value FROM json_each(?))
INSERT INTO agent_health (tenant_id, agent_id, health, seq)
SELECT v->>0, v->>1, v->>2, v->>3 FROM row WHERE true
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
pub(super) async fn write(
    connection: &mut SqliteConnection,
    rows: BatchRows<Rows>,
) -> Result<(), StoreError> {
    let failed = |error: sqlx::Error| Fault::from(error).into_store("a signal");
    let BatchRows { new_calls, changed_calls, sessions, receipts, audit, outbox, ledger } = rows;
    let (books, rollups) = (ledger.books()?, ledger.rollups(0)?);
    let mut text = sqlx::query(CALLS);
    for rows in [new_calls, changed_calls, sessions, receipts, audit, outbox.into_rows()?, rollups] {
        text = text.bind(rows.into_json());
    }
    text.execute(&mut *connection).await.map_err(failed)?;
    let (joins, virtual_calls) = (books.joins()?, books.virtual_calls()?);
    let has_joins = !joins.is_empty();
    if !books.is_empty() {
        let mut text = sqlx::query(BOOKS);
        let first = [books.windows()?, books.planes()?, books.counted()?, books.last()?];
        let newest: [Rows; 3] = [books.presence()?, books.turns()?, books.health()?];
        for rows in first.into_iter().chain(newest) {
            text = text.bind(rows.into_json());
        }
        text.execute(&mut *connection).await.map_err(failed)?;
    }
    if has_joins {
        let joins = joins.into_json();
        let text = sqlx::query(JOINS).bind(joins.clone()).bind(joins).bind(virtual_calls.into_json());
        text.execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(())
}
