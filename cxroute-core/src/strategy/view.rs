//! What people may look at of a plane's books. Nothing is decided by it.

use super::plane::Plane;
use crate::id::{AgentId, GroupId};
use crate::time::Timestamp;

/// A group's books as people read them: without virtual calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupView {
    /// How often each agent was chosen in the window, in order of agents; without those that were not.
    pub calls: Vec<(AgentId, u64)>,
    /// The steps of the window in which each agent was chosen, oldest first.
    pub steps: Vec<StepView>,
    /// The agent that was chosen last.
    pub latest: Option<AgentId>,
}

/// An agent was chosen in a step of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepView {
    /// When the step began.
    pub from: Timestamp,
    /// The agent.
    pub agent: AgentId,
    /// How often.
    pub calls: u64,
}

impl Plane {
    /// A group's books as people read them; none if it never chose. A step that has left the window since the group's last
    /// choice is still there.
    pub fn group(&self, group: GroupId) -> Option<GroupView> {
        let book = self.groups.get(&group)?;
        let last = |(agent, _): &(&AgentId, _)| book.last(**agent);
        let latest = book.members.iter().max_by_key(last).map(|(agent, _)| *agent);
        let mut calls = book.window.calls();
        calls.sort_unstable();
        let steps = book.window.chosen().map(|(from, agent, calls)| StepView { from, agent, calls });
        Some(GroupView {
            calls,
            steps: steps.collect(),
            latest: latest.filter(|agent| book.last(*agent) > 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::strategy::{GroupImage, PlaneImage, SeatImage, StepTally};

    #[test]
    fn a_groups_books_are_shown_without_virtual_calls() {
        let step = |step, agent, calls, virtual_calls| {
            (900_000, StepTally { step, agent: AgentId::new(agent), calls, virtual_calls })
        };
        let seat = |agent, last| SeatImage { agent: AgentId::new(agent), last, present: true };
        let group = GroupImage {
            group: GroupId::new(20),
            steps: vec![step(1_000, 8, 2, 0), step(1_001, 7, 0, 5), step(1_001, 8, 1, 0)],
            seats: vec![seat(7, 0), seat(8, 3)],
            turns: Vec::new(),
        };
        let mut plane = Plane::restore(PlaneImage { groups: vec![group], ..PlaneImage::default() });
        assert_eq!(plane.group(GroupId::new(21)), None);
        let book = plane.groups.get_mut(&GroupId::new(20)).unwrap();
        book.window.advance(Timestamp::from_millis(1_001 * 900_000), Duration::from_secs(900));
        let view = plane.group(GroupId::new(20)).unwrap();
        assert_eq!(view.calls, [(AgentId::new(8), 3)]);
        let steps: Vec<_> =
            view.steps.iter().map(|step| (step.from.as_millis() / 900_000, step.calls)).collect();
        assert_eq!(steps, [(1_000, 2), (1_001, 1)]);
        assert_eq!(view.latest, Some(AgentId::new(8)));
    }
}
