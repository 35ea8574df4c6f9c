//! The statements that write a draft, in the dialect that MySQL and MariaDB share.
//!
//! Texts come out of the JSON as `LONGTEXT`, so that it is the column that refuses what is too long: MariaDB cuts what a
//! shorter column of `JSON_TABLE` cannot hold.

use cxroute_store_sql::draft::Dialect;

/// Milliseconds since 1970 as a time, within what `DATETIME` can hold.
macro_rules! datetime {
    ($millis:literal) => {
        concat!(
            "TIMESTAMPADD(MICROSECOND, LEAST(GREATEST(",
            $millis,
            ", -62135596800000), 253402300799999) * 1000, '1970-01-01')"
        )
    };
}
pub(crate) use datetime;

/// The dialect.
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
    audit: AUDIT,
    log: LOG,
    forget: FORGET,
    raise: RAISE,
    keep_last_id: KEEP_LAST_ID,
};

/// A statement on the rows of a table whose tenant and id are in an array of `[tenant, id]`. The time is bound first.
macro_rules! retire {
    ($table:literal, $set:literal) => {
        concat!(
            "UPDATE (SELECT ",
            datetime!("?"),
            " AS at) t JOIN JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR,
             id BIGINT PATH '$[1]' ERROR ON ERROR)) k STRAIGHT_JOIN ",
            $table,
            " r ON r.tenant_id = k.tenant AND r.id = k.id SET ",
            $set
        )
    };
}

macro_rules! delete {
    ($table:literal) => {
        concat!(
            "DELETE r FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR,
             id BIGINT PATH '$[1]' ERROR ON ERROR)) k STRAIGHT_JOIN ",
            $table,
            " r ON r.tenant_id = k.tenant AND r.id = k.id"
        )
    };
}

/// Makes room: what changes is out of the unique indexes while it is being written.
const RETIRE: [&str; 5] = [
    retire!("pools", "r.deleted_at = t.at"),
    retire!("voice_agents", "r.deleted_at = t.at"),
    retire!("agent_groups", "r.deleted_at = t.at"),
    retire!("inbound_routing_rules", "r.enabled = 0, r.updated_at = t.at"),
    retire!("outbound_routing_rules", "r.enabled = 0, r.updated_at = t.at"),
];

const DELETE: [&str; 3] = [
    "DELETE m FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR,
     group_id BIGINT PATH '$[1]' ERROR ON ERROR, id BIGINT PATH '$[2]' ERROR ON ERROR)) k
     STRAIGHT_JOIN agent_group_memberships m
     ON m.tenant_id = k.tenant AND m.group_id = k.group_id AND m.id = k.id",
    delete!("inbound_routing_rules"),
    delete!("outbound_routing_rules"),
];

const SAVE_POOLS: &str = concat!(
    "INSERT INTO pools (tenant_id, id, name, max_concurrent_calls, created_at, updated_at)
     SELECT r.tenant, r.id, r.name, r.most, ",
    datetime!("r.at"),
    ", ",
    datetime!("r.at"),
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     id BIGINT PATH '$.id' ERROR ON ERROR, name LONGTEXT CHARACTER SET utf8mb4 PATH '$.name' ERROR ON ERROR,
     most BIGINT PATH '$.most' ERROR ON ERROR, at BIGINT PATH '$.at' ERROR ON ERROR)) r
     ON DUPLICATE KEY UPDATE name = VALUES(name), max_concurrent_calls = VALUES(max_concurrent_calls),
     updated_at = VALUES(updated_at), deleted_at = NULL"
);

