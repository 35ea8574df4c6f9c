//! Rules that can never win: they are saved, and deserve a warning (`shadowed_by`, domain.md §2).

use std::collections::HashMap;

use cxroute_core::config::{Configuration, InboundRule, OutboundRule};
use cxroute_core::id::RuleId;
use cxroute_core::table::{self, OutboundTable, RuleTable};

use super::rules::{inbound_label, outbound_label};

/// So many are named, the others counted.
const MOST_NAMED: usize = 20;

/// A warning for every rule that another one leaves nothing for.
pub(super) fn warnings(planned: &Configuration) -> Vec<String> {
    let mut warnings = inbound(&planned.inbound_rules);
    warnings.extend(outbound(&planned.outbound_rules));
    let more = warnings.len().saturating_sub(MOST_NAMED);
    warnings.truncate(MOST_NAMED);
    if more > 0 {
        warnings.push(format!("{more} more rules can never win"));
    }
    warnings
}

fn inbound(rules: &[InboundRule]) -> Vec<String> {
    let enabled = || rules.iter().filter(|rule| rule.enabled);
    let entry = |rule: &InboundRule| {
        let (id, priority, pattern) = (rule.id, rule.priority, rule.pattern.pattern().clone());
        table::Rule { id, priority, pattern, payload: () }
    };
    let table: RuleTable<()> = enabled().map(entry).collect();
    let by_id: HashMap<RuleId, &InboundRule> = enabled().map(|rule| (rule.id, rule)).collect();
    let warning = |rule: &InboundRule| {
        let shadow = table.shadowed_by(rule.pattern.pattern(), rule.priority, rule.id)?;
        Some(never(&inbound_label(rule), &inbound_label(by_id.get(&shadow)?)))
    };
    enabled().filter_map(warning).collect()
}

fn outbound(rules: &[OutboundRule]) -> Vec<String> {
    let enabled = || rules.iter().filter(|rule| rule.enabled);
    let entry = |rule: &OutboundRule| {
        let (caller, destination) = (rule.caller_id.pattern(), rule.destination_pattern.pattern());
        let (caller, destination) = (caller.clone(), destination.clone());
        table::OutboundRule { id: rule.id, caller, destination, payload: () }
    };
    let table: OutboundTable<()> = enabled().map(entry).collect();
    let by_id: HashMap<RuleId, &OutboundRule> = enabled().map(|rule| (rule.id, rule)).collect();
    let warning = |rule: &OutboundRule| {
        let (caller, destination) = (rule.caller_id.pattern(), rule.destination_pattern.pattern());
        let shadow = table.shadowed_by(caller, destination, rule.id)?;
        Some(never(&outbound_label(rule), &outbound_label(by_id.get(&shadow)?)))
    };
    enabled().filter_map(warning).collect()
}

fn never(rule: &str, shadow: &str) -> String {
    format!("{rule} can never win: shadowed_by {shadow}")
}
