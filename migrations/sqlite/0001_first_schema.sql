-- The schema of cxroute on SQLite. The same tables stand in migrations/mysql; both are forward only.
--
-- Every table carries its tenant. Keys between tables are composite with it, so that a row cannot point into another
-- tenant even by hand. Rows that signals write (calls, attempts, history, the plane's books, rollups) name agents and
-- groups by ids that mean something within their own tenant only; they have no foreign key to configuration, since a
-- call is recorded whatever has become of the configuration that it was decided under.
--
-- Times are milliseconds since 1970-01-01T00:00:00Z. Sealed values are opaque bytes.

CREATE TABLE tenants (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    domain TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL,
    webhook_keys TEXT NOT NULL,
    signature_secret BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- One row a tenant: the configuration's revision, the last id given, and how far back the log of changes reaches.
CREATE TABLE tenant_revisions (
    tenant_id INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (id),
    revision INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    changes_after INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'analyst')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- Pools, agents and groups that are deleted keep their rows and names: calls name them.
CREATE TABLE pools (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    max_concurrent_calls INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pools_name ON pools (tenant_id, name) WHERE deleted_at IS NULL;

CREATE TABLE voice_agents (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    service_value BLOB NOT NULL,
    username BLOB,
    password BLOB,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    max_concurrent_calls INTEGER,
    pool_id INTEGER,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, pool_id) REFERENCES pools (tenant_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX voice_agents_name ON voice_agents (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX voice_agents_pool ON voice_agents (tenant_id, pool_id) WHERE pool_id IS NOT NULL;

CREATE TABLE agent_groups (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    strategy TEXT NOT NULL CHECK (strategy IN ('load_balanced', 'priority', 'round_robin')),
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX agent_groups_name ON agent_groups (tenant_id, name) WHERE deleted_at IS NULL;

CREATE TABLE agent_group_memberships (
    tenant_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL,
    priority INTEGER,
    capacity INTEGER NOT NULL CHECK (capacity BETWEEN 1 AND 1000000),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    max_concurrent_calls INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, group_id, id),
    UNIQUE (tenant_id, group_id, agent_id),
    FOREIGN KEY (tenant_id, group_id) REFERENCES agent_groups (tenant_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (tenant_id, agent_id) REFERENCES voice_agents (tenant_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_group_memberships_agent ON agent_group_memberships (tenant_id, agent_id);

-- `pattern` is as typed; `live_pattern` is its canonical form while the rule is enabled. Two enabled rules that say
-- different things of the same calls are refused.
CREATE TABLE inbound_routing_rules (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id INTEGER NOT NULL,
    pattern TEXT NOT NULL,
    canonical TEXT NOT NULL,
    live_pattern TEXT GENERATED ALWAYS AS (iif(enabled, canonical, NULL)) STORED,
    agent_id INTEGER,
    group_id INTEGER,
    priority INTEGER NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((agent_id IS NULL) <> (group_id IS NULL)),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES voice_agents (tenant_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (tenant_id, group_id) REFERENCES agent_groups (tenant_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX inbound_routing_rules_live ON inbound_routing_rules (tenant_id, live_pattern, priority);
CREATE INDEX inbound_routing_rules_agent ON inbound_routing_rules (tenant_id, agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX inbound_routing_rules_group ON inbound_routing_rules (tenant_id, group_id) WHERE group_id IS NOT NULL;

CREATE TABLE outbound_routing_rules (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id INTEGER NOT NULL,
    caller_id TEXT NOT NULL,
    caller_canonical TEXT NOT NULL,
    destination_pattern TEXT NOT NULL,
    destination_canonical TEXT NOT NULL,
    live_caller TEXT GENERATED ALWAYS AS (iif(enabled, caller_canonical, NULL)) STORED,
    live_destination TEXT GENERATED ALWAYS AS (iif(enabled, destination_canonical, NULL)) STORED,
    trunk_config TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX outbound_routing_rules_live
    ON outbound_routing_rules (tenant_id, live_caller, live_destination);

-- Which single rules changed, by the revision that they led to; `change`: as it was and as it is.
CREATE TABLE config_changes (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    revision INTEGER NOT NULL,
    position INTEGER NOT NULL,
    change TEXT NOT NULL,
    PRIMARY KEY (tenant_id, revision, position)
) STRICT, WITHOUT ROWID;

-- Who reads configuration's past: what was saved and deleted, secrets left out.
CREATE TABLE config_audit (
    id INTEGER NOT NULL PRIMARY KEY,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    revision INTEGER NOT NULL,
    kind TEXT NOT NULL,
    ref_id INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('saved', 'deleted')),
    document TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX config_audit_tenant ON config_audit (tenant_id, id);

-- The way from a session token to its call.
CREATE TABLE call_sessions (
    tenant_id INTEGER NOT NULL,
    session_token TEXT NOT NULL,
    call_id INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, session_token),
    FOREIGN KEY (tenant_id, call_id) REFERENCES call_records (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- `history_count`, `trace_count`: the next sequence numbers.
CREATE TABLE call_records (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id INTEGER NOT NULL,
    session_token TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    from_number TEXT NOT NULL,
    to_number TEXT NOT NULL,
    agent_id INTEGER,
    group_id INTEGER,
    status TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    received_at INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    end_time INTEGER,
    duration INTEGER,
    session_ended INTEGER,
    cdr TEXT,
    live_until INTEGER NOT NULL,
    history_count INTEGER NOT NULL,
    trace_count INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_records_agent ON call_records (tenant_id, agent_id, id);
CREATE INDEX call_records_group ON call_records (tenant_id, group_id, id);
CREATE INDEX call_records_status ON call_records (tenant_id, status, id);
CREATE INDEX call_records_live ON call_records (tenant_id, live_until)
    WHERE status IN ('queued', 'ringing', 'in_progress');

CREATE TABLE call_attempts (
    tenant_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    agent_id INTEGER,
    group_id INTEGER,
    membership_id INTEGER,
    pool_id INTEGER,
    dialled TEXT,
    probe INTEGER,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    word TEXT,
    PRIMARY KEY (tenant_id, call_id, number),
    CHECK ((agent_id IS NULL) <> (dialled IS NULL)),
    FOREIGN KEY (tenant_id, call_id) REFERENCES call_records (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE call_history (
    tenant_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    effect TEXT NOT NULL,
    detail TEXT,
    PRIMARY KEY (tenant_id, call_id, seq),
    FOREIGN KEY (tenant_id, call_id) REFERENCES call_records (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE call_traces (
    tenant_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    trace TEXT NOT NULL,
    PRIMARY KEY (tenant_id, call_id, seq),
    FOREIGN KEY (tenant_id, call_id) REFERENCES call_records (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- The durable proof that a signal was taken: its key within its call, the sealed answer that it was given, the attempt
-- that was decided, and the number of the plane's choice that was committed with it.
CREATE TABLE receipts (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    session_token TEXT NOT NULL,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 16),
    attempt INTEGER,
    choice INTEGER NOT NULL,
    answer BLOB,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, session_token, kind, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_age ON receipts (received_at);

-- The plane's books. Counts are increments; whatever is absolute is replaced only by what is newer (`…seq`).
CREATE TABLE plane_books (
    tenant_id INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (id),
    seq INTEGER NOT NULL,
    id_skew INTEGER NOT NULL
) STRICT;

CREATE TABLE group_window_steps (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    group_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL,
    step_millis INTEGER NOT NULL CHECK (step_millis > 0),
    step INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    virtual_calls INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, group_id, agent_id, step_millis, step)
) STRICT, WITHOUT ROWID;
-- By when a step began: what has left the window.
CREATE INDEX group_window_steps_start ON group_window_steps (tenant_id, group_id, step * step_millis);

CREATE TABLE group_seats (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    group_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL,
    last_choice INTEGER NOT NULL,
    present INTEGER NOT NULL CHECK (present IN (0, 1)),
    present_seq INTEGER NOT NULL,
    joined_seq INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, group_id, agent_id)
) STRICT, WITHOUT ROWID;

-- `level`: the priority level that takes turns of its own; -1 for the whole group.
CREATE TABLE group_turns (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    group_id INTEGER NOT NULL,
    level INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    membership_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, group_id, level)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_health (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    agent_id INTEGER NOT NULL,
    health TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, agent_id)
) STRICT, WITHOUT ROWID;

-- Figures of calls by quarter-hour (UTC) of the time of receipt. `kind`: tenant, agent or group; `ref_id`: 0 for tenant.
CREATE TABLE rollups (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL CHECK (kind IN ('tenant', 'agent', 'group')),
    ref_id INTEGER NOT NULL,
    quarter INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    busy INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    no_answer INTEGER NOT NULL,
    completed_seconds INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind, ref_id, quarter)
) STRICT, WITHOUT ROWID;

-- Events of committed steps that are still to be published; AUTOINCREMENT, so that no id is ever given twice.
CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    event TEXT NOT NULL
) STRICT;

-- Every webhook as it was kept: without secrets.
CREATE TABLE webhook_audit (
    id INTEGER NOT NULL PRIMARY KEY,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    event_type TEXT NOT NULL,
    session_token TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    processed_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;
CREATE INDEX webhook_audit_session ON webhook_audit (tenant_id, session_token, id);
