//! Rules: recognised by what they match, so that a rule whose target, priority or state changed is an update and keeps
//! its id. An enabled inbound rule's pattern and priority are unique, so a rule of the form always takes over the
//! stored one at its own place first: no order of saving can make two rules meet there.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use cxroute_core::config::{InboundRule, OutboundRule, Target};
use cxroute_core::id::{AgentId, GroupId, RuleId};
use cxroute_core::pattern::TypedPattern;

use super::diff::Differences;
use super::named::twice;
use super::{PlanError, Planner, Saved};
use crate::config_file::form::{InboundForm, OutboundForm, TargetForm};
use crate::config_file::read::FormError;
use crate::config_file::value::At;

impl Planner<'_> {
    pub(super) fn inbound_rules(&mut self, form: Option<&[At<InboundForm>]>) -> Result<(), PlanError> {
        let Some(form) = form else { return Ok(()) };
        let current = self.current;
        let targets = Targets::new(self);
        let wanted = form.iter().map(|entry| targets.wanted(entry)).collect::<Result<Vec<_>, _>>()?;
        unique_inbound(form)?;
        let stored = &current.inbound_rules;
        let pairs = pair_inbound(&wanted, stored);
        let mut rules = Vec::with_capacity(wanted.len());
        for (mut rule, old) in wanted.into_iter().zip(&pairs.taken) {
            let old = old.map(|index| &stored[index]);
            rule.id = old.map_or_else(|| self.ids.next().map(RuleId::new), |rule| Ok(rule.id))?;
            let differences = match old {
                None => Differences::created(),
                Some(old) => inbound_differences(old, &rule, &targets),
            };
            if self.note(&inbound_label(&rule), differences) == Saved::Yes {
                self.edits.inbound.save.push(rule.id);
            }
            rules.push(rule);
        }
        for rule in pairs.left.iter().map(|index| &stored[*index]) {
            self.changes.push(format!("{}: deleted", inbound_label(rule)));
            self.edits.inbound.delete.push(rule.id);
        }
        rules.sort_unstable_by_key(|rule| rule.id);
        self.configuration.inbound_rules = rules;
        Ok(())
    }

    pub(super) fn outbound_rules(&mut self, form: Option<&[At<OutboundForm>]>) -> Result<(), PlanError> {
        let Some(form) = form else { return Ok(()) };
        unique_outbound(form)?;
        let stored = &self.current.outbound_rules;
        let pairs = pair_outbound(form, stored);
        let mut rules = Vec::with_capacity(form.len());
        for (entry, old) in form.iter().zip(&pairs.taken) {
            let old = old.map(|index| &stored[index]);
            let rule = OutboundRule {
                id: old.map_or_else(|| self.ids.next().map(RuleId::new), |rule| Ok(rule.id))?,
                caller_id: entry.caller_id.clone(),
                destination_pattern: entry.destination_pattern.clone(),
                trunk_config: entry.trunk_config.clone(),
                enabled: entry.enabled,
            };
            let differences = old.map_or_else(Differences::created, |old| outbound_differences(old, &rule));
            if self.note(&outbound_label(&rule), differences) == Saved::Yes {
                self.edits.outbound.save.push(rule.id);
            }
            self.outbound_lines.push((rule.id, entry.line));
            rules.push(rule);
        }
        for rule in pairs.left.iter().map(|index| &stored[*index]) {
            self.changes.push(format!("{}: deleted", outbound_label(rule)));
            self.edits.outbound.delete.push(rule.id);
        }
        rules.sort_unstable_by_key(|rule| rule.id);
        self.configuration.outbound_rules = rules;
        Ok(())
    }
}

/// What the names of targets mean, and what their ids are called.
struct Targets {
    agents: HashMap<String, AgentId>,
    groups: HashMap<String, GroupId>,
    labels: HashMap<Target, String>,
}

