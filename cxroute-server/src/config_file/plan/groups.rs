//! Groups and their members. A group can name any other as its fallback, also one that comes later in the file, so ids
//! are given out before references are resolved.

use std::collections::{HashMap, HashSet};

use cxroute_core::config::{Agent, Group, GroupSettings, Member};
use cxroute_core::id::{AgentId, GroupId, MembershipId};

use super::diff::Differences;
use super::named::{Matched, by_name, resolve, twice};
use super::{PlanError, Planner, Saved};
use crate::config_file::form::{GroupForm, MemberForm};
use crate::config_file::read::FormError;
use crate::config_file::value::At;

/// What names mean, after the change.
struct Names<'a> {
    agents: HashMap<&'a str, AgentId>,
    groups: HashMap<&'a str, GroupId>,
}

/// What ids are called, before and after the change.
struct Labels {
    agents: HashMap<AgentId, String>,
    groups: HashMap<GroupId, String>,
}

impl Planner<'_> {
    pub(super) fn groups(&mut self, form: Option<&[At<GroupForm>]>) -> Result<(), PlanError> {
        let Some(form) = form else { return Ok(()) };
        let current = self.current;
        let Matched { entries, gone } =
            by_name("groups", form, |group| &group.name, &current.groups, |group| &group.name)?;
        let agents = std::mem::take(&mut self.configuration.agents);
        let mut ids = HashMap::with_capacity(entries.len());
        for (entry, stored) in &entries {
            let id = stored.map_or_else(|| self.ids.next().map(GroupId::new), |group| Ok(group.id))?;
            ids.insert(entry.name.as_str(), id);
        }
        let labels = self.labels(&agents, &ids);
        let names = Names {
            agents: agents.iter().map(|agent| (agent.name.as_str(), agent.id)).collect(),
            groups: ids,
        };
        let mut groups = Vec::with_capacity(form.len());
        for (entry, stored) in entries {
            groups.push(self.group(entry, stored, &names, &labels)?);
        }
        self.configuration.agents = agents;
        for group in gone {
            self.changes.push(format!("group {:?}: deleted", group.name));
            self.edits.groups.delete.push(group.id);
        }
        groups.sort_unstable_by_key(|group| group.id);
        self.configuration.groups = groups;
        Ok(())
    }

    fn labels(&self, agents: &[Agent], groups: &HashMap<&str, GroupId>) -> Labels {
        let agents = self.current.agents.iter().chain(agents);
        let before = self.current.groups.iter().map(|group| (group.id, group.name.clone()));
        let after = groups.iter().map(|(name, id)| (*id, (*name).to_owned()));
        Labels {
            agents: agents.map(|agent| (agent.id, agent.name.clone())).collect(),
            groups: before.chain(after).collect(),
        }
    }

    fn group(
        &mut self,
        entry: &At<GroupForm>,
        stored: Option<&Group>,
        names: &Names<'_>,
        labels: &Labels,
    ) -> Result<Group, PlanError> {
        let what = format!("group {:?}", entry.name);
        let id = resolve(&names.groups, "group", &entry.name, entry.line, &what)?;
        let settings = match &entry.settings {
            Some(settings) => resolved(settings, entry.line, &what, names)?,
            None => stored.map(|group| group.settings.clone()).unwrap_or_default(),
        };
        let mut of_members = Differences::default();
        let known = stored.map_or(&[][..], |group| &group.members);
        let members = match &entry.members {
            Some(members) => self.members(members, known, names, (&what, labels), &mut of_members)?,
            None => known.to_vec(),
        };
        let group = Group { id, name: entry.name.clone(), strategy: entry.strategy, settings, members };
        let mut differences = Differences::default();
        match stored {
            None => differences = Differences::created(),
            Some(old) => {
                differences.field("strategy", &old.strategy, &group.strategy);
                let (before, after) = (named(&old.settings, labels), named(&group.settings, labels));
                differences.block("settings", &before, &after);
                if let Some(words) = of_members.into_text() {
                    differences.say(words);
                }
            }
        }
        if self.note(&what, differences) == Saved::Yes {
            self.edits.groups.save.push(id);
        }
        Ok(group)
    }

    fn members(
        &mut self,
        form: &[At<MemberForm>],
        stored: &[Member],
        names: &Names<'_>,
        (what, labels): (&str, &Labels),
        differences: &mut Differences,
    ) -> Result<Vec<Member>, PlanError> {
        let known: HashMap<AgentId, &Member> = stored.iter().map(|member| (member.agent, member)).collect();
        let mut lines = HashMap::with_capacity(form.len());
        let mut members = Vec::with_capacity(form.len());
        for entry in form {
            let agent =
                resolve(&names.agents, "agent", &entry.agent, entry.line, &format!("{what}: members"))?;
            if let Some(first) = lines.insert(agent, entry.line) {
                return Err(twice(entry.line, &format!("{what}: the member {:?}", entry.agent), first).into());
            }
            let old = known.get(&agent).copied();
            let member = Member {
                id: old.map_or_else(|| self.ids.next().map(MembershipId::new), |member| Ok(member.id))?,
                agent,
                priority: entry.priority,
                capacity: entry.capacity,
                enabled: entry.enabled,
                max_concurrent_calls: entry.max_concurrent_calls,
            };
            member_differences(old, &member, &entry.agent, differences);
            members.push(member);
        }
        let named: HashSet<AgentId> = lines.into_keys().collect();
        for gone in stored.iter().filter(|member| !named.contains(&member.agent)) {
            let name = labels.agents.get(&gone.agent).map_or("?", String::as_str);
            differences.say(format!("member {name:?} removed"));
        }
        members.sort_unstable_by_key(|member| member.id);
        Ok(members)
    }
}

fn member_differences(old: Option<&Member>, new: &Member, name: &str, differences: &mut Differences) {
    let Some(old) = old else { return differences.say(format!("member {name:?} added")) };
    let mut own = Differences::default();
    own.field("priority", &old.priority, &new.priority);
    own.field("capacity", &old.capacity, &new.capacity);
    own.field("enabled", &old.enabled, &new.enabled);
    own.field("max_concurrent_calls", &old.max_concurrent_calls, &new.max_concurrent_calls);
    if let Some(words) = own.into_text() {
        differences.say(format!("member {name:?} {words}"));
    }
}

/// Settings with the names in them turned into ids.
fn resolved(
    settings: &GroupSettings<String, String>,
    line: Option<u64>,
    what: &str,
    names: &Names<'_>,
) -> Result<GroupSettings, FormError> {
    let from = format!("{what}: settings.fallback");
    settings.clone().try_map(
        |agent| resolve(&names.agents, "agent", &agent, line, &from),
        |group| resolve(&names.groups, "group", &group, line, &from),
    )
}

/// Settings with the ids in them turned into names, for people.
fn named(settings: &GroupSettings, labels: &Labels) -> Option<GroupSettings<String, String>> {
    let agent = |id: AgentId| Ok(labels.agents.get(&id).cloned().unwrap_or_else(|| id.to_string()));
    let group = |id: GroupId| Ok(labels.groups.get(&id).cloned().unwrap_or_else(|| id.to_string()));
    let named: Result<_, std::convert::Infallible> = settings.clone().try_map(agent, group);
    named.ok()
}
