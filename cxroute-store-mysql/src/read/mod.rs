//! Reading one tenant: every method takes a connection of its own and reads one consistent view.

pub(crate) mod calls;
mod config;
mod flush;
pub(crate) mod plane;
pub(crate) mod rules;

use async_trait::async_trait;
use cxroute_core::call::{Call, EventKey, SessionToken};
use cxroute_core::config::{Configuration, InboundRule, OutboundRule, Tenant};
use cxroute_core::id::{RuleId, TenantId};
use cxroute_core::port::{
    AuditEntry, CallDetail, CallFilter, CallReader, Changes, ConfigReader, Names, Page, StoreError,
};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::PlaneImage;
use cxroute_core::time::Timestamp;
use cxroute_store_sql::config::Frame;
use cxroute_store_sql::draft::{ChangedRules, Dialect, Original, Statement};
use sqlx::{MySql, MySqlConnection, MySqlPool, Transaction};

use self::flush::flush;
use crate::error::Fault;
use crate::sql;
use crate::store::tenant_key;

/// A reading handle on one tenant.
#[derive(Clone, Debug)]
pub(crate) struct MySqlRead {
    readers: MySqlPool,
    writer: MySqlPool,
    tenant: TenantId,
}

/// A connection that reads one tenant: what every statement binds first.
pub(crate) struct Scoped<'c> {
    connection: &'c mut MySqlConnection,
    tenant: i64,
}

impl MySqlRead {
    pub(crate) const fn new(readers: MySqlPool, writer: MySqlPool, tenant: TenantId) -> Self {
        Self { readers, writer, tenant }
    }

    /// A consistent view; dropping it ends it.
    async fn view(&self) -> Result<Transaction<'static, MySql>, StoreError> {
        self.readers.begin().await.map_err(|error| Fault::from(error).into_store("the database"))
    }

    fn scoped<'c>(&self, view: &'c mut Transaction<'static, MySql>) -> Scoped<'c> {
        Scoped { connection: &mut *view, tenant: tenant_key(self.tenant) }
    }
}

#[async_trait]
impl Original for MySqlRead {
    const DIALECT: &'static Dialect = &sql::DIALECT;

    fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    async fn frame(&self) -> Result<(Frame, u64), StoreError> {
        self.scoped(&mut self.view().await?).frame().await
    }

    async fn inbound_rule(&self, id: RuleId) -> Result<Option<InboundRule>, StoreError> {
        self.scoped(&mut self.view().await?).inbound_rule(id).await
    }

    async fn outbound_rule(&self, id: RuleId) -> Result<Option<OutboundRule>, StoreError> {
        self.scoped(&mut self.view().await?).outbound_rule(id).await
    }

    async fn rules_beside(
        &self,
        changed: ChangedRules<'_>,
        gone: (&[u64], &[u64]),
    ) -> Result<(Vec<InboundRule>, Vec<OutboundRule>), StoreError> {
        let mut view = self.view().await?;
        let inbound = self.scoped(&mut view).inbound_rules_beside(changed.0, gone).await?;
        let outbound = self.scoped(&mut view).outbound_rules_beside(changed.1).await?;
        Ok((inbound, outbound))
    }

    async fn flush(&self, revision: u64, plan: Vec<Statement>) -> Result<(), StoreError> {
        flush(&self.writer, self.tenant, revision, &plan).await
    }
}

#[async_trait]
impl ConfigReader for MySqlRead {
    async fn tenant(&mut self) -> Result<Tenant, StoreError> {
        self.scoped(&mut self.view().await?).tenant().await
    }

    async fn revision(&mut self) -> Result<u64, StoreError> {
        self.scoped(&mut self.view().await?).revision().await
    }

    async fn configuration(&mut self) -> Result<Configuration, StoreError> {
        self.scoped(&mut self.view().await?).configuration().await
    }

    async fn changes_since(&mut self, revision: u64) -> Result<Changes, StoreError> {
        self.scoped(&mut self.view().await?).changes_since(revision).await
    }

    async fn names(&mut self) -> Result<Names, StoreError> {
        self.scoped(&mut self.view().await?).names().await
    }
}

#[async_trait]
impl CallReader for MySqlRead {
    async fn call(&mut self, token: &SessionToken) -> Result<Option<Call>, StoreError> {
        let mut view = self.view().await?;
        self.scoped(&mut view).call(token).await
    }

    async fn call_detail(&mut self, token: &SessionToken) -> Result<Option<CallDetail>, StoreError> {
        self.scoped(&mut self.view().await?).call_detail(token).await
    }

    async fn calls(&mut self, filter: &CallFilter, page: Page) -> Result<Vec<Call>, StoreError> {
        self.scoped(&mut self.view().await?).calls(filter, page).await
    }

    async fn answer(&mut self, token: &SessionToken, key: EventKey) -> Result<Option<Sealed>, StoreError> {
        self.scoped(&mut self.view().await?).answer(token, key).await
    }

    async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError> {
        self.scoped(&mut self.view().await?).plane_image(now).await
    }

    async fn audit(&mut self, token: &SessionToken) -> Result<Vec<AuditEntry>, StoreError> {
        self.scoped(&mut self.view().await?).audit(token).await
    }

    async fn audit_count(&mut self) -> Result<u64, StoreError> {
        self.scoped(&mut self.view().await?).audit_count().await
    }
}
