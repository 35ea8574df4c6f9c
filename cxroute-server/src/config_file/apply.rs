//! Applying a form: one transaction, and nothing at all if nothing differs.

use cxroute_core::authority::Operator;
use cxroute_core::config::{Configuration, GateKeys, Tenant, TenantSettings};
use cxroute_core::id::TenantId;
use cxroute_core::port::{Store, StoreError, TenantTx};
use cxroute_core::seal::Keyring;
use cxroute_core::time::Timestamp;

use super::form::Form;
use super::plan::{Edit, Ids, Plan, PlanError, Saved};

/// Whether changes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are committed.
    Commit,
    /// They are only told.
    DryRun,
}

/// What applying came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What changed, or would: one line each, without secrets.
    pub changes: Vec<String>,
    /// What was taken, but deserves a look.
    pub warnings: Vec<String>,
    /// The configuration's revision afterwards; the present one after a dry run; none for a tenant that is not there.
    pub revision: Option<u64>,
}

/// Why a form was not applied. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The form is to be mended.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store and the keys that a form is applied with, and the operator's authority to do it.
#[derive(Clone, Copy)]
pub struct Applier<'a> {
    /// Where configurations are kept.
    pub store: &'a dyn Store,
    /// What seals secrets and hashes webhook keys.
    pub keyring: &'a Keyring,
    /// The authority over all tenants.
    pub operator: &'a Operator,
}

impl Applier<'_> {
    /// Makes the tenant of the form's domain match the form; creates it if there is none.
    ///
    /// # Errors
    /// [`ApplyError`]; nothing has changed then.
    pub async fn apply(&self, form: &Form, mode: Mode, now: Timestamp) -> Result<Applied, ApplyError> {
        let known = self.store.tenant_by_domain(self.operator, &form.tenant.domain).await?;
        let tenant = match (known, mode) {
            (Some(tenant), _) => tenant,
            (None, Mode::DryRun) => return Ok(told(self.first(form)?, None)),
            (None, Mode::Commit) => {
                // Planned before it is created, so that a form that is refused leaves no empty tenant behind.
                self.first(form)?;
                self.create(form, now).await?
            }
        };
        let mut applied = self.change(tenant, form, mode, now).await?;
        if known.is_none() {
            applied.changes.insert(0, created(form));
        }
        Ok(applied)
    }

    /// What the tenant's configuration would be under the form: nothing is saved. What `explain` tries a draft with.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn draft(&self, form: &Form) -> Result<Configuration, ApplyError> {
        let Some(tenant) = self.store.tenant_by_domain(self.operator, &form.tenant.domain).await? else {
            return Ok(self.first(form)?.configuration);
        };
        let current = self.store.read(&self.operator.read(tenant)).await?.configuration().await?;
        let ids = Ids::provisional(&current);
        Ok(Plan::new(form, &current, self.keyring, ids)?.configuration)
    }

    /// The plan for a tenant that is not there yet.
    fn first(&self, form: &Form) -> Result<Plan, PlanError> {
        let nothing = nothing(form);
        let mut plan = Plan::new(form, &nothing, self.keyring, Ids::provisional(&nothing))?;
        plan.changes.insert(0, created(form));
        Ok(plan)
    }

    async fn create(&self, form: &Form, now: Timestamp) -> Result<TenantId, StoreError> {
        let (name, domain) = (&form.tenant.name, &form.tenant.domain);
        match self.store.create_tenant(self.operator, name, domain, now).await {
            // Somebody else created it in this moment: then it is there.
            Err(StoreError::Conflict { what }) => {
                let there = self.store.tenant_by_domain(self.operator, domain).await?;
                there.ok_or(StoreError::Conflict { what })
            }
            other => other,
        }
    }

    async fn change(
        &self,
        tenant: TenantId,
        form: &Form,
        mode: Mode,
        now: Timestamp,
    ) -> Result<Applied, ApplyError> {
        let mut tx = self.store.begin(&self.operator.config(tenant)).await?;
        let current = tx.configuration().await?;
        let mut plan = Plan::new(form, &current, self.keyring, Ids::provisional(&current))?;
        if plan.changes.is_empty() || mode == Mode::DryRun {
            return Ok(told(plan, Some(current.revision)));
        }
        if plan.minted > 0 {
            // Secrets are sealed for their rows, so the rows' real ids come before the sealing: plan again with them.
            let mut ids = Vec::with_capacity(plan.minted);
            for _ in 0..plan.minted {
                ids.push(tx.mint().await?);
            }
            plan = Plan::new(form, &current, self.keyring, Ids::minted(ids))?;
        }
        save(tx.as_mut(), &plan).await?;
        let revision = tx.commit(now).await?;
        Ok(told(plan, Some(revision)))
    }
}