const SAVE_AGENTS: &str = concat!(
    "INSERT INTO voice_agents (tenant_id, id, name, provider, service_value, username, password, enabled,
     max_concurrent_calls, pool_id, metadata, created_at, updated_at)
     SELECT r.tenant, r.id, r.name, r.provider, UNHEX(r.service_value), UNHEX(r.username), UNHEX(r.password), r.enabled,
     r.most, r.pool, r.metadata, ",
    datetime!("r.at"),
    ", ",
    datetime!("r.at"),
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     id BIGINT PATH '$.id' ERROR ON ERROR, name LONGTEXT CHARACTER SET utf8mb4 PATH '$.name' ERROR ON ERROR,
     provider LONGTEXT CHARACTER SET utf8mb4 PATH '$.provider' ERROR ON ERROR, service_value LONGTEXT CHARACTER SET utf8mb4 PATH '$.service_value' ERROR ON ERROR,
     username LONGTEXT CHARACTER SET utf8mb4 PATH '$.username' ERROR ON ERROR, password LONGTEXT CHARACTER SET utf8mb4 PATH '$.password' ERROR ON ERROR,
     enabled BIGINT PATH '$.enabled' ERROR ON ERROR, most BIGINT PATH '$.most' ERROR ON ERROR,
     pool BIGINT PATH '$.pool' ERROR ON ERROR, metadata LONGTEXT CHARACTER SET utf8mb4 PATH '$.metadata' ERROR ON ERROR,
     at BIGINT PATH '$.at' ERROR ON ERROR)) r
     ON DUPLICATE KEY UPDATE name = VALUES(name), provider = VALUES(provider), service_value = VALUES(service_value),
     username = VALUES(username), password = VALUES(password), enabled = VALUES(enabled),
     max_concurrent_calls = VALUES(max_concurrent_calls), pool_id = VALUES(pool_id), metadata = VALUES(metadata),
     updated_at = VALUES(updated_at), deleted_at = NULL"
);

const SAVE_GROUPS: &str = concat!(
    "INSERT INTO agent_groups (tenant_id, id, name, strategy, settings, created_at, updated_at)
     SELECT r.tenant, r.id, r.name, r.strategy, r.settings, ",
    datetime!("r.at"),
    ", ",
    datetime!("r.at"),
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     id BIGINT PATH '$.id' ERROR ON ERROR, name LONGTEXT CHARACTER SET utf8mb4 PATH '$.name' ERROR ON ERROR,
     strategy LONGTEXT CHARACTER SET utf8mb4 PATH '$.strategy' ERROR ON ERROR, settings LONGTEXT CHARACTER SET utf8mb4 PATH '$.settings' ERROR ON ERROR,
     at BIGINT PATH '$.at' ERROR ON ERROR)) r
     ON DUPLICATE KEY UPDATE name = VALUES(name), strategy = VALUES(strategy), settings = VALUES(settings),
     updated_at = VALUES(updated_at), deleted_at = NULL"
);

const SAVE_MEMBERS: &str = concat!(
    "INSERT INTO agent_group_memberships (tenant_id, group_id, id, agent_id, priority, capacity, enabled,
     max_concurrent_calls, created_at, updated_at)
     SELECT r.tenant, r.group_id, r.id, r.agent, r.priority, r.capacity, r.enabled, r.most, ",
    datetime!("r.at"),
    ", ",
    datetime!("r.at"),
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     group_id BIGINT PATH '$.group' ERROR ON ERROR, id BIGINT PATH '$.id' ERROR ON ERROR,
     agent BIGINT PATH '$.agent' ERROR ON ERROR, priority BIGINT PATH '$.priority' ERROR ON ERROR,
     capacity BIGINT PATH '$.capacity' ERROR ON ERROR, enabled BIGINT PATH '$.enabled' ERROR ON ERROR,
     most BIGINT PATH '$.most' ERROR ON ERROR, at BIGINT PATH '$.at' ERROR ON ERROR)) r
     ON DUPLICATE KEY UPDATE agent_id = VALUES(agent_id), priority = VALUES(priority), capacity = VALUES(capacity),
     enabled = VALUES(enabled), max_concurrent_calls = VALUES(max_concurrent_calls), updated_at = VALUES(updated_at)"
);

const SAVE_INBOUND: &str = concat!(
    "INSERT INTO inbound_routing_rules (tenant_id, id, pattern, canonical, agent_id, group_id, priority, enabled,
     created_at, updated_at)
     SELECT r.tenant, r.id, r.pattern, r.canonical, r.agent, r.group_id, r.priority, r.enabled, ",
    datetime!("r.at"),
    ", ",
    datetime!("r.at"),
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     id BIGINT PATH '$.id' ERROR ON ERROR, pattern LONGTEXT CHARACTER SET utf8mb4 PATH '$.pattern' ERROR ON ERROR,
     canonical LONGTEXT CHARACTER SET utf8mb4 PATH '$.canonical' ERROR ON ERROR, agent BIGINT PATH '$.agent' ERROR ON ERROR,
     group_id BIGINT PATH '$.group' ERROR ON ERROR, priority BIGINT PATH '$.priority' ERROR ON ERROR,
     enabled BIGINT PATH '$.enabled' ERROR ON ERROR, at BIGINT PATH '$.at' ERROR ON ERROR)) r
     ON DUPLICATE KEY UPDATE pattern = VALUES(pattern), canonical = VALUES(canonical), agent_id = VALUES(agent_id),
     group_id = VALUES(group_id), priority = VALUES(priority), enabled = VALUES(enabled),
     updated_at = VALUES(updated_at)"
);

