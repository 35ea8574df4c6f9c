//! Why each member was or was not chosen, with the figures that were compared: the heart of a trace.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::config::Strategy;
use crate::id::{AgentId, GroupId, MembershipId};
use crate::time::Timestamp;

/// A stored trace names at most this many members and counts the rest by verdict.
pub const TRACED_MEMBERS: usize = 20;

/// What one stage of a choice came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageTrace {
    /// The group; none for an agent that is dialled directly.
    pub group: Option<GroupId>,
    /// How it picks.
    pub strategy: Strategy,
    /// What came of it.
    pub outcome: StageOutcome,
    /// At most [`TRACED_MEMBERS`] members: the chosen one first, then in membership order.
    pub members: SmallVec<[MemberVerdict; 4]>,
    /// The members not named, by verdict.
    #[serde(default, skip_serializing_if = "VerdictCounts::is_empty")]
    pub others: VerdictCounts,
}

/// What a stage came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageOutcome {
    /// A member was chosen.
    Chosen,
    /// A member that health held back was chosen, since health alone left nobody.
    ChosenDespiteHealth,
    /// Nobody could take the call.
    Nobody,
    /// The call has had as many attempts as the group allows.
    MaxAttempts,
}

/// A member's verdict, with the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberVerdict {
    /// The agent.
    pub agent: AgentId,
    /// The membership.
    pub membership: MembershipId,
    /// Chosen, or why not.
    pub verdict: Verdict,
    /// Choices in the window, before this one.
    pub calls: u64,
    /// Calls given on joining that are still in the window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub virtual_calls: u64,
    /// The weight.
    pub capacity: u32,
    /// 1 is first; none is last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Chosen, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Verdict {
    /// It takes the call.
    Chosen,
    /// It takes the call as the probe of a cool-down.
    ChosenAsProbe,
    /// The membership or the agent is disabled, or a secret of the agent does not open
    /// ([`Snapshot::compile`](crate::engine::Snapshot::compile) disables such an agent).
    Disabled,
    /// It was tried in this call.
    Tried,
    /// A cap is reached.
    AtCapacity {
        /// Whose cap.
        cap: CapKind,
        /// Live attempts.
        live: u32,
        /// The limit.
        limit: u32,
    },
    /// Held back after failures.
    CoolingDown {
        /// No probe before this.
        until: Timestamp,
    },
    /// Held back while another call probes it.
    Probing,
    /// Another candidate has fewer calls for its capacity, or as many and waited longer.
    HigherLoad,
    /// A better priority level has a candidate.
    LowerPriority,
    /// Another candidate's turn came first.
    NotItsTurn,
    /// The custom strategy prefers another candidate for this call.
    LessPreferred,
    /// The custom strategy keeps it out of this call.
    Excluded,
}

/// Whose limit on live attempts is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapKind {
    /// The agent's.
    Agent,
    /// The membership's.
    Membership,
    /// The pool's.
    Pool,
}

/// How many members had which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field counts the verdict it is named after")]
pub struct VerdictCounts {
    pub disabled: u32,
    pub tried: u32,
    pub at_capacity: u32,
    pub cooling_down: u32,
    pub probing: u32,
    pub higher_load: u32,
    pub lower_priority: u32,
    pub not_its_turn: u32,
    pub less_preferred: u32,
    pub excluded: u32,
}

impl VerdictCounts {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts one verdict; the chosen member is always named and never counted.
    pub const fn add(&mut self, verdict: Verdict) {
        let count = match verdict {
            Verdict::Chosen | Verdict::ChosenAsProbe => return,
            Verdict::Disabled => &mut self.disabled,
            Verdict::Tried => &mut self.tried,
            Verdict::AtCapacity { .. } => &mut self.at_capacity,
            Verdict::CoolingDown { .. } => &mut self.cooling_down,
            Verdict::Probing => &mut self.probing,
            Verdict::HigherLoad => &mut self.higher_load,
            Verdict::LowerPriority => &mut self.lower_priority,
            Verdict::NotItsTurn => &mut self.not_its_turn,
            Verdict::LessPreferred => &mut self.less_preferred,
            Verdict::Excluded => &mut self.excluded,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_stage_is_short_and_reads_back_as_it_was() {
        let member = |virtual_calls| MemberVerdict {
            agent: AgentId::new(1),
            membership: MembershipId::new(2),
            verdict: Verdict::HigherLoad,
            calls: 3,
            virtual_calls,
            capacity: 1,
            priority: None,
        };
        let stage = |virtual_calls, others| StageTrace {
            group: None,
            strategy: Strategy::LoadBalanced,
            outcome: StageOutcome::Chosen,
            members: [member(virtual_calls)].into_iter().collect(),
            others,
        };
        let counted = VerdictCounts { disabled: 5, ..VerdictCounts::default() };
        for (stage, is_short) in [(stage(0, VerdictCounts::default()), true), (stage(7, counted), false)] {
            let text = serde_json::to_string(&stage).unwrap();
            for name in ["virtual_calls", "others"] {
                assert_eq!(text.contains(name), !is_short, "{text}");
            }
            assert_eq!(serde_json::from_str::<StageTrace>(&text).unwrap(), stage);
        }
    }
}
