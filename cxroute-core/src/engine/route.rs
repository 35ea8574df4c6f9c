//! Finding the way of a call: the rule that wins, and the chain that it leads to. Pure, on a snapshot.

use std::sync::Arc;

use compact_str::{CompactString, format_compact};
use smallvec::SmallVec;

use super::snapshot::{Chain, Snapshot};
use crate::call::RuleTrace;
use crate::config::{RuleDirection, Target, TrunkConfig};
use crate::id::RuleId;
use crate::number::DialKey;

/// A trace names the winner and so many next best rules.
const NEXT_BEST: usize = 2;

/// What is asked: who called whom, and where the call came from.
#[derive(Clone, Debug)]
pub(super) struct Dialled {
    pub(super) from: CompactString,
    pub(super) to: CompactString,
    pub(super) origin: Origin,
}

/// Which rules are asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A trunk: inbound rules only.
    Inbound,
    /// Anything else: outbound rules, then inbound ones.
    Other,
}

/// The way of a call.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) direction: RuleDirection,
    pub(super) normalised: CompactString,
    pub(super) rule: Option<RuleTrace>,
    pub(super) next_best: SmallVec<[RuleTrace; 2]>,
    pub(super) way: Way,
}

/// Where a rule leads.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// To agents.
    Agents(Chain),
    /// Out on trunks.
    Trunks(Arc<TrunkConfig>),
    /// Nowhere: no rule matches.
    Nowhere,
    /// No further: the last attempt's outcome ends the call.
    Over,
}

impl Snapshot {
    /// The way of a call (domain.md §2, "Direction").
    pub(super) fn route(&self, dialled: &Dialled) -> Route {
        let to = DialKey::of(&dialled.to);
        if dialled.origin == Origin::Other {
            let from = DialKey::of(&dialled.from);
            let mut found = self.outbound().matches(&from, &to, NEXT_BEST + 1).into_iter();
            if let Some(first) = found.next() {
                let trace =
                    |id: RuleId, caller: &dyn std::fmt::Display, destination: &dyn std::fmt::Display| {
                        let pattern = format_compact!("{caller} → {destination}");
                        RuleTrace { id, pattern, priority: None }
                    };
                return Route {
                    direction: RuleDirection::Outbound,
                    normalised: to.as_str().into(),
                    rule: Some(trace(first.id(), &first.caller(), &first.destination())),
                    next_best: found.map(|m| trace(m.id(), &m.caller(), &m.destination())).collect(),
                    way: Way::Trunks(Arc::clone(first.payload())),
                };
            }
        }
        let mut found = self.inbound().matches(&to, NEXT_BEST + 1).into_iter();
        let trace = |id: RuleId, pattern: &dyn std::fmt::Display, priority: u32| RuleTrace {
            id,
            pattern: format_compact!("{pattern}"),
            priority: Some(priority),
        };
        let first = found.next();
        let way = first.as_ref().and_then(|first| self.chain(*first.payload())).cloned();
        Route {
            direction: RuleDirection::Inbound,
            normalised: to.as_str().into(),
            rule: first.as_ref().map(|m| trace(m.id(), &m.pattern(), m.priority())),
            next_best: found.map(|m| trace(m.id(), &m.pattern(), m.priority())).collect(),
            way: way.map_or(Way::Nowhere, Way::Agents),
        }
    }

    /// The rest of the way after an attempt that `group` made: its chain, if the group still exists.
    pub(super) fn way_on(&self, group: crate::id::GroupId) -> Option<Chain> {
        self.chain(Target::Group(group)).cloned()
    }
}
