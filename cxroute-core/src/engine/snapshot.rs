//! A snapshot: one tenant's configuration compiled for lookup, immutable, with a revision.
//!
//! Compiling does once what every call would do again: rules become tables, groups become rosters with the limits of
//! their agents and pools, fallbacks become chains. Changing single rules shares everything else with the old one.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::config::{
    Agent, AgentField, Capacity, Configuration, Fallback, Group, GroupSettings, HealthSettings, InboundRule,
    MAX_FALLBACK_GROUPS, OutboundRule, RetryOutcome, Strategy, Target, Tenant, TrunkConfig,
};
use crate::cxml::RejectReason;
use crate::id::{AgentId, GroupId, MembershipId, PoolId};
use crate::port::{Change, RuleChange};
use crate::secret::Vault;
use crate::strategy::{Caps, Roster, Seat};
use crate::table::{self, OutboundTable, RuleTable};

/// One tenant's configuration, compiled.
#[derive(Clone)]
pub struct Snapshot {
    revision: u64,
    tenant: Arc<Tenant>,
    agents: Arc<FxHashMap<AgentId, Agent>>,
    groups: Arc<FxHashMap<GroupId, Chain>>,
    group_names: Arc<FxHashMap<GroupId, Box<str>>>,
    direct: Arc<FxHashMap<AgentId, Chain>>,
    inbound: RuleTable<Target>,
    outbound: OutboundTable<Arc<TrunkConfig>>,
}

/// The stages of a fallback chain, and its end.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) stages: SmallVec<[Arc<Roster>; 1]>,
    pub(super) ending: Arc<Ending>,
}

/// What comes when no stage of a chain can take the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A number is dialled on trunks.
    Number {
        /// The group whose fallback it is.
        group: GroupId,
        /// As dialled.
        number: String,
        /// By name, in order.
        trunks: Vec<String>,
        /// How long it may ring, in seconds.
        ring_timeout: Option<u16>,
    },
    /// An announcement, then the end.
    Say(String),
    /// A rejection.
    Reject(RejectReason),
    /// The end.
    Hangup,
}

impl Snapshot {
    /// Compiles `configuration`. An agent whose secrets do not open is disabled: it could not be dialled.
    pub fn compile(configuration: Configuration, vault: &dyn Vault) -> Self {
        let Configuration { revision, tenant, pools, agents, groups, inbound_rules, outbound_rules } =
            configuration;
        let pools: FxHashMap<PoolId, Option<u32>> =
            pools.into_iter().map(|pool| (pool.id, pool.max_concurrent_calls)).collect();
        let agents: FxHashMap<AgentId, Agent> = agents
            .into_iter()
            .map(|mut agent| {
                agent.enabled &= opens(&tenant, &agent, vault);
                (agent.id, agent)
            })
            .collect();
        let compiler = Compiler { agents: &agents, pools: &pools, groups: &groups };
        let chains = groups.iter().map(|group| (group.id, compiler.chain(group))).collect();
        let direct = agents.values().map(|agent| (agent.id, compiler.direct(agent))).collect();
        let names = groups.iter().map(|group| (group.id, group.name.as_str().into())).collect();
        let empty = Self {
            revision,
            tenant: Arc::new(tenant),
            groups: Arc::new(chains),
            group_names: Arc::new(names),
            direct: Arc::new(direct),
            agents: Arc::new(agents),
            inbound: RuleTable::new(),
            outbound: OutboundTable::new(),
        };
        empty.with_all_rules(inbound_rules, outbound_rules)
    }

    fn with_all_rules(mut self, inbound: Vec<InboundRule>, outbound: Vec<OutboundRule>) -> Self {
        let rules = inbound.into_iter().filter(|rule| rule.enabled);
        self.inbound = rules.map(|rule| entry(&rule)).collect();
        let rules = outbound.into_iter().filter(|rule| rule.enabled);
        self.outbound = rules.map(|rule| outbound_entry(&rule)).collect();
        self
    }

    /// This snapshot with single rules changed; everything else is shared.
    pub fn with_rules(&self, revision: u64, changes: &[Change]) -> Self {
        let mut next = Self { revision, ..self.clone() };
        for change in changes {
            match change {
                Change::Inbound(RuleChange { before, after }) => {
                    if let Some(rule) = before {
                        next.inbound.remove(rule.pattern.pattern(), rule.priority, rule.id);
                    }
                    next.inbound.extend(after.iter().filter(|rule| rule.enabled).map(entry));
                }
                Change::Outbound(RuleChange { before, after }) => {
                    if let Some(rule) = before {
                        let (caller, destination) = (&rule.caller_id, &rule.destination_pattern);
                        next.outbound.remove(caller.pattern(), destination.pattern(), rule.id);
                    }
                    for rule in after.iter().filter(|rule| rule.enabled) {
                        next.outbound.insert(outbound_entry(rule));
                    }
                }
            }
        }
        next
    }

