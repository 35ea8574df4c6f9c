//! What the plane knows and no stored delta tells: the absolute parts of deltas whose signal was never committed.
//!
//! A choice that is taken back undoes its count and its turn. That members came or went, that one joined level, that an
//! agent's health changed is true all the same; the next delta carries it, as it is then.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ledger::{HealthRow, Join, LedgerDelta, Presence};
use super::plane::Plane;
use crate::id::{AgentId, GroupId};

/// Whose state is to be told again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Unsaved {
    presence: BTreeSet<(GroupId, AgentId)>,
    joins: BTreeSet<(GroupId, AgentId)>,
    health: BTreeSet<AgentId>,
}

impl Unsaved {
    /// `delta` will not be stored.
    pub(super) fn note(&mut self, delta: &LedgerDelta) {
        self.presence.extend(delta.presence.iter().map(|row| (row.group, row.agent)));
        self.joins.extend(delta.joins.iter().map(|row| (row.group, row.agent)));
        self.health.extend(delta.health.iter().map(|row| row.agent));
    }

    fn is_empty(&self) -> bool {
        self.presence.is_empty() && self.joins.is_empty() && self.health.is_empty()
    }
}

impl Plane {
    /// Adds to `delta` what earlier ones should have told.
    pub(super) fn tell_unsaved(&mut self, delta: &mut LedgerDelta) {
        if self.unsaved.is_empty() {
            return;
        }
        let Unsaved { presence, joins, health } = std::mem::take(&mut self.unsaved);
        delta.presence.retain(|row| !presence.contains(&(row.group, row.agent)));
        delta.joins.retain(|row| !joins.contains(&(row.group, row.agent)));
        delta.health.retain(|row| !health.contains(&row.agent));
        delta.presence.extend(presence.into_iter().filter_map(|(group, agent)| {
            let member = self.groups.get(&group)?.members.get(&agent)?;
            Some(Presence { group, agent, present: member.present })
        }));
        delta.joins.extend(joins.into_iter().filter_map(|(group, agent)| {
            let (step_millis, steps) = self.groups.get(&group)?.window.virtual_steps(agent);
            Some(Join { group, agent, step_millis, steps })
        }));
        delta.health.extend(
            health.into_iter().filter_map(|agent| {
                Some(HealthRow { agent, health: self.agents.get(&agent)?.health.clone() })
            }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::AgentHealth;
    use super::*;

    #[test]
    fn a_delta_keeps_its_own_rows_and_gets_those_that_were_lost_as_they_are_now() {
        let group = GroupId::new(1);
        let [lost, own] = [AgentId::new(1), AgentId::new(2)];
        let delta = |agent| LedgerDelta {
            presence: vec![Presence { group, agent, present: true }].into(),
            joins: vec![Join { group, agent, step_millis: 1, steps: Vec::new() }],
            health: vec![HealthRow { agent, health: AgentHealth::default() }].into(),
            ..LedgerDelta::default()
        };
        let mut plane = Plane::default();
        plane.unsaved.note(&delta(lost));
        plane.agents.entry(lost).or_default();
        let book = plane.groups.entry(group).or_default();
        book.members.entry(lost).or_default().present = false;
        let mut told = delta(own);
        plane.tell_unsaved(&mut told);
        let presence: Vec<_> = told.presence.iter().map(|row| (row.agent, row.present)).collect();
        assert_eq!(presence, [(own, true), (lost, false)]);
        assert_eq!(told.joins.iter().map(|row| row.agent).collect::<Vec<_>>(), [own, lost]);
        assert_eq!(told.health.iter().map(|row| row.agent).collect::<Vec<_>>(), [own, lost]);

        let mut again = delta(own);
        plane.tell_unsaved(&mut again);
        assert_eq!(again, delta(own), "what was told once is not told again");
    }
}
