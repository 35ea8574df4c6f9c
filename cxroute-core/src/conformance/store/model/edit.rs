//! Random edits of a configuration: often valid, often not.

use proptest::collection::vec;
use proptest::option;
use proptest::prop_oneof;
use proptest::sample::select;
use proptest::strategy::Strategy as _;

use super::super::super::Broken;
use super::super::bench::Desk;
use crate::config::{Configuration, Fallback, Strategy, Target};
use crate::conformance::fixture::{START, agent, group, inbound_rule, member, outbound_rule, pool, sealed};
use crate::id::{AgentId, GroupId, PoolId, RuleId};
use crate::port::{Deleted, TenantTx};

/// So many aggregates of each kind have an id.
const SLOTS: usize = 3;

/// One edit; aggregates are named by their slot.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Tenant { name: &'static str },
    Pool { slot: usize, name: &'static str },
    Agent { slot: usize, name: &'static str, pool: Option<usize> },
    Group { slot: usize, strategy: Strategy, members: Vec<usize>, fallback: Option<usize> },
    Inbound { slot: usize, pattern: &'static str, priority: u32, target: (Kind, usize) },
    Outbound { slot: usize, pattern: &'static str },
    Delete(Kind, usize),
}

/// A kind of aggregate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Pool,
    Agent,
    Group,
    Inbound,
    Outbound,
}

pub(super) fn edits() -> impl proptest::strategy::Strategy<Value = Vec<Edit>> {
    let slot = || 0..SLOTS;
    let name = || select(vec!["One", "Two", "Three", "one"]);
    let pattern = || select(vec!["1*", "12*", "3000", "alice", "*"]);
    let strategy = select(vec![Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin]);
    let kind = select(vec![Kind::Pool, Kind::Agent, Kind::Group, Kind::Inbound, Kind::Outbound]);
    let target = select(vec![Kind::Agent, Kind::Group]);
    let edit = prop_oneof![
        1 => select(vec!["Case", "Renamed", ""]).prop_map(|name| Edit::Tenant { name }),
        2 => (slot(), name()).prop_map(|(slot, name)| Edit::Pool { slot, name }),
        4 => (slot(), name(), option::weighted(0.2, slot()))
            .prop_map(|(slot, name, pool)| Edit::Agent { slot, name, pool }),
        3 => (slot(), strategy, vec(slot(), 0..3), option::weighted(0.2, slot())).prop_map(
            |(slot, strategy, members, fallback)| Edit::Group { slot, strategy, members, fallback }
        ),
        4 => (slot(), pattern(), 1_u32..4, target, slot()).prop_map(
            |(slot, pattern, priority, kind, to)| Edit::Inbound { slot, pattern, priority, target: (kind, to) }
        ),
        2 => (slot(), pattern()).prop_map(|(slot, pattern)| Edit::Outbound { slot, pattern }),
        3 => (kind, slot()).prop_map(|(kind, slot)| Edit::Delete(kind, slot)),
    ];
    vec(edit, 0..5)
}

/// The ids of the slots.
pub(super) struct Slots {
    ids: Vec<u64>,
}

impl Slots {
    pub(super) async fn mint(desk: &Desk) -> Result<Self, Broken> {
        let mut tx = desk.begin().await?;
        let mut ids = Vec::new();
        for _ in 0..SLOTS * 6 {
            ids.push(tx.mint().await?);
        }
        tx.commit(START).await?;
        Ok(Self { ids })
    }

    fn id(&self, kind: Kind, slot: usize) -> u64 {
        self.ids[SLOTS * kind as usize + slot]
    }

    fn agent(&self, slot: usize) -> AgentId {
        AgentId::new(self.id(Kind::Agent, slot))
    }

    fn group(&self, slot: usize) -> GroupId {
        GroupId::new(self.id(Kind::Group, slot))
    }
}

impl Edit {
    /// Saves it through the transaction and in the draft of the oracle.
    pub(super) async fn save(
        &self,
        slots: &Slots,
        tx: &mut dyn TenantTx,
        draft: &mut Configuration,
    ) -> Result<(), Broken> {
        match self {
            Self::Tenant { name } => {
                draft.tenant.name = (*name).to_owned();
                draft.tenant.keys.signature_secret = Some(sealed(name));
                tx.save_tenant(&draft.tenant).await?;
            }
            Self::Pool { slot, name } => {
                let saved = pool(slots.id(Kind::Pool, *slot), name);
                tx.save_pool(&saved).await?;
                put(&mut draft.pools, saved, |pool| pool.id.get());
            }
            Self::Agent { slot, name, pool } => {
                let mut saved = agent(slots.id(Kind::Agent, *slot), name);
                saved.pool = pool.map(|slot| PoolId::new(slots.id(Kind::Pool, slot)));
                tx.save_agent(&saved).await?;
                put(&mut draft.agents, saved, |agent| agent.id.get());
            }
            Self::Group { slot, strategy, members, fallback } => {
                let id = slots.id(Kind::Group, *slot);
                let members = members.iter().zip(id * 100..).map(|(m, n)| member(n, slots.agent(*m).get()));
                let mut saved = group(id, &format!("Group {slot}"), *strategy, members.collect());
                saved.settings.fallback = fallback.map(|slot| Fallback::Group(slots.group(slot)));
                tx.save_group(&saved).await?;
                put(&mut draft.groups, saved, |group| group.id.get());
            }
            Self::Inbound { slot, pattern, priority, target } => {
                let target = match target {
                    (Kind::Agent, to) => Target::Agent(slots.agent(*to)),
                    (_, to) => Target::Group(slots.group(*to)),
                };
                let mut saved = inbound_rule(slots.id(Kind::Inbound, *slot), pattern, target);
                saved.priority = *priority;
                tx.save_inbound_rule(&saved).await?;
                put(&mut draft.inbound_rules, saved, |rule| rule.id.get());
            }
            Self::Outbound { slot, pattern } => {
                let saved = outbound_rule(slots.id(Kind::Outbound, *slot), "*", pattern);
                tx.save_outbound_rule(&saved).await?;
                put(&mut draft.outbound_rules, saved, |rule| rule.id.get());
            }
            Self::Delete(kind, slot) => delete(*kind, slots.id(*kind, *slot), tx, draft).await?,
        }
        Ok(())
    }
}

async fn delete(kind: Kind, id: u64, tx: &mut dyn TenantTx, draft: &mut Configuration) -> Result<(), Broken> {
    let (deleted, expected) = match kind {
        Kind::Pool => {
            (tx.delete_pool(PoolId::new(id)).await?, take(&mut draft.pools, |pool| pool.id.get() == id))
        }
        Kind::Agent => {
            (tx.delete_agent(AgentId::new(id)).await?, take(&mut draft.agents, |agent| agent.id.get() == id))
        }
        Kind::Group => {
            (tx.delete_group(GroupId::new(id)).await?, take(&mut draft.groups, |group| group.id.get() == id))
        }
        Kind::Inbound => (
            tx.delete_inbound_rule(RuleId::new(id)).await?,
            take(&mut draft.inbound_rules, |rule| rule.id.get() == id),
        ),
        Kind::Outbound => (
            tx.delete_outbound_rule(RuleId::new(id)).await?,
            take(&mut draft.outbound_rules, |rule| rule.id.get() == id),
        ),
    };
    assert_eq!(deleted, expected, "deleting {kind:?} {id}");
    Ok(())
}

fn put<T>(list: &mut Vec<T>, item: T, id: impl Fn(&T) -> u64) {
    list.retain(|other| id(other) != id(&item));
    list.push(item);
    list.sort_by_key(id);
}

fn take<T>(list: &mut Vec<T>, wanted: impl Fn(&T) -> bool) -> Deleted {
    let before = list.len();
    list.retain(|item| !wanted(item));
    if list.len() < before { Deleted::Gone } else { Deleted::NotFound }
}
