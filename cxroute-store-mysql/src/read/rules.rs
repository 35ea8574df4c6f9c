//! Reading single rules: by id, beside others, and by what changed.

use cxroute_core::config::{InboundRule, OutboundRule};
use cxroute_core::id::RuleId;
use cxroute_core::port::{Changes, StoreError};
use cxroute_store_sql::codec::{document, key, to_document};
use cxroute_store_sql::config::{InboundColumns, OutboundColumns, inbound_rule, outbound_rule};

use super::Scoped;
use crate::error::Fault;

const INBOUND: &str = "inbound_routing_rules";
const OUTBOUND: &str = "outbound_routing_rules";

pub(crate) const INBOUND_BESIDE: &str = "
SELECT r.id, r.pattern, r.agent_id, r.group_id, CAST(r.priority AS SIGNED), CAST(r.enabled AS SIGNED)
FROM JSON_TABLE(?, '$[*]' COLUMNS (pattern LONGTEXT CHARACTER SET utf8mb4 PATH '$[0]' ERROR ON ERROR,
    priority BIGINT PATH '$[1]' ERROR ON ERROR)) k
STRAIGHT_JOIN inbound_routing_rules r FORCE INDEX (inbound_routing_rules_live)
    ON r.tenant_id = ? AND r.live_pattern = CAST(k.pattern AS BINARY) AND r.priority = k.priority
UNION SELECT r.id, r.pattern, r.agent_id, r.group_id, CAST(r.priority AS SIGNED), CAST(r.enabled AS SIGNED)
FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$' ERROR ON ERROR)) k
STRAIGHT_JOIN inbound_routing_rules r FORCE INDEX (inbound_routing_rules_agent)
    ON r.tenant_id = ? AND r.agent_id = k.id
UNION SELECT r.id, r.pattern, r.agent_id, r.group_id, CAST(r.priority AS SIGNED), CAST(r.enabled AS SIGNED)
FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$' ERROR ON ERROR)) k
STRAIGHT_JOIN inbound_routing_rules r FORCE INDEX (inbound_routing_rules_group)
    ON r.tenant_id = ? AND r.group_id = k.id";

pub(crate) const OUTBOUND_BESIDE: &str = "
SELECT DISTINCT r.id, r.caller_id, r.destination_pattern, CAST(r.trunk_config AS CHAR), CAST(r.enabled AS SIGNED)
FROM JSON_TABLE(?, '$[*]' COLUMNS (caller LONGTEXT CHARACTER SET utf8mb4 PATH '$[0]' ERROR ON ERROR,
    destination LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]' ERROR ON ERROR)) k
STRAIGHT_JOIN outbound_routing_rules r FORCE INDEX (outbound_routing_rules_live)
    ON r.tenant_id = ? AND r.live_caller = CAST(k.caller AS BINARY)
    AND r.live_destination = CAST(k.destination AS BINARY)";

impl Scoped<'_> {
    pub(super) async fn inbound_rule(&mut self, id: RuleId) -> Result<Option<InboundRule>, StoreError> {
        let row: Option<InboundColumns> = sqlx::query_as(
            "SELECT id, pattern, agent_id, group_id, CAST(priority AS SIGNED), CAST(enabled AS SIGNED)
             FROM inbound_routing_rules WHERE tenant_id = ? AND id = ?",
        )
        .bind(self.tenant)
        .bind(key(id.get()))
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(|error| Fault::from(error).into_store(INBOUND))?;
        row.map(inbound_rule).transpose()
    }

    pub(super) async fn outbound_rule(&mut self, id: RuleId) -> Result<Option<OutboundRule>, StoreError> {
        let row: Option<OutboundColumns> = sqlx::query_as(
            "SELECT id, caller_id, destination_pattern, CAST(trunk_config AS CHAR), CAST(enabled AS SIGNED)
             FROM outbound_routing_rules WHERE tenant_id = ? AND id = ?",
        )
        .bind(self.tenant)
        .bind(key(id.get()))
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(|error| Fault::from(error).into_store(OUTBOUND))?;
        row.map(outbound_rule).transpose()
    }

    /// Enabled rules with the pattern and priority of one of `changed`, and rules to agents or groups in `gone`.
    pub(super) async fn inbound_rules_beside(
        &mut self,
        changed: &[InboundRule],
        gone: (&[u64], &[u64]),
    ) -> Result<Vec<InboundRule>, StoreError> {
        let enabled = changed.iter().filter(|rule| rule.enabled);
        let keys: Vec<_> = enabled.map(|rule| (rule.pattern.pattern().to_string(), rule.priority)).collect();
        let rows: Vec<InboundColumns> = sqlx::query_as(INBOUND_BESIDE)
            .bind(to_document(&keys, INBOUND)?)
            .bind(self.tenant)
            .bind(to_document(gone.0, INBOUND)?)
            .bind(self.tenant)
            .bind(to_document(gone.1, INBOUND)?)
            .bind(self.tenant)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store(INBOUND))?;
        rows.into_iter().map(inbound_rule).collect()
    }

    /// Enabled rules with the patterns of one of `changed`.
    pub(super) async fn outbound_rules_beside(
        &mut self,
        changed: &[OutboundRule],
    ) -> Result<Vec<OutboundRule>, StoreError> {
        let enabled = changed.iter().filter(|rule| rule.enabled);
        let keys: Vec<_> = enabled
            .map(|rule| {
                (rule.caller_id.pattern().to_string(), rule.destination_pattern.pattern().to_string())
            })
            .collect();
        let rows: Vec<OutboundColumns> = sqlx::query_as(OUTBOUND_BESIDE)
            .bind(to_document(&keys, OUTBOUND)?)
            .bind(self.tenant)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store(OUTBOUND))?;
        rows.into_iter().map(outbound_rule).collect()
    }

    pub(super) async fn changes_since(&mut self, revision: u64) -> Result<Changes, StoreError> {
        let (now, _, after) = self.revision_row().await?;
        if revision < after || revision > now {
            return Ok(Changes::Everything);
        }
        let what = "config_changes";
        let log: Vec<String> = sqlx::query_scalar(
            "SELECT change_made FROM config_changes WHERE tenant_id = ? AND revision > ? ORDER BY revision, position",
        )
        .bind(self.tenant)
        .bind(key(revision))
        .fetch_all(&mut *self.connection)
        .await
        .map_err(|error| Fault::from(error).into_store(what))?;
        let changes: Result<_, _> = log.iter().map(|change| document(change, what)).collect();
        Ok(Changes::Rules { revision: now, changes: changes? })
    }
}