impl Targets {
    fn new(planner: &Planner<'_>) -> Self {
        let (before, after) = (planner.current, &planner.configuration);
        let agents = before.agents.iter().chain(&after.agents);
        let groups = before.groups.iter().chain(&after.groups);
        let agents = agents.map(|agent| (Target::Agent(agent.id), format!("agent {:?}", agent.name)));
        let groups = groups.map(|group| (Target::Group(group.id), format!("group {:?}", group.name)));
        Self {
            labels: agents.chain(groups).collect(),
            agents: after.agents.iter().map(|agent| (agent.name.clone(), agent.id)).collect(),
            groups: after.groups.iter().map(|group| (group.name.clone(), group.id)).collect(),
        }
    }

    /// The rule that an entry asks for, its id still to come.
    fn wanted(&self, entry: &At<InboundForm>) -> Result<InboundRule, FormError> {
        let missing = |kind: &str, name: &str| {
            let pattern = entry.pattern.typed();
            let message = format!("inbound rule {pattern:?}: target: there is no {kind} named {name:?}");
            FormError::new(entry.line, message)
        };
        let target = match &entry.target {
            TargetForm::Agent(name) => {
                Target::Agent(*self.agents.get(name).ok_or_else(|| missing("agent", name))?)
            }
            TargetForm::Group(name) => {
                Target::Group(*self.groups.get(name).ok_or_else(|| missing("group", name))?)
            }
        };
        Ok(InboundRule {
            id: RuleId::new(0),
            pattern: entry.pattern.clone(),
            target,
            priority: entry.priority,
            enabled: entry.enabled,
        })
    }

    fn label(&self, target: Target) -> &str {
        self.labels.get(&target).map_or("?", String::as_str)
    }
}

/// Two enabled rules with one pattern and priority are a conflict; said here with lines, where `check` has ids.
fn unique_inbound(form: &[At<InboundForm>]) -> Result<(), FormError> {
    let mut lines = HashMap::with_capacity(form.len());
    for entry in form.iter().filter(|entry| entry.enabled) {
        let pattern = canonical(&entry.pattern);
        if let Some(first) = lines.insert((pattern, entry.priority), entry.line) {
            let (pattern, priority) = (entry.pattern.typed(), entry.priority);
            let what = format!("inbound_rules: pattern {pattern:?} at priority {priority}");
            return Err(twice(entry.line, &what, first));
        }
    }
    Ok(())
}

fn unique_outbound(form: &[At<OutboundForm>]) -> Result<(), FormError> {
    let mut lines = HashMap::with_capacity(form.len());
    for entry in form.iter().filter(|entry| entry.enabled) {
        let patterns = (canonical(&entry.caller_id), canonical(&entry.destination_pattern));
        if let Some(first) = lines.insert(patterns, entry.line) {
            let (caller, destination) = (entry.caller_id.typed(), entry.destination_pattern.typed());
            let what = format!("outbound_rules: {caller:?} to {destination:?}");
            return Err(twice(entry.line, &what, first));
        }
    }
    Ok(())
}

/// Which stored entry each wanted one takes over, and which stored ones nobody took.
struct Pairs {
    taken: Vec<Option<usize>>,
    left: Vec<usize>,
}

impl Pairs {
    fn new(wanted: usize, stored: usize) -> Self {
        Self { taken: vec![None; wanted], left: (0..stored).collect() }
    }

    /// Pairs what is still unpaired and has equal keys, in order.
    fn pair<K: Hash + Eq>(&mut self, wanted: impl Fn(usize) -> K, stored: impl Fn(usize) -> K) {
        let mut free: HashMap<K, VecDeque<usize>> = HashMap::with_capacity(self.left.len());
        for index in &self.left {
            free.entry(stored(*index)).or_default().push_back(*index);
        }
        for (index, taken) in self.taken.iter_mut().enumerate().filter(|(_, taken)| taken.is_none()) {
            *taken = free.get_mut(&wanted(index)).and_then(VecDeque::pop_front);
        }
        self.left = free.into_values().flatten().collect();
        self.left.sort_unstable();
    }
}

