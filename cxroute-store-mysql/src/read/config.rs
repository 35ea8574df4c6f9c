//! Reading configuration: rows to aggregates.

use cxroute_core::config::{Configuration, Group, Tenant};
use cxroute_core::port::{Names, StoreError};
use cxroute_store_sql::codec::{corrupt, number};
use cxroute_store_sql::config::{self, Frame, GroupColumns, MemberColumns, TenantColumns};
use sqlx::FromRow;
use sqlx::mysql::MySqlRow;

use super::Scoped;
use crate::error::Fault;

impl Scoped<'_> {
    /// Every row of a statement whose only parameter is the tenant.
    pub(super) async fn all<T>(&mut self, sql: &'static str, what: &str) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, MySqlRow> + Send + Unpin,
    {
        sqlx::query_as(sql)
            .bind(self.tenant)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store(what))
    }

    pub(super) async fn configuration(&mut self) -> Result<Configuration, StoreError> {
        let (frame, _) = self.frame().await?;
        let inbound = self
            .all(
                "SELECT id, pattern, agent_id, group_id, CAST(priority AS SIGNED), CAST(enabled AS SIGNED) FROM inbound_routing_rules
                 WHERE tenant_id = ? ORDER BY id",
                "inbound_routing_rules",
            )
            .await?;
        let outbound = self
            .all(
                "SELECT id, caller_id, destination_pattern, CAST(trunk_config AS CHAR), CAST(enabled AS SIGNED) FROM outbound_routing_rules
                 WHERE tenant_id = ? ORDER BY id",
                "outbound_routing_rules",
            )
            .await?;
        let inbound: Result<_, _> = inbound.into_iter().map(config::inbound_rule).collect();
        let outbound: Result<_, _> = outbound.into_iter().map(config::outbound_rule).collect();
        Ok(frame.with(inbound?, outbound?))
    }

    pub(super) async fn frame(&mut self) -> Result<(Frame, u64), StoreError> {
        let tenant = self.tenant().await?;
        let (revision, last_id, _) = self.revision_row().await?;
        let pools = self
            .all(
                "SELECT id, name, CAST(max_concurrent_calls AS SIGNED) FROM pools
                 WHERE tenant_id = ? AND deleted_at IS NULL ORDER BY id",
                "pools",
            )
            .await?;
        let agents = self
            .all(
                "SELECT id, name, provider, service_value, username, password, CAST(enabled AS SIGNED),
                 CAST(max_concurrent_calls AS SIGNED), pool_id, CAST(metadata AS CHAR) FROM voice_agents WHERE tenant_id = ? AND deleted_at IS NULL ORDER BY id",
                "voice_agents",
            )
            .await?;
        let pools: Result<_, _> = pools.into_iter().map(config::pool).collect();
        let agents: Result<_, _> = agents.into_iter().map(config::agent).collect();
        let groups = self.groups().await?;
        Ok((Frame { revision, tenant, pools: pools?, agents: agents?, groups }, last_id))
    }

    pub(super) async fn tenant(&mut self) -> Result<Tenant, StoreError> {
        let what = "tenants";
        let rows: Vec<TenantColumns> = self
            .all(
                "SELECT id, name, domain, CAST(settings AS CHAR), CAST(webhook_keys AS CHAR), signature_secret FROM tenants WHERE id = ?",
                what,
            )
            .await?;
        let row = rows.into_iter().next();
        config::tenant(row.ok_or_else(|| corrupt(what, "its row is gone"))?)
    }

    /// The revision, the last id given, and the revision after which every change is in the log.
    pub(super) async fn revision_row(&mut self) -> Result<(u64, u64, u64), StoreError> {
        let what = "tenant_revisions";
        let rows: Vec<(i64, i64, i64)> = self
            .all("SELECT revision, last_id, changes_after FROM tenant_revisions WHERE tenant_id = ?", what)
            .await?;
        let (revision, last_id, after) = *rows.first().ok_or_else(|| corrupt(what, "its row is gone"))?;
        Ok((number(revision, what)?, number(last_id, what)?, number(after, what)?))
    }

    pub(super) async fn revision(&mut self) -> Result<u64, StoreError> {
        Ok(self.revision_row().await?.0)
    }

    async fn groups(&mut self) -> Result<Vec<Group>, StoreError> {
        let what = "agent_groups";
        let rows: Vec<GroupColumns> = self
            .all(
                "SELECT id, name, strategy, CAST(settings AS CHAR) FROM agent_groups
                 WHERE tenant_id = ? AND deleted_at IS NULL ORDER BY id",
                what,
            )
            .await?;
        let members: Vec<MemberColumns> = self
            .all(
                "SELECT group_id, id, agent_id, CAST(priority AS SIGNED), CAST(capacity AS SIGNED), CAST(enabled AS SIGNED),
                 CAST(max_concurrent_calls AS SIGNED)
                 FROM agent_group_memberships WHERE tenant_id = ? ORDER BY group_id, id",
                "agent_group_memberships",
            )
            .await?;
        config::groups(rows, members)
    }

    pub(super) async fn names(&mut self) -> Result<Names, StoreError> {
        let agents: Vec<(i64, String)> =
            self.all("SELECT id, name FROM voice_agents WHERE tenant_id = ?", "voice_agents").await?;
        let groups: Vec<(i64, String)> =
            self.all("SELECT id, name FROM agent_groups WHERE tenant_id = ?", "agent_groups").await?;
        config::names(agents, groups)
    }
}
