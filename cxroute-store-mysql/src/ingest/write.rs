//! Writing a batch: a statement a table, with its rows as literals. What servers share, the books and the rollups, is left
//! to whoever folds the ledger: two batches wait for each other only where they are of one call.

use cxroute_store_sql::batch::BatchRows;

use super::Failure;
use crate::literal::Values;
use crate::packet::Packet;

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

const LEDGER: &str = "INSERT INTO ledger (tenant_id, entry) VALUES ";

/// Takes rows of `plane_books`.
pub(crate) const PLANES: &str = "INSERT INTO plane_books (tenant_id, seq, id_skew) VALUES ";
/// Behind [`PLANES`]: the greater numbers stay.
pub(crate) const GREATER: &str = "
ON DUPLICATE KEY UPDATE seq = GREATEST(plane_books.seq, VALUES(seq)),
    id_skew = GREATEST(plane_books.id_skew, VALUES(id_skew))";

/// Adds a batch's rows to the text of the open transaction.
pub(super) async fn write(packet: &mut Packet<'_>, rows: BatchRows<Values>) -> Result<(), Failure> {
    let BatchRows { new_calls, changed_calls, sessions, receipts, audit, outbox, ledger } = rows;
    // What may meet another server's row of the same key comes first: a race is lost before much is written.
    insert(packet, SESSIONS, &sessions, "").await?;
    insert(packet, RECEIPTS, &receipts, "").await?;
    insert(packet, CALLS, &new_calls, "").await?;
    insert(packet, CALLS, &changed_calls, CHANGED).await?;
    insert(packet, AUDIT, &audit, "").await?;
    insert(packet, OUTBOX, &outbox.into_rows()?, "").await?;
    insert(packet, LEDGER, &ledger.entries()?, "").await?;
    // The one row that servers share comes last, so that it is locked briefly.
    insert(packet, PLANES, &ledger.skews()?, GREATER).await
}

async fn insert(
    packet: &mut Packet<'_>,
    into: &'static str,
    rows: &Values,
    rest: &'static str,
) -> Result<(), Failure> {
    packet.insert(into, rows, rest).await.map_err(|error| Failure::of(error, "a signal"))
}
