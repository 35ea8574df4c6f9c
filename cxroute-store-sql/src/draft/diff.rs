//! What a draft changes: per kind of aggregate, what is to be saved and what is to be deleted.

use std::collections::BTreeMap;

use cxroute_core::config::{Agent, Group, InboundRule, Member, OutboundRule, Pool, Tenant};
use cxroute_core::id::{GroupId, RuleId};

use super::{Draft, Edit};

/// Everything that a draft changes.
pub(super) struct Diff<'a> {
    pub(super) tenant: Option<&'a Tenant>,
    pub(super) pools: Part<'a, Pool>,
    pub(super) agents: Part<'a, Agent>,
    pub(super) groups: Part<'a, Group>,
    pub(super) members: Members<'a>,
    pub(super) inbound: Part<'a, InboundRule>,
    pub(super) outbound: Part<'a, OutboundRule>,
}

/// Aggregates of one kind.
pub(super) struct Part<'a, T> {
    /// As they are to be.
    pub(super) saved: Vec<&'a T>,
    /// As they were.
    pub(super) deleted: Vec<&'a T>,
}

/// Memberships of the groups that change.
#[derive(Default)]
pub(super) struct Members<'a> {
    pub(super) saved: Vec<(GroupId, &'a Member)>,
    pub(super) deleted: Vec<(GroupId, &'a Member)>,
}

impl<'a> Diff<'a> {
    pub(super) fn of<O>(tx: &'a Draft<O>) -> Self {
        let (base, draft) = (&tx.base, &tx.draft);
        let groups = Part::of(&base.groups, &draft.groups, |group| group.id.get());
        Self {
            tenant: (base.tenant != draft.tenant).then_some(&draft.tenant),
            pools: Part::of(&base.pools, &draft.pools, |pool| pool.id.get()),
            agents: Part::of(&base.agents, &draft.agents, |agent| agent.id.get()),
            members: Members::of(&base.groups, &groups),
            groups,
            inbound: Part::of_edits(&tx.inbound),
            outbound: Part::of_edits(&tx.outbound),
        }
    }

    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.is_rules_only() && self.inbound.is_empty() && self.outbound.is_empty()
    }

    /// Whether nothing but rules changes.
    pub(super) fn is_rules_only(&self) -> bool {
        let others = self.pools.is_empty() && self.agents.is_empty() && self.groups.is_empty();
        self.tenant.is_none() && others
    }
}

impl<'a, T: PartialEq> Part<'a, T> {
    fn of(base: &'a [T], draft: &'a [T], id: impl Fn(&T) -> u64) -> Self {
        let before: BTreeMap<u64, &T> = base.iter().map(|item| (id(item), item)).collect();
        let now: BTreeMap<u64, &T> = draft.iter().map(|item| (id(item), item)).collect();
        Self {
            saved: draft.iter().filter(|item| before.get(&id(item)) != Some(item)).collect(),
            deleted: base.iter().filter(|item| !now.contains_key(&id(item))).collect(),
        }
    }

    fn of_edits(edits: &'a BTreeMap<RuleId, Edit<T>>) -> Self {
        let changed = || edits.values().filter(|edit| edit.changes());
        Self {
            saved: changed().filter_map(|edit| edit.now.as_ref()).collect(),
            deleted: changed().filter(|edit| edit.now.is_none()).filter_map(|e| e.before.as_ref()).collect(),
        }
    }
}

impl<T> Part<'_, T> {
    pub(super) const fn is_empty(&self) -> bool {
        self.saved.is_empty() && self.deleted.is_empty()
    }
}

impl<'a> Members<'a> {
    fn of(base: &'a [Group], groups: &Part<'a, Group>) -> Self {
        let mut members = Self::default();
        for group in &groups.deleted {
            members.deleted.extend(group.members.iter().map(|member| (group.id, member)));
        }
        for group in &groups.saved {
            let before = base.iter().find(|before| before.id == group.id);
            let before = before.map_or(&[][..], |before| &before.members);
            let stays =
                |old: &Member| group.members.iter().any(|new| new.id == old.id && new.agent == old.agent);
            members.deleted.extend(before.iter().filter(|old| !stays(old)).map(|old| (group.id, old)));
            let fresh = group.members.iter().filter(|new| !before.contains(new));
            members.saved.extend(fresh.map(|new| (group.id, new)));
        }
        members
    }
}
