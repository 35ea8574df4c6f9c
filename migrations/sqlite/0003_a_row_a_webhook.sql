-- What a webhook did to its call is kept with the webhook, attempts are kept in their call's record, and the outbox has a
-- row a batch.
--
-- In `webhook_audit`, `call_id`, `step`, `history` and `trace` say what the webhook did: to which call, as which of those that
-- did something to it (from 0), the lines of its history (a JSON array), and why it was routed so, if it was. The first
-- three are null where it did nothing.
ALTER TABLE webhook_audit ADD COLUMN call_id INTEGER;
ALTER TABLE webhook_audit ADD COLUMN step INTEGER;
ALTER TABLE webhook_audit ADD COLUMN history TEXT;
ALTER TABLE webhook_audit ADD COLUMN trace TEXT;

-- `attempts`: a JSON array. `step_count`: the next step's number.
ALTER TABLE call_records ADD COLUMN attempts TEXT;
ALTER TABLE call_records ADD COLUMN step_count INTEGER NOT NULL DEFAULT 0;

UPDATE webhook_audit SET call_id = n.call_id, step = n.step, trace = t.trace, history = iif(n.step > 0, '[]', (
    SELECT json_group_array(json_object('state', h.state, 'at', h.at, 'source', h.source, 'effect', h.effect, 'detail',
        h.detail) ORDER BY h.seq)
    FROM call_history h WHERE h.tenant_id = n.tenant_id AND h.call_id = n.call_id))
FROM (
    SELECT w.id, w.tenant_id, s.call_id,
        row_number() OVER (PARTITION BY w.tenant_id, w.session_token ORDER BY w.id) - 1 AS step
    FROM webhook_audit w JOIN call_sessions s ON s.tenant_id = w.tenant_id AND s.session_token = w.session_token
) n
LEFT JOIN call_traces t ON t.tenant_id = n.tenant_id AND t.call_id = n.call_id AND t.seq = n.step
WHERE webhook_audit.id = n.id;

UPDATE call_records
SET step_count = (
        SELECT count(*) FROM webhook_audit w
        WHERE w.tenant_id = call_records.tenant_id AND w.session_token = call_records.session_token
    ),
    attempts = (
        SELECT iif(count(*) = 0, NULL, json_group_array(json_object('number', a.number, 'agent', a.agent_id, 'group',
            a.group_id, 'membership', a.membership_id, 'pool', a.pool_id, 'dialled', a.dialled, 'probe', a.probe,
            'started_at', a.started_at, 'ended_at', a.ended_at, 'outcome', a.outcome, 'word', a.word) ORDER BY a.number))
        FROM call_attempts a WHERE a.tenant_id = call_records.tenant_id AND a.call_id = call_records.id
    );

ALTER TABLE call_records DROP COLUMN history_count;
ALTER TABLE call_records DROP COLUMN trace_count;
DROP TABLE call_attempts;
DROP TABLE call_history;
DROP TABLE call_traces;

-- `events`: a JSON array of `size` events, or that some were given up; `told`: a bit for each one that was published.
ALTER TABLE outbox RENAME COLUMN event TO events;
ALTER TABLE outbox ADD COLUMN size INTEGER NOT NULL DEFAULT 1;
ALTER TABLE outbox ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET events = '[' || events || ']' WHERE events <> '"gap"';
