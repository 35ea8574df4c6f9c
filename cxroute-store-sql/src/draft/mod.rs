//! A configuration transaction: a private draft, checked and written in one piece on commit.
//!
//! It holds the tenant's turn from begin to end, so that changes of one tenant happen one after the other, but nothing
//! of the database except while it commits: webhooks never wait for somebody who thinks. Another process that changed
//! the configuration meanwhile is noticed by the revision. Rules, of which there may be a million, are read one by one
//! as they are touched.
//!
//! What the draft is a draft of is an [`Original`]: it reads the stored configuration, and runs the [`Statement`]s of its
//! [`Dialect`] that the draft comes to.

mod audit;
mod check;
mod dialect;
mod diff;
mod plan;
mod rows;
mod writers;

use std::collections::BTreeMap;

use async_trait::async_trait;
use cxroute_core::call::{Call, EventKey, SessionToken};
use cxroute_core::config::{Configuration, InboundRule, OutboundRule, Tenant};
use cxroute_core::id::{RuleId, TenantId};
use cxroute_core::port::{
    AuditEntry, CallDetail, CallFilter, CallReader, Change, Changes, ConfigReader, Names, Page, StoreError,
    TenantRead, TenantTx,
};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::PlaneImage;
use cxroute_core::time::Timestamp;
use tokio::sync::OwnedMutexGuard;

use self::check::Touched;
use self::diff::Diff;
use self::plan::plan;
use self::rows::Stamp;
use crate::config::Frame;

pub use self::dialect::Dialect;
pub use self::plan::{Argument, Statement};

/// Rules that others may suffer from: changed ones.
pub type ChangedRules<'a> = (&'a [InboundRule], &'a [OutboundRule]);

/// The stored configuration of one tenant, as a draft needs it.
#[async_trait]
pub trait Original: TenantRead + Sync + 'static {
    /// The statements of its database.
    const DIALECT: &'static Dialect;

    /// Whose it is.
    fn tenant_id(&self) -> TenantId;

    /// Everything but the rules, and the last id given.
    async fn frame(&self) -> Result<(Frame, u64), StoreError>;

    /// A rule.
    async fn inbound_rule(&self, id: RuleId) -> Result<Option<InboundRule>, StoreError>;

    /// A rule.
    async fn outbound_rule(&self, id: RuleId) -> Result<Option<OutboundRule>, StoreError>;

    /// Enabled rules with the pattern (and priority, or the caller) of an enabled one of `changed`, and inbound rules to
    /// the agents or groups in `gone`.
    async fn rules_beside(
        &self,
        changed: ChangedRules<'_>,
        gone: (&[u64], &[u64]),
    ) -> Result<(Vec<InboundRule>, Vec<OutboundRule>), StoreError>;

    /// Runs `plan` in one transaction, if the configuration is still at `revision`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it is not: somebody else was faster.
    async fn flush(&self, revision: u64, plan: Vec<Statement>) -> Result<(), StoreError>;
}

/// A tenant's configuration on its way.
#[derive(Debug)]
pub struct Draft<O> {
    original: O,
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

impl<O: Original> Draft<O> {
    /// Begins; `last_id` is the tenant's turn among the drafts of this process, and the last id that one of them has
    /// given.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn begin(original: O, mut last_id: OwnedMutexGuard<u64>) -> Result<Self, StoreError> {
        let (base, stored) = original.frame().await?;
        *last_id = stored.max(*last_id);
        let draft = base.clone();
        let (inbound, outbound) = (BTreeMap::new(), BTreeMap::new());
        let (changes, first_id) = (Vec::new(), *last_id);
        Ok(Self { original, last_id, base, draft, inbound, outbound, changes, first_id })
    }
}

#[async_trait]
impl<O: Original> TenantTx for Draft<O> {
    async fn mint(&mut self) -> Result<u64, StoreError> {
        *self.last_id += 1;
        Ok(*self.last_id)
    }

    async fn commit(self: Box<Self>, at: Timestamp) -> Result<u64, StoreError> {
        let (tenant, base) = (self.original.tenant_id(), self.base.revision);
        let stamp = Stamp { tenant: tenant.get(), at: at.as_millis() };
        let (touched, plan) = {
            let diff = Diff::of(&self);
            if diff.is_empty() {
                (None, plan::ids_only(O::DIALECT, tenant, self.first_id, *self.last_id))
            } else {
                (
                    Some(Touched::of(&diff)),
                    plan(O::DIALECT, &diff, &self.changes, stamp, base + 1, *self.last_id)?,
                )
            }
        };
        let Some(touched) = touched else {
            self.original.flush(base, plan).await?;
            return Ok(base);
        };
        self.check(touched).await?;
        self.original.flush(base, plan).await?;
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
impl<O: Original> ConfigReader for Draft<O> {
    async fn tenant(&mut self) -> Result<Tenant, StoreError> {
        Ok(self.draft.tenant.clone())
    }

    async fn revision(&mut self) -> Result<u64, StoreError> {
        Ok(self.draft.revision)
    }

    async fn configuration(&mut self) -> Result<Configuration, StoreError> {
        let stored = self.original.configuration().await?;
        let inbound = overlay(stored.inbound_rules, &self.inbound, |rule| rule.id);
        let outbound = overlay(stored.outbound_rules, &self.outbound, |rule| rule.id);
        Ok(self.draft.clone().with(inbound, outbound))
    }

    async fn changes_since(&mut self, revision: u64) -> Result<Changes, StoreError> {
        self.original.changes_since(revision).await
    }

    async fn names(&mut self) -> Result<Names, StoreError> {
        let mut names = self.original.names().await?;
        names.agents.extend(self.draft.agents.iter().map(|agent| (agent.id, agent.name.clone())));
        names.groups.extend(self.draft.groups.iter().map(|group| (group.id, group.name.clone())));
        Ok(names)
    }
}

#[async_trait]
impl<O: Original> CallReader for Draft<O> {
    async fn call(&mut self, token: &SessionToken) -> Result<Option<Call>, StoreError> {
        self.original.call(token).await
    }

    async fn call_detail(&mut self, token: &SessionToken) -> Result<Option<CallDetail>, StoreError> {
        self.original.call_detail(token).await
    }

    async fn calls(&mut self, filter: &CallFilter, page: Page) -> Result<Vec<Call>, StoreError> {
        self.original.calls(filter, page).await
    }

    async fn answer(&mut self, token: &SessionToken, key: EventKey) -> Result<Option<Sealed>, StoreError> {
        self.original.answer(token, key).await
    }

    async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError> {
        self.original.plane_image(now).await
    }

    async fn audit(&mut self, token: &SessionToken) -> Result<Vec<AuditEntry>, StoreError> {
        self.original.audit(token).await
    }

    async fn audit_count(&mut self) -> Result<u64, StoreError> {
        self.original.audit_count().await
    }
}
