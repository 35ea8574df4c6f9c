//! What a draft changes as statements: what makes room goes first (names, live patterns), then what is saved, then the
//! audit, the log of changes and the revision.

use cxroute_core::config::Tenant;
use cxroute_core::id::TenantId;
use cxroute_core::port::{Change, StoreError};
use serde::Serialize;

use super::audit;
use super::dialect::Dialect;
use super::diff::Diff;
use super::rows::{Stamp, agent, group, inbound, member, outbound, pool};
use crate::codec::{RowForm as _, Rows, key, to_document};

/// So many rows go into one statement.
const ROWS: usize = 5_000;

/// A commit that changes more rules than this is logged as a change of everything.
const MOST_LOGGED_RULES: usize = 1_000;

/// The log of single rules reaches back so many revisions.
const LOGGED_REVISIONS: u64 = 1_000;

/// A statement with its arguments.
#[derive(Debug)]
pub struct Statement {
    /// Its text.
    pub sql: &'static str,
    /// In the order of its parameters.
    pub arguments: Vec<Argument>,
}

/// What a statement binds.
#[derive(Debug)]
pub enum Argument {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// Sealed bytes, or none.
    Blob(Option<Vec<u8>>),
}

/// The statements that write `diff` as `revision`; `changes` are those of single rules, in the order of saving.
pub(super) fn plan(
    sql: &'static Dialect,
    diff: &Diff<'_>,
    changes: &[Change],
    stamp: Stamp,
    revision: u64,
    last_id: u64,
) -> Result<Vec<Statement>, StoreError> {
    let mut plan = Plan { sql, stamp, revision, statements: Vec::new() };
    plan.make_room(diff)?;
    plan.save_frame(diff)?;
    plan.rows(sql.save_inbound, diff.inbound.saved.iter().map(|rule| inbound(stamp, rule)))?;
    plan.rows(sql.save_outbound, diff.outbound.saved.iter().map(|rule| outbound(stamp, rule)))?;
    plan.rows(sql.audit, audit::rows(diff, stamp, revision).into_iter())?;
    plan.log(diff, changes, last_id)?;
    Ok(plan.statements)
}

/// The statement that keeps ids from being given again which a transaction without changes has minted.
pub(super) fn ids_only(sql: &'static Dialect, tenant: TenantId, first: u64, last: u64) -> Vec<Statement> {
    if first == last {
        return Vec::new();
    }
    let arguments = vec![Argument::Number(key(last)), Argument::Number(key(tenant.get()))];
    vec![Statement { sql: sql.keep_last_id, arguments }]
}

struct Plan {
    sql: &'static Dialect,
    stamp: Stamp,
    revision: u64,
    statements: Vec<Statement>,
}

impl Plan {
    fn make_room(&mut self, diff: &Diff<'_>) -> Result<(), StoreError> {
        let [pools, agents, groups, inbound, outbound] = self.sql.retire;
        self.retire(pools, diff.pools.saved.iter().chain(&diff.pools.deleted).map(|pool| pool.id.get()))?;
        self.retire(
            agents,
            diff.agents.saved.iter().chain(&diff.agents.deleted).map(|agent| agent.id.get()),
        )?;
        self.retire(
            groups,
            diff.groups.saved.iter().chain(&diff.groups.deleted).map(|group| group.id.get()),
        )?;
        self.retire(inbound, diff.inbound.saved.iter().map(|rule| rule.id.get()))?;
        self.retire(outbound, diff.outbound.saved.iter().map(|rule| rule.id.get()))?;
        let [members, inbound, outbound] = self.sql.delete;
        let tenant = self.stamp.tenant;
        let gone = diff.members.deleted.iter().map(|(group, member)| Ok((tenant, *group, member.id)));
        self.rows(members, gone)?;
        self.rows(inbound, diff.inbound.deleted.iter().map(|rule| Ok((tenant, rule.id))))?;
        self.rows(outbound, diff.outbound.deleted.iter().map(|rule| Ok((tenant, rule.id))))
    }

    fn retire(&mut self, sql: &'static str, ids: impl Iterator<Item = u64>) -> Result<(), StoreError> {
        let (tenant, first) = (self.stamp.tenant, self.statements.len());
        self.rows(sql, ids.map(|id| Ok((tenant, id))))?;
        for statement in &mut self.statements[first..] {
            statement.arguments.insert(0, Argument::Number(self.stamp.at));
        }
        Ok(())
    }

    fn save_frame(&mut self, diff: &Diff<'_>) -> Result<(), StoreError> {
        let stamp = self.stamp;
        if let Some(tenant) = diff.tenant {
            self.save_tenant(tenant)?;
        }
        self.rows(self.sql.save_pools, diff.pools.saved.iter().map(|saved| Ok(pool(stamp, saved))))?;
        self.rows(self.sql.save_agents, diff.agents.saved.iter().map(|saved| agent(stamp, saved)))?;
        self.rows(self.sql.save_groups, diff.groups.saved.iter().map(|saved| group(stamp, saved)))?;
        let members = diff.members.saved.iter().map(|(group, saved)| Ok(member(stamp, *group, saved)));
        self.rows(self.sql.save_members, members)
    }

    fn save_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        let secret = tenant.keys.signature_secret.as_ref().map(|secret| secret.as_bytes().to_vec());
        let arguments = vec![
            Argument::Text(tenant.name.clone()),
            Argument::Text(to_document(&tenant.settings, "tenants.settings")?),
            Argument::Text(to_document(&tenant.keys.webhook_keys, "tenants.webhook_keys")?),
            Argument::Blob(secret),
            Argument::Number(self.stamp.at),
            Argument::Number(key(self.stamp.tenant)),
        ];
        self.statements.push(Statement { sql: self.sql.save_tenant, arguments });
        Ok(())
    }

    /// Logs single rules, or that everything may have changed, and raises the revision.
    fn log(&mut self, diff: &Diff<'_>, changes: &[Change], last_id: u64) -> Result<(), StoreError> {
        let (tenant, revision) = (self.stamp.tenant, self.revision);
        let logged = diff.is_rules_only() && changes.len() <= MOST_LOGGED_RULES;
        let forget = if logged { revision.saturating_sub(LOGGED_REVISIONS) } else { revision };
        if logged {
            let document = |change| to_document(change, "config_changes");
            let row = |(at, change)| Ok((tenant, revision, at, document(change)?));
            self.rows(self.sql.log, changes.iter().enumerate().map(row))?;
        }
        let numbers = |numbers: &[u64]| numbers.iter().map(|n| Argument::Number(key(*n))).collect();
        self.statements.push(Statement { sql: self.sql.forget, arguments: numbers(&[tenant, forget]) });
        let arguments = numbers(&[revision, last_id, forget, tenant]);
        self.statements.push(Statement { sql: self.sql.raise, arguments });
        Ok(())
    }

    /// A statement with rows, some thousands at a time; none without any.
    fn rows<T: Serialize>(
        &mut self,
        sql: &'static str,
        rows: impl Iterator<Item = Result<T, StoreError>>,
    ) -> Result<(), StoreError> {
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            let mut chunk = Rows::default();
            for row in rows.by_ref().take(ROWS) {
                chunk.push(&row?)?;
            }
            let arguments = vec![Argument::Text(chunk.into_json())];
            self.statements.push(Statement { sql, arguments });
        }
        Ok(())
    }
}
