-- The schema of cxroute on MySQL 8.0+ and MariaDB 10.6+. The same tables stand in migrations/sqlite; both are forward
-- only.
--
-- Every table carries its tenant. Keys between tables are composite with it, so that a row cannot point into another
-- tenant even by hand. Partitioned tables can have no foreign keys; they are reached through a tenant only.
--
-- Times that people read are DATETIME(3) in UTC; those that only programs read are milliseconds since 1970. What is
-- compared exactly (session tokens, names, patterns) is compared as bytes: collations ignore case or pad blanks. Sealed
-- values are opaque bytes, wide enough for what the specification allows and the seal around it.
--
-- Calls and what hangs on them are partitioned by month on ids that are minted from time (milliseconds since 2020 << 11,
-- and 11 random bits). `pmax` stays empty: the months are split off it ahead of time.

CREATE TABLE tenants (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    domain VARCHAR(255) NOT NULL,
    settings JSON NOT NULL,
    webhook_keys JSON NOT NULL,
    signature_secret VARBINARY(4096),
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    UNIQUE KEY tenants_domain (domain)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row a tenant: the configuration's revision, the last id given, and how far back the log of changes reaches.
CREATE TABLE tenant_revisions (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    changes_after BIGINT NOT NULL,
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB;

CREATE TABLE users (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    email VARCHAR(255) NOT NULL,
    password VARCHAR(255) NOT NULL,
    role ENUM ('admin', 'analyst') NOT NULL,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE KEY users_email (email),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Pools, agents and groups that are deleted keep their rows and names: calls name them. `live_name` is the name while
-- they are there.
CREATE TABLE pools (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    max_concurrent_calls INT UNSIGNED,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    deleted_at DATETIME(3),
    live_name VARBINARY(1020) GENERATED ALWAYS AS (IF(deleted_at IS NULL, CAST(name AS BINARY), NULL)) STORED,
    PRIMARY KEY (tenant_id, id),
    UNIQUE KEY pools_name (tenant_id, live_name),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE voice_agents (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    provider VARCHAR(64) NOT NULL,
    service_value VARBINARY(4096) NOT NULL,
    username VARBINARY(4096),
    password VARBINARY(4096),
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    max_concurrent_calls INT UNSIGNED,
    pool_id BIGINT,
    metadata JSON,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    deleted_at DATETIME(3),
    live_name VARBINARY(1020) GENERATED ALWAYS AS (IF(deleted_at IS NULL, CAST(name AS BINARY), NULL)) STORED,
    PRIMARY KEY (tenant_id, id),
    UNIQUE KEY voice_agents_name (tenant_id, live_name),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    FOREIGN KEY (tenant_id, pool_id) REFERENCES pools (tenant_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE agent_groups (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    strategy ENUM ('load_balanced', 'priority', 'round_robin') NOT NULL,
    settings JSON NOT NULL,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    deleted_at DATETIME(3),
    live_name VARBINARY(1020) GENERATED ALWAYS AS (IF(deleted_at IS NULL, CAST(name AS BINARY), NULL)) STORED,
    PRIMARY KEY (tenant_id, id),
    UNIQUE KEY agent_groups_name (tenant_id, live_name),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE agent_group_memberships (
    tenant_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    agent_id BIGINT NOT NULL,
    priority INT UNSIGNED,
    capacity INT UNSIGNED NOT NULL DEFAULT 1 CHECK (capacity BETWEEN 1 AND 1000000),
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    max_concurrent_calls INT UNSIGNED,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    PRIMARY KEY (tenant_id, group_id, id),
    UNIQUE KEY agent_group_memberships_agent (tenant_id, group_id, agent_id),
    FOREIGN KEY (tenant_id, group_id) REFERENCES agent_groups (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES voice_agents (tenant_id, id)
) ENGINE = InnoDB;

-- `pattern` is as typed; `live_pattern` is its canonical form while the rule is enabled. Two enabled rules that say
-- different things of the same calls are refused. A target is an agent or a group; `target_type` and `target_id` are
-- the specification's names for them.
CREATE TABLE inbound_routing_rules (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    pattern VARCHAR(255) NOT NULL,
    canonical VARBINARY(1020) NOT NULL,
    agent_id BIGINT,
    group_id BIGINT,
    priority INT UNSIGNED NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    live_pattern VARBINARY(1020) GENERATED ALWAYS AS (IF(enabled, canonical, NULL)) STORED,
    target_type ENUM ('agent', 'group') GENERATED ALWAYS AS (IF(agent_id IS NULL, 'group', 'agent')) VIRTUAL,
    target_id BIGINT GENERATED ALWAYS AS (COALESCE(agent_id, group_id)) VIRTUAL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE KEY inbound_routing_rules_live (tenant_id, live_pattern, priority),
    KEY inbound_routing_rules_agent (tenant_id, agent_id),
    KEY inbound_routing_rules_group (tenant_id, group_id),
    CHECK ((agent_id IS NULL) <> (group_id IS NULL)),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES voice_agents (tenant_id, id),
    FOREIGN KEY (tenant_id, group_id) REFERENCES agent_groups (tenant_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE outbound_routing_rules (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    caller_id VARCHAR(255) NOT NULL,
    caller_canonical VARBINARY(1020) NOT NULL,
    destination_pattern VARCHAR(255) NOT NULL,
    destination_canonical VARBINARY(1020) NOT NULL,
    trunk_config JSON NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    live_caller VARBINARY(1020) GENERATED ALWAYS AS (IF(enabled, caller_canonical, NULL)) STORED,
    live_destination VARBINARY(1020) GENERATED ALWAYS AS (IF(enabled, destination_canonical, NULL)) STORED,
    PRIMARY KEY (tenant_id, id),
    UNIQUE KEY outbound_routing_rules_live (tenant_id, live_caller, live_destination),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Which single rules changed, by the revision that they led to; `change_made`: as it was and as it is.
CREATE TABLE config_changes (
    tenant_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    position BIGINT NOT NULL,
    change_made LONGTEXT NOT NULL,
    PRIMARY KEY (tenant_id, revision, position),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who reads configuration's past: what was saved and deleted, secrets left out.
CREATE TABLE config_audit (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    ref_id BIGINT NOT NULL,
    action ENUM ('saved', 'deleted') NOT NULL,
    document LONGTEXT,
    created_at DATETIME(3) NOT NULL,
    KEY config_audit_tenant (tenant_id, id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The way from a session token to its call, and what makes a token unique.
CREATE TABLE call_sessions (
    tenant_id BIGINT NOT NULL,
    session_token VARBINARY(255) NOT NULL,
    call_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, session_token),
    KEY call_sessions_call (tenant_id, call_id)
) ENGINE = InnoDB;

-- `history_count`, `trace_count`: the next sequence numbers. Numbers are kept as they came, however long.
CREATE TABLE call_records (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    session_token VARBINARY(255) NOT NULL,
    direction ENUM ('inbound', 'outbound') NOT NULL,
    from_number MEDIUMTEXT NOT NULL,
    to_number MEDIUMTEXT NOT NULL,
    agent_id BIGINT,
    group_id BIGINT,
    status ENUM ('queued', 'ringing', 'in_progress', 'completed', 'busy', 'failed', 'no_answer') NOT NULL,
    state VARCHAR(32) NOT NULL,
    reason VARCHAR(64),
    received_at BIGINT NOT NULL,
    start_time DATETIME(3) NOT NULL,
    end_time DATETIME(3),
    duration INT UNSIGNED,
    session_ended BIGINT,
    cdr LONGTEXT,
    live_until BIGINT NOT NULL,
    history_count INT UNSIGNED NOT NULL,
    trace_count INT UNSIGNED NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL,
    live_status BOOLEAN GENERATED ALWAYS AS (IF(status IN ('queued', 'ringing', 'in_progress'), TRUE, NULL)) STORED,
    PRIMARY KEY (tenant_id, id),
    KEY call_records_agent (tenant_id, agent_id, id),
    KEY call_records_group (tenant_id, group_id, id),
    KEY call_records_status (tenant_id, status, id),
    KEY call_records_live (tenant_id, live_status, live_until)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (id) (PARTITION pmax VALUES LESS THAN MAXVALUE);

CREATE TABLE call_attempts (
    tenant_id BIGINT NOT NULL,
    call_id BIGINT NOT NULL,
    number INT UNSIGNED NOT NULL,
    agent_id BIGINT,
    group_id BIGINT,
    membership_id BIGINT,
    pool_id BIGINT,
    dialled MEDIUMTEXT,
    probe INT UNSIGNED,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome VARCHAR(32),
    word MEDIUMTEXT,
    PRIMARY KEY (tenant_id, call_id, number)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (call_id) (PARTITION pmax VALUES LESS THAN MAXVALUE);

CREATE TABLE call_history (
    tenant_id BIGINT NOT NULL,
    call_id BIGINT NOT NULL,
    seq INT UNSIGNED NOT NULL,
    state VARCHAR(32) NOT NULL,
    at BIGINT NOT NULL,
    source VARCHAR(32) NOT NULL,
    effect VARCHAR(32) NOT NULL,
    detail MEDIUMTEXT,
    PRIMARY KEY (tenant_id, call_id, seq)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (call_id) (PARTITION pmax VALUES LESS THAN MAXVALUE);

CREATE TABLE call_traces (
    tenant_id BIGINT NOT NULL,
    call_id BIGINT NOT NULL,
    seq INT UNSIGNED NOT NULL,
    trace LONGTEXT NOT NULL,
    PRIMARY KEY (tenant_id, call_id, seq)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (call_id) (PARTITION pmax VALUES LESS THAN MAXVALUE);

-- The durable proof that a signal was taken: its key within its call, the sealed answer that it was given, the attempt
-- that was decided, and the number of the plane's choice that was committed with it. Not partitioned: the key is what
-- makes a copy a copy, and it has no id in it.
CREATE TABLE receipts (
    tenant_id BIGINT NOT NULL,
    session_token VARBINARY(255) NOT NULL,
    kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hash BINARY(16) NOT NULL,
    attempt INT UNSIGNED,
    choice BIGINT NOT NULL,
    answer MEDIUMBLOB,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, session_token, kind, hash),
    KEY receipts_age (received_at),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB;

-- The plane's books. Counts are increments; whatever is absolute is replaced only by what is newer (`…seq`).
CREATE TABLE plane_books (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    id_skew BIGINT NOT NULL,
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB;

-- `ends`: when a step ended; what has left the window.
CREATE TABLE group_window_steps (
    tenant_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    agent_id BIGINT NOT NULL,
    step_millis BIGINT NOT NULL CHECK (step_millis > 0),
    step BIGINT NOT NULL,
    calls INT UNSIGNED NOT NULL,
    virtual_calls INT UNSIGNED NOT NULL,
    ends BIGINT GENERATED ALWAYS AS ((step + 1) * step_millis) STORED,
    PRIMARY KEY (tenant_id, group_id, agent_id, step_millis, step),
    KEY group_window_steps_end (tenant_id, group_id, ends),
    KEY group_window_steps_age (ends),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB;

CREATE TABLE group_seats (
    tenant_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    agent_id BIGINT NOT NULL,
    last_choice BIGINT NOT NULL,
    present BOOLEAN NOT NULL,
    present_seq BIGINT NOT NULL,
    joined_seq BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, group_id, agent_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB;

-- `level`: the priority level that takes turns of its own; -1 for the whole group.
CREATE TABLE group_turns (
    tenant_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    level BIGINT NOT NULL,
    priority INT UNSIGNED NOT NULL,
    membership_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, group_id, level),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB;

CREATE TABLE agent_health (
    tenant_id BIGINT NOT NULL,
    agent_id BIGINT NOT NULL,
    health TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, agent_id),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Figures of calls by quarter-hour (UTC) of the time of receipt. `kind`: tenant, agent or group; `ref_id`: 0 for tenant.
-- Servers write slots of their own, so that they do not wait for each other; a figure is the sum over the slots.
CREATE TABLE rollups (
    tenant_id BIGINT NOT NULL,
    kind ENUM ('tenant', 'agent', 'group') NOT NULL,
    ref_id BIGINT NOT NULL,
    quarter BIGINT NOT NULL,
    slot TINYINT UNSIGNED NOT NULL,
    calls BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    busy BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    no_answer BIGINT NOT NULL,
    completed_seconds BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, ref_id, quarter, slot),
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB;

-- Events of committed steps that are still to be published.
CREATE TABLE outbox (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    event LONGTEXT NOT NULL,
    FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Every webhook as it was kept: without secrets. Ids are of the make of calls' ids and rise as one server takes webhooks;
-- `server`, a number that each draws as it starts, keeps two of them apart.
CREATE TABLE webhook_audit (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    server SMALLINT UNSIGNED NOT NULL,
    event_type VARCHAR(100) NOT NULL,
    session_token VARBINARY(255) NOT NULL,
    payload JSON NOT NULL,
    created_at DATETIME(3) NOT NULL,
    processed_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (tenant_id, id, server),
    KEY webhook_audit_session (tenant_id, session_token, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (id) (PARTITION pmax VALUES LESS THAN MAXVALUE);