    /// The configuration's revision.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(super) fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(&id)
    }

    pub(super) fn group_name(&self, id: GroupId) -> Option<&str> {
        self.group_names.get(&id).map(|name| &**name)
    }

    pub(super) fn chain(&self, target: Target) -> Option<&Chain> {
        match target {
            Target::Agent(agent) => self.direct.get(&agent),
            Target::Group(group) => self.groups.get(&group),
        }
    }

    pub(super) const fn inbound(&self) -> &RuleTable<Target> {
        &self.inbound
    }

    pub(super) const fn outbound(&self) -> &OutboundTable<Arc<TrunkConfig>> {
        &self.outbound
    }
}

fn entry(rule: &InboundRule) -> table::Rule<Target> {
    let pattern = rule.pattern.pattern().clone();
    table::Rule { id: rule.id, priority: rule.priority, pattern, payload: rule.target }
}

fn outbound_entry(rule: &OutboundRule) -> table::OutboundRule<Arc<TrunkConfig>> {
    table::OutboundRule {
        id: rule.id,
        caller: rule.caller_id.pattern().clone(),
        destination: rule.destination_pattern.pattern().clone(),
        payload: Arc::new(rule.trunk_config.clone()),
    }
}

fn opens(tenant: &Tenant, agent: &Agent, vault: &dyn Vault) -> bool {
    let row = agent.id.to_string();
    let fields = [
        (AgentField::ServiceValue, Some(&agent.service_value)),
        (AgentField::Username, agent.username.as_ref()),
        (AgentField::Password, agent.password.as_ref()),
    ];
    fields.into_iter().all(|(field, sealed)| {
        sealed.is_none_or(|sealed| vault.open(field.place(tenant.id, &row), sealed).is_ok())
    })
}

struct Compiler<'a> {
    agents: &'a FxHashMap<AgentId, Agent>,
    pools: &'a FxHashMap<PoolId, Option<u32>>,
    groups: &'a [Group],
}

impl Compiler<'_> {
    fn chain(&self, first: &Group) -> Chain {
        let mut stages = SmallVec::new();
        let mut group = first;
        loop {
            stages.push(Arc::new(self.roster(group)));
            let fallback = group.settings.fallback.as_ref().filter(|_| group.settings.fallback_enabled);
            let ending = match fallback {
                Some(Fallback::Group(next)) if stages.len() < MAX_FALLBACK_GROUPS => {
                    match self.groups.iter().find(|g| g.id == *next) {
                        Some(next) => {
                            group = next;
                            continue;
                        }
                        None => Ending::Hangup,
                    }
                }
                Some(Fallback::Agent(agent)) => {
                    stages.extend(self.agents.get(agent).map(|agent| Arc::new(self.alone(agent))));
                    Ending::Hangup
                }
                Some(Fallback::Number { number, trunks }) => Ending::Number {
                    group: group.id,
                    number: number.clone(),
                    trunks: trunks.clone(),
                    ring_timeout: group.settings.ring_timeout,
                },
                Some(Fallback::Say(text)) => Ending::Say(text.clone()),
                Some(Fallback::Reject(reason)) => Ending::Reject(*reason),
                Some(Fallback::Hangup | Fallback::Group(_)) | None => Ending::Hangup,
            };
            return Chain { stages, ending: Arc::new(ending) };
        }
    }

    fn direct(&self, agent: &Agent) -> Chain {
        Chain { stages: SmallVec::from_iter([Arc::new(self.alone(agent))]), ending: Arc::new(Ending::Hangup) }
    }

    fn roster(&self, group: &Group) -> Roster {
        let settings = &group.settings;
        let seat = |member: &crate::config::Member| {
            let agent = self.agents.get(&member.agent)?;
            Some(Seat {
                membership: member.id,
                agent: agent.id,
                pool: agent.pool,
                priority: member.priority,
                capacity: member.capacity,
                enabled: member.enabled && agent.enabled,
                caps: self.caps(agent, member.max_concurrent_calls),
            })
        };
        Roster {
            group: Some(group.id),
            strategy: group.strategy,
            step: Roster::step_of(settings.window_hours),
            max_attempts: settings.max_attempts,
            retry_on: settings.retry_on.clone(),
            health: settings.health,
            ring_timeout: settings.ring_timeout,
            seats: group.members.iter().filter_map(seat).collect(),
            fingerprint: 0,
        }
        .seal()
    }

    /// An agent that is dialled directly: its caps and health, and nobody after it.
    fn alone(&self, agent: &Agent) -> Roster {
        let defaults = GroupSettings::<AgentId, GroupId>::default();
        Roster {
            group: None,
            strategy: Strategy::RoundRobin,
            step: Roster::step_of(defaults.window_hours),
            max_attempts: u16::MAX,
            retry_on: Vec::<RetryOutcome>::new(),
            health: HealthSettings::default(),
            ring_timeout: None,
            seats: vec![Seat {
                membership: MembershipId::new(agent.id.get()),
                agent: agent.id,
                pool: agent.pool,
                priority: None,
                capacity: Capacity::ONE,
                enabled: agent.enabled,
                caps: self.caps(agent, None),
            }],
            fingerprint: 0,
        }
        .seal()
    }

    fn caps(&self, agent: &Agent, membership: Option<u32>) -> Caps {
        let pool = agent.pool.and_then(|pool| self.pools.get(&pool).copied()).flatten();
        Caps { agent: agent.max_concurrent_calls, membership, pool }
    }
}