const SAVE_OUTBOUND: &str = concat!(
    "INSERT INTO outbound_routing_rules (tenant_id, id, caller_id, caller_canonical, destination_pattern,
     destination_canonical, trunk_config, enabled, created_at, updated_at)
     SELECT r.tenant, r.id, r.caller, r.caller_canonical, r.destination, r.destination_canonical, r.trunks, r.enabled, ",
    datetime!("r.at"),
    ", ",
    datetime!("r.at"),
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     id BIGINT PATH '$.id' ERROR ON ERROR, caller LONGTEXT CHARACTER SET utf8mb4 PATH '$.caller' ERROR ON ERROR,
     caller_canonical LONGTEXT CHARACTER SET utf8mb4 PATH '$.caller_canonical' ERROR ON ERROR,
     destination LONGTEXT CHARACTER SET utf8mb4 PATH '$.destination' ERROR ON ERROR,
     destination_canonical LONGTEXT CHARACTER SET utf8mb4 PATH '$.destination_canonical' ERROR ON ERROR,
     trunks LONGTEXT CHARACTER SET utf8mb4 PATH '$.trunks' ERROR ON ERROR, enabled BIGINT PATH '$.enabled' ERROR ON ERROR,
     at BIGINT PATH '$.at' ERROR ON ERROR)) r
     ON DUPLICATE KEY UPDATE caller_id = VALUES(caller_id), caller_canonical = VALUES(caller_canonical),
     destination_pattern = VALUES(destination_pattern), destination_canonical = VALUES(destination_canonical),
     trunk_config = VALUES(trunk_config), enabled = VALUES(enabled), updated_at = VALUES(updated_at)"
);

const SAVE_TENANT: &str = concat!(
    "UPDATE tenants SET name = ?, settings = ?, webhook_keys = ?, signature_secret = ?, updated_at = ",
    datetime!("?"),
    " WHERE id = ?"
);

const AUDIT: &str = concat!(
    "INSERT INTO config_audit (tenant_id, revision, kind, ref_id, action, document, created_at)
     SELECT r.tenant, r.revision, r.kind, r.id, r.action, r.document, ",
    datetime!("r.at"),
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$.tenant' ERROR ON ERROR,
     revision BIGINT PATH '$.revision' ERROR ON ERROR, kind LONGTEXT CHARACTER SET utf8mb4 PATH '$.kind' ERROR ON ERROR,
     id BIGINT PATH '$.id' ERROR ON ERROR, action LONGTEXT CHARACTER SET utf8mb4 PATH '$.action' ERROR ON ERROR,
     document LONGTEXT CHARACTER SET utf8mb4 PATH '$.document' ERROR ON ERROR, at BIGINT PATH '$.at' ERROR ON ERROR)) r"
);

const LOG: &str = "
INSERT INTO config_changes (tenant_id, revision, position, change_made)
SELECT r.tenant, r.revision, r.position, r.change_made
FROM JSON_TABLE(?, '$[*]' COLUMNS (tenant BIGINT PATH '$[0]' ERROR ON ERROR, revision BIGINT PATH '$[1]' ERROR ON ERROR,
    position BIGINT PATH '$[2]' ERROR ON ERROR, change_made LONGTEXT CHARACTER SET utf8mb4 PATH '$[3]' ERROR ON ERROR)) r";

const FORGET: &str = "DELETE FROM config_changes WHERE tenant_id = ? AND revision <= ?";

const RAISE: &str = "
UPDATE tenant_revisions SET revision = ?, last_id = GREATEST(last_id, ?), changes_after = GREATEST(changes_after, ?)
WHERE tenant_id = ?";

const KEEP_LAST_ID: &str = "
UPDATE tenant_revisions SET last_id = GREATEST(last_id, ?) WHERE tenant_id = ?";
