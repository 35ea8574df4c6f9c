//! A configuration transaction: a private draft, checked and written in one piece on commit.
//!
//! It holds the tenant's turn from begin to end, so that changes of one tenant happen one after the other, but the
//! database's writer only while it commits: webhooks never wait for somebody who thinks. Another process that changed
//! the configuration meanwhile is noticed by the revision. Rules, of which there may be a million, are read one by one
//! as they are touched.

mod audit;
mod check;
mod diff;
mod flush;
mod plan;
mod rows;
mod sql;
mod writers;

use std::collections::BTreeMap;

use async_trait::async_trait;
use cxroute_core::call::{Call, EventKey, SessionToken};
use cxroute_core::config::{Configuration, InboundRule, OutboundRule, Tenant};
use cxroute_core::id::RuleId;
use cxroute_core::port::{
    AuditEntry, CallDetail, CallFilter, CallReader, Change, Changes, ConfigReader, Names, Page, StoreError,
    TenantTx,
};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::PlaneImage;
use cxroute_core::time::Timestamp;
use sqlx::SqlitePool;
use tokio::sync::OwnedMutexGuard;

use self::check::Touched;
use self::diff::Diff;
use self::plan::plan;
use self::rows::Stamp;
use crate::read::{Frame, SqliteRead};

/// A tenant's configuration on its way.
pub(crate) struct SqliteTx {
    read: SqliteRead,
    writer: SqlitePool,
    /// The tenant's turn, and the last id given.
    last_id: OwnedMutexGuard<u64>,
    base: Frame,
    draft: Frame,
    inbound: BTreeMap<RuleId, Edit<InboundRule>>,
    outbound: BTreeMap<RuleId, Edit<OutboundRule>>,
    /// What happened to single rules, in order.
    changes: Vec<Change>,
    /// The last id given when this began.
    first_id: u64,
}

/// A rule as it was and as it is to be.
#[derive(Clone, Debug)]
struct Edit<T> {
    before: Option<T>,
    now: Option<T>,
}

impl<T: PartialEq> Edit<T> {
    fn changes(&self) -> bool {
        self.before != self.now
    }
}

impl SqliteTx {
    /// Begins; `last_id` is the tenant's turn.
    pub(crate) async fn begin(
        read: SqliteRead,
        writer: SqlitePool,
        mut last_id: OwnedMutexGuard<u64>,
    ) -> Result<Self, StoreError> {
        let (base, stored) = read.frame().await?;
        *last_id = stored.max(*last_id);
        let draft = base.clone();
        let (inbound, outbound) = (BTreeMap::new(), BTreeMap::new());
        let (changes, first_id) = (Vec::new(), *last_id);
        Ok(Self { read, writer, last_id, base, draft, inbound, outbound, changes, first_id })
    }
}

#[async_trait]
impl TenantTx for SqliteTx {
    async fn mint(&mut self) -> Result<u64, StoreError> {
        *self.last_id += 1;
        Ok(*self.last_id)
    }

    async fn commit(self: Box<Self>, at: Timestamp) -> Result<u64, StoreError> {
        let (tenant, base) = (self.read.tenant(), self.base.revision);
        let stamp = Stamp { tenant: tenant.get(), at: at.as_millis() };
        let (touched, plan) = {
            let diff = Diff::of(&self);
            if diff.is_empty() {
                (None, plan::ids_only(tenant, self.first_id, *self.last_id))
            } else {
                (Some(Touched::of(&diff)), plan(&diff, &self.changes, stamp, base + 1, *self.last_id)?)
            }
        };
        let Some(touched) = touched else {
            flush::flush(&self.writer, tenant, base, plan).await?;
            return Ok(base);
        };
        self.check(touched).await?;
        flush::flush(&self.writer, tenant, base, plan).await?;
        Ok(base + 1)
    }
}

/// Lays the edits over the rules as they were, in order of id.
fn overlay<T: Clone>(rules: Vec<T>, edits: &BTreeMap<RuleId, Edit<T>>, id: impl Fn(&T) -> RuleId) -> Vec<T> {
    let mut all: BTreeMap<RuleId, T> = rules.into_iter().map(|rule| (id(&rule), rule)).collect();
    for (id, edit) in edits {
        match &edit.now {
            Some(rule) => all.insert(*id, rule.clone()),
            None => all.remove(id),
        };
    }
    all.into_values().collect()
}

#[async_trait]
impl ConfigReader for SqliteTx {
    async fn tenant(&mut self) -> Result<Tenant, StoreError> {
        Ok(self.draft.tenant.clone())
    }

    async fn revision(&mut self) -> Result<u64, StoreError> {
        Ok(self.draft.revision)
    }

    async fn configuration(&mut self) -> Result<Configuration, StoreError> {
        let stored = self.read.configuration().await?;
        let inbound = overlay(stored.inbound_rules, &self.inbound, |rule| rule.id);
        let outbound = overlay(stored.outbound_rules, &self.outbound, |rule| rule.id);
        Ok(self.draft.clone().with(inbound, outbound))
    }

    async fn changes_since(&mut self, revision: u64) -> Result<Changes, StoreError> {
        self.read.changes_since(revision).await
    }

    async fn names(&mut self) -> Result<Names, StoreError> {
        let mut names = self.read.names().await?;
        names.agents.extend(self.draft.agents.iter().map(|agent| (agent.id, agent.name.clone())));
        names.groups.extend(self.draft.groups.iter().map(|group| (group.id, group.name.clone())));
        Ok(names)
    }
}

#[async_trait]
impl CallReader for SqliteTx {
    async fn call(&mut self, token: &SessionToken) -> Result<Option<Call>, StoreError> {
        self.read.call(token).await
    }

    async fn call_detail(&mut self, token: &SessionToken) -> Result<Option<CallDetail>, StoreError> {
        self.read.call_detail(token).await
    }

    async fn calls(&mut self, filter: &CallFilter, page: Page) -> Result<Vec<Call>, StoreError> {
        self.read.calls(filter, page).await
    }

    async fn answer(&mut self, token: &SessionToken, key: EventKey) -> Result<Option<Sealed>, StoreError> {
        self.read.answer(token, key).await
    }

    async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError> {
        self.read.plane_image(now).await
    }

    async fn audit(&mut self, token: &SessionToken) -> Result<Vec<AuditEntry>, StoreError> {
        self.read.audit(token).await
    }

    async fn audit_count(&mut self) -> Result<u64, StoreError> {
        self.read.audit_count().await
    }
}
