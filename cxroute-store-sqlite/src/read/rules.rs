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

impl Scoped<'_> {
    pub(super) async fn inbound_rule(&mut self, id: RuleId) -> Result<Option<InboundRule>, StoreError> {
        let row: Option<InboundColumns> = sqlx::query_as(
            "SELECT id, pattern, agent_id, group_id, priority, enabled FROM inbound_routing_rules
             WHERE tenant_id = ? AND id = ?",
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
            "SELECT id, caller_id, destination_pattern, trunk_config, enabled FROM outbound_routing_rules
             WHERE tenant_id = ? AND id = ?",
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
        let rows: Vec<InboundColumns> = sqlx::query_as(
            "SELECT r.id, r.pattern, r.agent_id, r.group_id, r.priority, r.enabled
             FROM json_each(?2) k CROSS JOIN inbound_routing_rules r ON r.tenant_id = ?1
                 AND r.live_pattern = k.value->>0 AND r.priority = k.value->>1
             UNION SELECT id, pattern, agent_id, group_id, priority, enabled FROM inbound_routing_rules
             WHERE tenant_id = ?1 AND agent_id IN (SELECT value FROM json_each(?3))
             UNION SELECT id, pattern, agent_id, group_id, priority, enabled FROM inbound_routing_rules
             WHERE tenant_id = ?1 AND group_id IN (SELECT value FROM json_each(?4))",
        )
        .bind(self.tenant)
        .bind(to_document(&keys, INBOUND)?)
        .bind(to_document(gone.0, INBOUND)?)
        .bind(to_document(gone.1, INBOUND)?)
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
        let rows: Vec<OutboundColumns> = sqlx::query_as(
            "SELECT DISTINCT r.id, r.caller_id, r.destination_pattern, r.trunk_config, r.enabled
             FROM json_each(?2) k CROSS JOIN outbound_routing_rules r ON r.tenant_id = ?1
                 AND r.live_caller = k.value->>0 AND r.live_destination = k.value->>1",
        )
        .bind(self.tenant)
        .bind(to_document(&keys, OUTBOUND)?)
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
            "SELECT change FROM config_changes WHERE tenant_id = ? AND revision > ? ORDER BY revision, position",
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
