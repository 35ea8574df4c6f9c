//! What a routing step chose, and why: the decision and its trace (domain.md §8).

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::aggregate::{AttemptTarget, EndReason};
use crate::config::RuleDirection;
use crate::id::RuleId;
use crate::strategy::{LedgerDelta, StageTrace};
use crate::time::Timestamp;

/// What a routing step chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What the platform is told.
    pub action: Action,
    /// The configuration's revision that it was made under.
    pub revision: u64,
    /// The direction that the record gets.
    pub direction: RuleDirection,
    /// Why.
    pub trace: Arc<Trace>,
    /// What changes in the plane's durable books.
    pub delta: LedgerDelta,
}

/// What the platform is told to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Dial somebody new.
    Dial(NewAttempt),
    /// Dial the open attempt's target again: the same CXML, no new choice.
    Repeat {
        /// The attempt's number.
        attempt: u16,
    },
    /// Nothing more is dialled; the call ends in the way the reason says.
    End(EndReason),
}

/// An attempt as it is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAttempt {
    /// 1 for the first of the call.
    pub number: u16,
    /// Whom.
    pub target: AttemptTarget,
    /// The cool-down episode that it probes in.
    pub probe: Option<u32>,
}

/// Why a call went where it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// When it was decided.
    pub at: Timestamp,
    /// The configuration's revision.
    pub revision: u64,
    /// Which rules were asked.
    pub direction: RuleDirection,
    /// The dialled number as received.
    pub dialled: CompactString,
    /// As it was matched.
    pub normalised: CompactString,
    /// The caller as received.
    pub caller: CompactString,
    /// The rule that won.
    pub rule: Option<RuleTrace>,
    /// The next best ones.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub next_best: SmallVec<[RuleTrace; 2]>,
    /// Every stage of the fallback chain that was looked at.
    #[serde(default, skip_serializing_if = "no_stages")]
    pub stages: Arc<SmallVec<[StageTrace; 1]>>,
    /// What came after the last stage, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Box<str>>,
    /// Whether the execution plane was away and this server decided by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
}

fn no_stages(stages: &Arc<SmallVec<[StageTrace; 1]>>) -> bool {
    stages.is_empty()
}

/// A rule as a trace names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleTrace {
    /// The rule.
    pub id: RuleId,
    /// Its canonical pattern; outbound: caller, then destination.
    pub pattern: CompactString,
    /// Its priority, inbound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Strategy;
    use crate::strategy::{StageOutcome, VerdictCounts};

    #[test]
    fn a_stored_trace_leaves_out_what_is_not_there_and_reads_back_as_it_was() {
        let bare = Trace {
            at: Timestamp::from_millis(1),
            revision: 2,
            direction: RuleDirection::Inbound,
            dialled: "+1 212".into(),
            normalised: "1212".into(),
            caller: "".into(),
            rule: None,
            next_best: SmallVec::new(),
            stages: Arc::default(),
            fallback: None,
            degraded: false,
        };
        let stage = StageTrace {
            group: None,
            strategy: Strategy::Priority,
            outcome: StageOutcome::Nobody,
            members: SmallVec::new(),
            others: VerdictCounts::default(),
        };
        let rule = RuleTrace { id: RuleId::new(1), pattern: "1*".into(), priority: None };
        let full = Trace {
            rule: Some(rule.clone()),
            next_best: [rule].into_iter().collect(),
            stages: Arc::new([stage].into_iter().collect()),
            fallback: Some("reject".into()),
            degraded: true,
            ..bare.clone()
        };
        for (trace, is_full) in [(bare, false), (full, true)] {
            let text = serde_json::to_string(&trace).unwrap();
            for name in ["next_best", "stages", "fallback", "degraded"] {
                assert_eq!(text.contains(name), is_full, "{name}: {text}");
            }
            assert_eq!(serde_json::from_str::<Trace>(&text).unwrap(), trace);
        }
    }
}