/// Deletes rules first and what they refer to last, so that no reference ever leads nowhere.
async fn save(tx: &mut dyn TenantTx, plan: &Plan) -> Result<(), StoreError> {
    let (edits, planned) = (&plan.edits, &plan.configuration);
    for id in from_last(&edits.inbound) {
        tx.delete_inbound_rule(id).await?;
    }
    for id in from_last(&edits.outbound) {
        tx.delete_outbound_rule(id).await?;
    }
    if edits.tenant == Saved::Yes {
        tx.save_tenant(&planned.tenant).await?;
    }
    for pool in saved(&edits.pools, &planned.pools, |pool| pool.id) {
        tx.save_pool(pool).await?;
    }
    for agent in saved(&edits.agents, &planned.agents, |agent| agent.id) {
        tx.save_agent(agent).await?;
    }
    for group in saved(&edits.groups, &planned.groups, |group| group.id) {
        tx.save_group(group).await?;
    }
    for rule in saved(&edits.inbound, &planned.inbound_rules, |rule| rule.id) {
        tx.save_inbound_rule(rule).await?;
    }
    for rule in saved(&edits.outbound, &planned.outbound_rules, |rule| rule.id) {
        tx.save_outbound_rule(rule).await?;
    }
    for id in from_last(&edits.groups) {
        tx.delete_group(id).await?;
    }
    for id in from_last(&edits.agents) {
        tx.delete_agent(id).await?;
    }
    for id in from_last(&edits.pools) {
        tx.delete_pool(id).await?;
    }
    Ok(())
}

/// The last first: a store that keeps a list in order of id then moves nothing.
fn from_last<Id: Copy + Ord>(edit: &Edit<Id>) -> Vec<Id> {
    let mut ids = edit.delete.clone();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids
}

/// The planned aggregates that are to be saved, in order of id.
fn saved<'a, T, Id: Copy + Ord>(
    edit: &Edit<Id>,
    planned: &'a [T],
    id: impl Fn(&T) -> Id,
) -> impl Iterator<Item = &'a T> {
    let mut ids = edit.save.clone();
    ids.sort_unstable();
    planned.iter().filter(move |item| ids.binary_search(&id(item)).is_ok())
}

fn told(plan: Plan, revision: Option<u64>) -> Applied {
    Applied { warnings: plan.all_warnings(), changes: plan.changes, revision }
}

fn created(form: &Form) -> String {
    format!("tenant {:?} ({}): created", form.tenant.name, form.tenant.domain)
}

/// The configuration of a tenant that is not there yet.
fn nothing(form: &Form) -> Configuration {
    Configuration {
        revision: 0,
        tenant: Tenant {
            id: TenantId::new(0),
            name: form.tenant.name.clone(),
            domain: form.tenant.domain.clone(),
            settings: TenantSettings::default(),
            keys: GateKeys::default(),
        },
        pools: Vec::new(),
        agents: Vec::new(),
        groups: Vec::new(),
        inbound_rules: Vec::new(),
        outbound_rules: Vec::new(),
    }
}
