//! Checking a draft as a whole, without reading a million rules. Of those that were not touched, only the ones can be
//! wrong that conflict with one that was, or that lead to what was deleted: the others were valid and still are.

use std::collections::BTreeMap;

use cxroute_core::config::{InboundRule, OutboundRule};
use cxroute_core::id::RuleId;
use cxroute_core::port::StoreError;

use super::diff::Diff;
use super::{Draft, Edit, Original};

/// What a draft changed that rules may suffer from.
pub(super) struct Touched {
    inbound: Vec<InboundRule>,
    outbound: Vec<OutboundRule>,
    agents_gone: Vec<u64>,
    groups_gone: Vec<u64>,
}

impl Touched {
    pub(super) fn of(diff: &Diff<'_>) -> Self {
        Self {
            inbound: diff.inbound.saved.iter().map(|rule| (*rule).clone()).collect(),
            outbound: diff.outbound.saved.iter().map(|rule| (*rule).clone()).collect(),
            agents_gone: diff.agents.deleted.iter().map(|agent| agent.id.get()).collect(),
            groups_gone: diff.groups.deleted.iter().map(|group| group.id.get()).collect(),
        }
    }
}

impl<O: Original> Draft<O> {
    /// Checks the draft as it would be.
    pub(super) async fn check(&self, touched: Touched) -> Result<(), StoreError> {
        let Touched { inbound, outbound, agents_gone, groups_gone } = touched;
        let (beside_in, beside_out) =
            self.original.rules_beside((&inbound, &outbound), (&agents_gone, &groups_gone)).await?;
        let inbound = together(beside_in, &self.inbound, |rule| rule.id);
        let outbound = together(beside_out, &self.outbound, |rule| rule.id);
        self.draft.clone().with(inbound, outbound).check()?;
        Ok(())
    }
}

/// The rules that were touched, as they are now, and those beside them that were not, in order of id.
fn together<T: Clone>(
    beside: Vec<T>,
    edits: &BTreeMap<RuleId, Edit<T>>,
    id: impl Fn(&T) -> RuleId,
) -> Vec<T> {
    let mut all: BTreeMap<RuleId, T> =
        beside.into_iter().map(|rule| (id(&rule), rule)).filter(|(id, _)| !edits.contains_key(id)).collect();
    all.extend(edits.iter().filter_map(|(id, edit)| Some((*id, edit.now.clone()?))));
    all.into_values().collect()
}
