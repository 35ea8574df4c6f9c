//! A small tenant whose configuration changes all the time: agents, pools, groups, and the rosters made of them.

use std::sync::Arc;

use cxroute_core::call::{EventKey, EventKind, SessionToken};
use cxroute_core::config::{Capacity, HealthSettings, Strategy};
use cxroute_core::id::{AgentId, GroupId, MembershipId, PoolId};
use cxroute_core::strategy::{Caps, Roster, Seat};
use cxroute_core::time::Timestamp;

use crate::dice::Dice;

/// When every test begins, in milliseconds.
pub(crate) const START: i64 = 1_767_225_600_000;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn token(number: usize) -> SessionToken {
    SessionToken::new(&format!("session-{number}")).unwrap()
}

pub(crate) fn key(number: u64) -> EventKey {
    EventKey { kind: EventKind::VoiceRequest, hash: number.into() }
}

#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) enabled: bool,
    pub(crate) cap: Option<u32>,
    pub(crate) pool: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) agent: usize,
    pub(crate) priority: Option<u32>,
    pub(crate) capacity: u32,
    pub(crate) enabled: bool,
    pub(crate) cap: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) strategy: Strategy,
    pub(crate) hours: u16,
    pub(crate) max_attempts: u16,
    pub(crate) health: HealthSettings,
    pub(crate) members: Vec<Member>,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) agents: Vec<Agent>,
    pub(crate) pools: Vec<Option<u32>>,
    pub(crate) groups: Vec<Group>,
    next_membership: u64,
}

const STRATEGIES: [Strategy; 4] =
    [Strategy::LoadBalanced, Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin];
const CAPS: [Option<u32>; 6] = [None, None, Some(3), Some(2), Some(1), Some(0)];

/// A group of agents 0 to n-1 with these capacities, whose agent numbers are their membership numbers.
pub(crate) fn plain(strategy: Strategy, capacities: &[u32]) -> World {
    let mut world = World { agents: Vec::new(), pools: vec![None], groups: Vec::new(), next_membership: 1 };
    world.groups.push(Group {
        strategy,
        hours: 24,
        max_attempts: 10,
        health: HealthSettings::default(),
        members: Vec::new(),
    });
    for capacity in capacities {
        world.add(*capacity);
    }
    world
}

