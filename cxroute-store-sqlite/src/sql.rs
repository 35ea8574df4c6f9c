//! The statements that write a draft, in SQLite's dialect.

use cxroute_store_sql::draft::Dialect;

/// SQLite's.
pub(crate) const DIALECT: Dialect = Dialect {
    retire: RETIRE,
    delete: DELETE,
    save_pools: SAVE_POOLS,
    save_agents: SAVE_AGENTS,
    save_groups: SAVE_GROUPS,
    save_members: SAVE_MEMBERS,
    save_inbound: SAVE_INBOUND,
    save_outbound: SAVE_OUTBOUND,
    save_tenant: SAVE_TENANT,
    log: LOG,
    forget: FORGET,
    raise: RAISE,
    keep_last_id: KEEP_LAST_ID,
    audit: AUDIT,
};

/// Makes room: what changes is out of the unique indexes while it is being written.
const RETIRE: [&str; 5] = [
    "UPDATE pools SET deleted_at = ? WHERE (tenant_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?))",
    "UPDATE voice_agents SET deleted_at = ?
     WHERE (tenant_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?))",
    "UPDATE agent_groups SET deleted_at = ?
     WHERE (tenant_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?))",
    "UPDATE inbound_routing_rules SET enabled = 0, updated_at = ?
     WHERE (tenant_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?))",
    "UPDATE outbound_routing_rules SET enabled = 0, updated_at = ?
     WHERE (tenant_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?))",
];

const DELETE: [&str; 3] = [
    "DELETE FROM agent_group_memberships
     WHERE (tenant_id, group_id, id) IN (SELECT value->>0, value->>1, value->>2 FROM json_each(?))",
    "DELETE FROM inbound_routing_rules
     WHERE (tenant_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?))",
    "DELETE FROM outbound_routing_rules
     WHERE (tenant_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?))",
];

const SAVE_POOLS: &str = "
INSERT INTO pools (tenant_id, id, name, max_concurrent_calls, created_at, updated_at)
SELECT value->>'tenant', value->>'id', value->>'name', value->>'most', value->>'at', value->>'at'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, max_concurrent_calls = excluded.max_concurrent_calls,
    updated_at = excluded.updated_at, deleted_at = NULL";

const SAVE_AGENTS: &str = "
INSERT INTO voice_agents (tenant_id, id, name, provider, service_value, username, password, enabled,
    max_concurrent_calls, pool_id, metadata, created_at, updated_at)
SELECT value->>'tenant', value->>'id', value->>'name', value->>'provider', unhex(value->>'service_value'),
    unhex(value->>'username'), unhex(value->>'password'), value->>'enabled', value->>'most', value->>'pool',
    value->>'metadata', value->>'at', value->>'at'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, provider = excluded.provider,
    service_value = excluded.service_value, username = excluded.username, password = excluded.password,
    enabled = excluded.enabled, max_concurrent_calls = excluded.max_concurrent_calls, pool_id = excluded.pool_id,
    metadata = excluded.metadata, updated_at = excluded.updated_at, deleted_at = NULL";

const SAVE_GROUPS: &str = "
INSERT INTO agent_groups (tenant_id, id, name, strategy, settings, created_at, updated_at)
SELECT value->>'tenant', value->>'id', value->>'name', value->>'strategy', value->>'settings', value->>'at',
    value->>'at'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, strategy = excluded.strategy,
    settings = excluded.settings, updated_at = excluded.updated_at, deleted_at = NULL";

const SAVE_MEMBERS: &str = "
INSERT INTO agent_group_memberships (tenant_id, group_id, id, agent_id, priority, capacity, enabled,
    max_concurrent_calls, created_at, updated_at)
SELECT value->>'tenant', value->>'group', value->>'id', value->>'agent', value->>'priority', value->>'capacity',
    value->>'enabled', value->>'most', value->>'at', value->>'at'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, group_id, id) DO UPDATE SET agent_id = excluded.agent_id, priority = excluded.priority,
    capacity = excluded.capacity, enabled = excluded.enabled, max_concurrent_calls = excluded.max_concurrent_calls,
    updated_at = excluded.updated_at";

const SAVE_INBOUND: &str = "
INSERT INTO inbound_routing_rules (tenant_id, id, pattern, canonical, agent_id, group_id, priority, enabled,
    created_at, updated_at)
SELECT value->>'tenant', value->>'id', value->>'pattern', value->>'canonical', value->>'agent', value->>'group',
    value->>'priority', value->>'enabled', value->>'at', value->>'at'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, id) DO UPDATE SET pattern = excluded.pattern, canonical = excluded.canonical,
    agent_id = excluded.agent_id, group_id = excluded.group_id, priority = excluded.priority,
    enabled = excluded.enabled, updated_at = excluded.updated_at";

const SAVE_OUTBOUND: &str = "
INSERT INTO outbound_routing_rules (tenant_id, id, caller_id, caller_canonical, destination_pattern,
    destination_canonical, trunk_config, enabled, created_at, updated_at)
SELECT value->>'tenant', value->>'id', value->>'caller', value->>'caller_canonical', value->>'destination',
    value->>'destination_canonical', value->>'trunks', value->>'enabled', value->>'at', value->>'at'
FROM json_each(?) WHERE true
ON CONFLICT (tenant_id, id) DO UPDATE SET caller_id = excluded.caller_id,
    caller_canonical = excluded.caller_canonical, destination_pattern = excluded.destination_pattern,
    destination_canonical = excluded.destination_canonical, trunk_config = excluded.trunk_config,
    enabled = excluded.enabled, updated_at = excluded.updated_at";

const SAVE_TENANT: &str = "
UPDATE tenants SET name = ?, settings = ?, webhook_keys = ?, signature_secret = ?, updated_at = ? WHERE id = ?";

const LOG: &str = "
INSERT INTO config_changes (tenant_id, revision, position, change)
SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?)";

const FORGET: &str = "DELETE FROM config_changes WHERE tenant_id = ? AND revision <= ?";

const RAISE: &str = "
UPDATE tenant_revisions SET revision = ?, last_id = max(last_id, ?), changes_after = max(changes_after, ?)
WHERE tenant_id = ?";

const KEEP_LAST_ID: &str = "
UPDATE tenant_revisions SET last_id = max(last_id, ?) WHERE tenant_id = ?";

const AUDIT: &str = "
INSERT INTO config_audit (tenant_id, revision, kind, ref_id, action, document, created_at)
SELECT value->>'tenant', value->>'revision', value->>'kind', value->>'id', value->>'action', value->>'document',
    value->>'at'
FROM json_each(?)";