fn pair_inbound(wanted: &[InboundRule], stored: &[InboundRule]) -> Pairs {
    let mut numbers = Numbers::default();
    let a: Vec<u32> = wanted.iter().map(|rule| numbers.of(canonical(&rule.pattern))).collect();
    let b: Vec<u32> = stored.iter().map(|rule| numbers.of(canonical(&rule.pattern))).collect();
    let (w, s) = (|index: usize| &wanted[index], |index: usize| &stored[index]);
    let mut pairs = Pairs::new(wanted.len(), stored.len());
    pairs.pair(
        |i| (a[i], w(i).priority, w(i).enabled, w(i).target),
        |i| (b[i], s(i).priority, s(i).enabled, s(i).target),
    );
    pairs.pair(|i| (a[i], w(i).priority, w(i).enabled), |i| (b[i], s(i).priority, s(i).enabled));
    pairs.pair(|i| (a[i], w(i).priority, w(i).target), |i| (b[i], s(i).priority, s(i).target));
    pairs.pair(|i| (a[i], w(i).priority), |i| (b[i], s(i).priority));
    pairs.pair(|i| (a[i], w(i).target), |i| (b[i], s(i).target));
    pairs.pair(|i| a[i], |i| b[i]);
    pairs
}

fn pair_outbound(wanted: &[At<OutboundForm>], stored: &[OutboundRule]) -> Pairs {
    let mut numbers = Numbers::default();
    let mut number = |caller: &TypedPattern, destination: &TypedPattern| {
        (numbers.of(canonical(caller)), numbers.of(canonical(destination)))
    };
    let a: Vec<_> = wanted.iter().map(|rule| number(&rule.caller_id, &rule.destination_pattern)).collect();
    let b: Vec<_> = stored.iter().map(|rule| number(&rule.caller_id, &rule.destination_pattern)).collect();
    let mut pairs = Pairs::new(wanted.len(), stored.len());
    let trunks = |config| serde_json::to_string(config).unwrap_or_default();
    pairs.pair(
        |i| (a[i], wanted[i].enabled, trunks(&wanted[i].trunk_config)),
        |i| (b[i], stored[i].enabled, trunks(&stored[i].trunk_config)),
    );
    pairs.pair(|i| (a[i], wanted[i].enabled), |i| (b[i], stored[i].enabled));
    pairs.pair(|i| a[i], |i| b[i]);
    pairs
}

/// Numbers for texts: the passes compare numbers instead of strings.
#[derive(Default)]
struct Numbers(HashMap<String, u32>);

impl Numbers {
    fn of(&mut self, text: String) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(text).or_insert(next)
    }
}

fn inbound_differences(old: &InboundRule, new: &InboundRule, targets: &Targets) -> Differences {
    let mut differences = Differences::default();
    if old.target != new.target {
        differences.say(format!("target {} → {}", targets.label(old.target), targets.label(new.target)));
    }
    differences.field("priority", &old.priority, &new.priority);
    differences.field("enabled", &old.enabled, &new.enabled);
    differences
}

fn outbound_differences(old: &OutboundRule, new: &OutboundRule) -> Differences {
    let mut differences = Differences::default();
    differences.block("trunk_config", &old.trunk_config, &new.trunk_config);
    differences.field("enabled", &old.enabled, &new.enabled);
    differences
}

pub(super) fn inbound_label(rule: &InboundRule) -> String {
    format!("inbound rule {:?} (priority {})", rule.pattern.typed(), rule.priority)
}

pub(super) fn outbound_label(rule: &OutboundRule) -> String {
    format!("outbound rule {:?} to {:?}", rule.caller_id.typed(), rule.destination_pattern.typed())
}

/// What a pattern is recognised by: another spelling of it is the same pattern, and no change.
fn canonical(pattern: &TypedPattern) -> String {
    pattern.pattern().to_string()
}