impl World {
    /// A random tenant of up to 6 agents, 2 pools, 3 groups.
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let agents = (0..2 + dice.below(5))
            .map(|_| Agent { enabled: !dice.one_in(10), cap: dice.pick(&CAPS), pool: None })
            .collect();
        let pools = vec![dice.pick(&CAPS), None];
        let mut world = Self { agents, pools, groups: Vec::new(), next_membership: 1 };
        for _ in 0..1 + dice.below(3) {
            world.groups.push(Group {
                strategy: dice.pick(&STRATEGIES),
                hours: dice.pick(&[24, 24, 1, 168]),
                max_attempts: dice.pick(&[10, 3, 1]),
                health: HealthSettings {
                    max_consecutive_failures: dice.pick(&[1, 2, 5]),
                    cooldown_seconds: dice.pick(&[5, 60]),
                },
                members: Vec::new(),
            });
            let group = world.groups.len() - 1;
            for agent in 0..world.agents.len() {
                if !dice.one_in(3) {
                    world.join(dice, group, agent);
                }
            }
        }
        world
    }

    /// A new agent in the first group.
    pub(crate) fn add(&mut self, capacity: u32) {
        let agent = self.agents.len();
        self.agents.push(Agent { enabled: true, cap: None, pool: None });
        let id = self.next_membership;
        self.next_membership += 1;
        let member = Member { id, agent, priority: None, capacity, enabled: true, cap: None };
        self.groups[0].members.push(member);
    }

    fn join(&mut self, dice: &mut Dice, group: usize, agent: usize) {
        let id = self.next_membership;
        self.next_membership += 1;
        self.groups[group].members.push(Member {
            id,
            agent,
            priority: dice.pick(&[None, Some(1), Some(1), Some(2)]),
            capacity: dice.pick(&[1, 1, 2, 3, 7]),
            enabled: !dice.one_in(8),
            cap: dice.pick(&CAPS),
        });
    }

    /// Changes something; never the length of a window.
    pub(crate) fn change(&mut self, dice: &mut Dice) {
        let group = dice.below(self.groups.len());
        let agent = dice.below(self.agents.len());
        match dice.below(10) {
            0 => self.agents[agent].enabled ^= true,
            1 => self.agents[agent].cap = dice.pick(&CAPS),
            2 => self.agents[agent].pool = dice.pick(&[None, Some(0), Some(1)]),
            3 => self.pools[0] = dice.pick(&CAPS),
            4 => self.groups[group].strategy = dice.pick(&STRATEGIES),
            5 => self.groups[group].max_attempts = dice.pick(&[10, 3, 1]),
            6 if self.groups[group].members.iter().all(|member| member.agent != agent) => {
                self.join(dice, group, agent);
            }
            7 if !self.groups[group].members.is_empty() => {
                let member = dice.below(self.groups[group].members.len());
                self.groups[group].members.remove(member);
            }
            _ => self.change_member(dice, group),
        }
    }

    fn change_member(&mut self, dice: &mut Dice, group: usize) {
        let members = &mut self.groups[group].members;
        if members.is_empty() {
            return;
        }
        let index = dice.below(members.len());
        let member = &mut members[index];
        match dice.below(5) {
            0 => member.priority = dice.pick(&[None, Some(1), Some(2)]),
            1 => member.capacity = dice.pick(&[1, 2, 5]),
            2 => member.cap = dice.pick(&CAPS),
            _ => member.enabled ^= true,
        }
    }

    pub(crate) fn roster(&self, group: usize) -> Arc<Roster> {
        let settings = &self.groups[group];
        let seat = |member: &Member| {
            let agent = &self.agents[member.agent];
            Seat {
                membership: MembershipId::new(member.id),
                agent: AgentId::new(member.agent as u64),
                pool: agent.pool.map(|pool| PoolId::new(pool as u64)),
                priority: member.priority,
                capacity: Capacity::new(member.capacity).unwrap(),
                enabled: member.enabled && agent.enabled,
                caps: Caps {
                    agent: agent.cap,
                    membership: member.cap,
                    pool: agent.pool.and_then(|pool| self.pools[pool]),
                },
            }
        };
        Arc::new(
            Roster {
                group: Some(GroupId::new(group as u64)),
                strategy: settings.strategy,
                step: Roster::step_of(settings.hours),
                max_attempts: settings.max_attempts,
                retry_on: Vec::new(),
                health: settings.health,
                ring_timeout: None,
                seats: settings.members.iter().map(seat).collect(),
                fingerprint: 0,
            }
            .seal(),
        )
    }

    /// One agent on its own, as a rule or a fallback names it.
    pub(crate) fn direct(&self, agent: usize) -> Arc<Roster> {
        let number = agent as u64;
        let agent = &self.agents[agent];
        let seat = Seat {
            membership: MembershipId::new(number),
            agent: AgentId::new(number),
            pool: agent.pool.map(|pool| PoolId::new(pool as u64)),
            priority: None,
            capacity: Capacity::ONE,
            enabled: agent.enabled,
            caps: Caps {
                agent: agent.cap,
                membership: None,
                pool: agent.pool.and_then(|pool| self.pools[pool]),
            },
        };
        Arc::new(
            Roster {
                group: None,
                strategy: Strategy::Priority,
                step: Roster::step_of(24),
                max_attempts: 10,
                retry_on: Vec::new(),
                health: HealthSettings::default(),
                ring_timeout: None,
                seats: vec![seat],
                fingerprint: 0,
            }
            .seal(),
        )
    }
}
