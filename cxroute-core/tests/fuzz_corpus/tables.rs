//! Rule tables: while rules come and go, a look-up returns exactly what a scan over all rules returns (domain rules §2).
//!
//! | line | operation |
//! |---|---|
//! | `+2 +1212*` | adds a rule of priority 2; a text that is no pattern adds none |
//! | `-3` | takes the rule at this place out, counted from 0 in the order they came, round and round |
//! | `=3` | puts the rule at this place in again, with another payload |
//! | `?+1 212 555 1234` | looks a number up |
//! | `>3??? 44*` | adds an outbound rule: caller, blank, destination |
//! | `<0` | takes the outbound rule at this place out |
//! | `!3001 +44 20 7946` | looks a pair up: caller, blank, destination |

use std::cmp::Ordering;

use cxroute_core::id::RuleId;
use cxroute_core::number::DialKey;
use cxroute_core::pattern::Pattern;
use cxroute_core::table::{Match, OutboundMatch, OutboundRule, OutboundTable, Rule, RuleTable};

/// More lines than this make an input slow, not telling.
const MOST_LINES: usize = 400;

/// The input is a script of the operations above.
pub(crate) fn holds(bytes: &[u8]) {
    let script = String::from_utf8_lossy(bytes);
    let (mut inbound, mut outbound) = (Inbound::default(), Outbound::default());
    for (line, id) in script.lines().take(MOST_LINES).zip(0..) {
        let Some(letter) = line.chars().next() else { continue };
        let rest = &line[letter.len_utf8()..];
        let (head, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        match letter {
            '+' => inbound.add(id, head.parse().unwrap_or(0), tail),
            '-' => inbound.remove(head.parse().unwrap_or(0)),
            '=' => inbound.replace(head.parse().unwrap_or(0), id),
            '?' => inbound.look_up(rest),
            '>' => outbound.add(id, head, tail),
            '<' => outbound.remove(head.parse().unwrap_or(0)),
            '!' => outbound.look_up(head, tail),
            _ => {}
        }
        assert_eq!(inbound.table.len(), inbound.rules.len());
        assert_eq!(outbound.table.len(), outbound.rules.len());
    }
    inbound.end();
}

/// A table, the rules that are in it, and an earlier version of both.
#[derive(Default)]
struct Inbound {
    table: RuleTable<u64>,
    rules: Vec<Rule<u64>>,
    earlier: Option<(RuleTable<u64>, Vec<Rule<u64>>)>,
    numbers: Vec<String>,
}

impl Inbound {
    fn add(&mut self, id: u64, priority: u32, pattern: &str) {
        let Ok(pattern) = Pattern::parse(pattern) else { return };
        let rule = Rule { id: RuleId::new(id), priority, pattern, payload: id };
        self.warnings(&rule);
        assert_eq!(self.table.insert(rule.clone()), None);
        self.rules.push(rule);
    }

    fn remove(&mut self, place: usize) {
        self.earlier = Some((self.table.clone(), self.rules.clone()));
        let Some(place) = place.checked_rem(self.rules.len()) else { return };
        let Rule { id, priority, pattern, payload } = self.rules.remove(place);
        assert_eq!(self.table.remove(&pattern, priority, id), Some(payload));
        assert_eq!(self.table.remove(&pattern, priority, id), None);
    }

    fn replace(&mut self, place: usize, payload: u64) {
        let Some(place) = place.checked_rem(self.rules.len()) else { return };
        let before = std::mem::replace(&mut self.rules[place].payload, payload);
        assert_eq!(self.table.insert(self.rules[place].clone()), Some(before));
    }

    fn look_up(&mut self, number: &str) {
        answers_like_a_scan(&self.table, &self.rules, number);
        self.numbers.push(number.to_owned());
    }

    /// What saving a rule warns of is what a scan would warn of.
    fn warnings(&self, rule: &Rule<u64>) {
        let twins = self.rules.iter().filter(|it| it.pattern == rule.pattern && it.priority == rule.priority);
        let conflict = self.table.conflict(&rule.pattern, rule.priority, Some(rule.id));
        assert_eq!(conflict, twins.map(|twin| twin.id).min());
        let covering =
            self.rules.iter().filter(|it| rank(it, rule).is_lt() && it.pattern.covers(&rule.pattern));
        let shadow = self.table.shadowed_by(&rule.pattern, rule.priority, rule.id);
        assert_eq!(shadow, covering.min_by(|a, b| rank(a, b)).map(|rule| rule.id));
    }

    /// A table that is built at once answers like the one that grew, and an older version as it did then.
    fn end(self) {
        let at_once: RuleTable<u64> = self.rules.iter().cloned().collect();
        for number in &self.numbers {
            answers_like_a_scan(&at_once, &self.rules, number);
            if let Some((table, rules)) = &self.earlier {
                answers_like_a_scan(table, rules, number);
            }
        }
    }
}

/// The order in which rules win: priority, then specificity, then id.
fn rank(a: &Rule<u64>, b: &Rule<u64>) -> Ordering {
    let by_pattern = || a.pattern.specificity().cmp(&b.pattern.specificity());
    a.priority.cmp(&b.priority).then_with(by_pattern).then(a.id.cmp(&b.id))
}

fn answers_like_a_scan(table: &RuleTable<u64>, rules: &[Rule<u64>], number: &str) {
    let key = DialKey::of(number);
    let mut matching: Vec<_> = rules.iter().filter(|rule| rule.pattern.matches(&key)).collect();
    matching.sort_by(|a, b| rank(a, b));
    let expected: Vec<_> = matching.iter().map(|rule| (rule.id, rule.payload, &rule.pattern)).collect();
    let told = |rule: Match<'_, u64>| (rule.id(), *rule.payload(), rule.pattern());
    let found = table.find(&key).map(told);
    let found = found.as_ref().map(|(id, payload, pattern)| (*id, *payload, pattern));
    assert_eq!(found, expected.first().copied(), "{number:?}");
    let all: Vec<_> = table.matches(&key, usize::MAX).into_iter().map(told).collect();
    let all: Vec<_> = all.iter().map(|(id, payload, pattern)| (*id, *payload, pattern)).collect();
    assert_eq!(all, expected, "{number:?}");
}

/// The same for pairs of caller and destination.
#[derive(Default)]
struct Outbound {
    table: OutboundTable<u64>,
    rules: Vec<OutboundRule<u64>>,
}

impl Outbound {
    fn add(&mut self, id: u64, caller: &str, destination: &str) {
        let (Ok(caller), Ok(destination)) = (Pattern::parse(caller), Pattern::parse(destination)) else {
            return;
        };
        let twins = self.rules.iter().filter(|it| (&it.caller, &it.destination) == (&caller, &destination));
        assert_eq!(self.table.conflict(&caller, &destination, None), twins.map(|twin| twin.id).min());
        let rule = OutboundRule { id: RuleId::new(id), caller, destination, payload: id };
        assert_eq!(self.table.insert(rule.clone()), None);
        self.rules.push(rule);
    }

    fn remove(&mut self, place: usize) {
        let Some(place) = place.checked_rem(self.rules.len()) else { return };
        let gone = self.rules.remove(place);
        assert_eq!(self.table.remove(&gone.caller, &gone.destination, gone.id), Some(gone.payload));
        assert_eq!(self.table.remove(&gone.caller, &gone.destination, gone.id), None);
    }

    fn look_up(&self, caller: &str, destination: &str) {
        let (from, to) = (DialKey::of(caller), DialKey::of(destination));
        let both = |rule: &&OutboundRule<u64>| rule.caller.matches(&from) && rule.destination.matches(&to);
        let mut matching: Vec<_> = self.rules.iter().filter(both).collect();
        matching.sort_by(|a, b| {
            let by_destination = a.destination.specificity().cmp(&b.destination.specificity());
            let by_caller = || a.caller.specificity().cmp(&b.caller.specificity());
            by_destination.then_with(by_caller).then(a.id.cmp(&b.id))
        });
        let expected: Vec<_> = matching.iter().map(|rule| (rule.id, rule.payload)).collect();
        let told = |rule: OutboundMatch<'_, u64>| (rule.id(), *rule.payload());
        assert_eq!(
            self.table.find(&from, &to).map(told),
            expected.first().copied(),
            "{caller:?} {destination:?}"
        );
        let all: Vec<_> = self.table.matches(&from, &to, usize::MAX).into_iter().map(told).collect();
        assert_eq!(all, expected, "{caller:?} {destination:?}");
    }
}
