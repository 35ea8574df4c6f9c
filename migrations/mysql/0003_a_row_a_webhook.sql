-- What a webhook did to its call is kept with the webhook, attempts are kept in their call's record, and the outbox has a
-- row a batch.
--
-- In `webhook_audit`, `call_id`, `step`, `history` and `trace` say what the webhook did: to which call, as which of those that
-- did something to it (from 0), the lines of its history (a JSON array), and why it was routed so, if it was. The first
-- three are null where it did nothing.
ALTER TABLE webhook_audit
    ADD COLUMN call_id BIGINT,
    ADD COLUMN step INT UNSIGNED,
    ADD COLUMN history LONGTEXT,
    ADD COLUMN trace LONGTEXT;

-- `attempts`: a JSON array. `step_count`: the next step's number.
ALTER TABLE call_records
    ADD COLUMN attempts LONGTEXT,
    ADD COLUMN step_count INT UNSIGNED NOT NULL DEFAULT 0;

SET SESSION group_concat_max_len = 1073741824;

UPDATE webhook_audit w
JOIN (
    SELECT tenant_id, id, server,
        ROW_NUMBER() OVER (PARTITION BY tenant_id, session_token ORDER BY id, server) - 1 AS step
    FROM webhook_audit
) n ON n.tenant_id = w.tenant_id AND n.id = w.id AND n.server = w.server
JOIN call_sessions s ON s.tenant_id = w.tenant_id AND s.session_token = w.session_token
LEFT JOIN (
    SELECT tenant_id, call_id, 0 AS step, CONCAT('[', GROUP_CONCAT(JSON_OBJECT('state', state, 'at', at, 'source', source,
        'effect', effect, 'detail', detail) ORDER BY seq SEPARATOR ','), ']') AS history
    FROM call_history GROUP BY tenant_id, call_id
) h ON h.tenant_id = s.tenant_id AND h.call_id = s.call_id AND h.step = n.step
LEFT JOIN call_traces t ON t.tenant_id = s.tenant_id AND t.call_id = s.call_id AND t.seq = n.step
SET w.call_id = s.call_id, w.step = n.step, w.history = COALESCE(h.history, '[]'), w.trace = t.trace;

UPDATE call_records c
SET c.step_count = (
        SELECT COUNT(*) FROM webhook_audit w WHERE w.tenant_id = c.tenant_id AND w.session_token = c.session_token
    ),
    c.attempts = (
        SELECT CONCAT('[', GROUP_CONCAT(JSON_OBJECT('number', a.number, 'agent', a.agent_id, 'group', a.group_id,
            'membership', a.membership_id, 'pool', a.pool_id, 'dialled', a.dialled, 'probe', a.probe,
            'started_at', a.started_at, 'ended_at', a.ended_at, 'outcome', a.outcome, 'word', a.word)
            ORDER BY a.number SEPARATOR ','), ']')
        FROM call_attempts a WHERE a.tenant_id = c.tenant_id AND a.call_id = c.id
    );

ALTER TABLE call_records DROP COLUMN history_count, DROP COLUMN trace_count;
DROP TABLE call_attempts;
DROP TABLE call_history;
DROP TABLE call_traces;

-- `events`: a JSON array of `size` events, or that some were given up; `told`: a bit for each one that was published.
ALTER TABLE outbox
    CHANGE COLUMN event events LONGTEXT NOT NULL,
    ADD COLUMN size TINYINT UNSIGNED NOT NULL DEFAULT 1,
    ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
UPDATE outbox SET events = CONCAT('[', events, ']') WHERE events <> '"gap"';
