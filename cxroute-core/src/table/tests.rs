//! Tests of the tables against a naive scan over random overlapping rules.

use super::*;
use crate::id::RuleId;
use crate::number::DialKey;
use crate::pattern::Pattern;

/// A small generator of test data: the same on every machine and in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % sides as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.roll(choices.len())]
    }

    fn digits(&mut self, alphabet: &[&str], most: usize) -> String {
        (0..1 + self.roll(most)).map(|_| self.pick(alphabet)).collect()
    }

    /// Mostly short numbers over few digits; sometimes E.164, very long, with `#`, or a name, also of wide characters.
    fn number(&mut self) -> String {
        match self.roll(20) {
            0 => self.digits(&["1", "2", "#", "*"], 4),
            1 => self.digits(&["a", "b", "1", "-"], 4),
            2 if self.roll(2) == 0 => self.digits(&["a", "é", "1", "2"], 4),
            2 => format!("12{}", self.digits(&["1", "2"], 20)),
            3..6 => format!(
                "{}{}",
                self.pick(&["1212", "1416", "4420", "44148", "7912"]),
                self.digits(&["1", "2"], 8)
            ),
            _ => self.digits(&["1", "2", "3"], 7),
        }
    }

    fn pattern(&mut self) -> Pattern {
        let countries: &[&str] =
            if cfg!(feature = "country") { &["US", "CA", "GB", "GG", "RU"] } else { &[] };
        let text = match self.roll(40) {
            0 => "*".to_owned(),
            1 if !countries.is_empty() => format!("country:{}", self.pick(countries)),
            2..4 => self.digits(&["a", "é", "1", "2", "?", "[12]"], 4) + self.pick(&["", "*"]),
            4..12 => self.digits(&["1", "2", "3", "?", "[12]", "[^2]", "[2-9]"], 5) + self.pick(&["", "*"]),
            _ => self.number().replace('*', "\\*") + self.pick(&["", "*", "*"]),
        };
        Pattern::parse(&text).unwrap_or(Pattern::EVERYTHING)
    }

    fn rule(&mut self, id: u64) -> Rule<u64> {
        let (pattern, priority) = (self.pattern(), self.roll(3) as u32);
        Rule { id: RuleId::new(id), priority, pattern, payload: id ^ 0xFFFF }
    }
}

type Answer = Option<(RuleId, u64, String)>;

fn answer(found: Option<Match<'_, u64>>) -> Answer {
    found.map(|rule| (rule.id(), *rule.payload(), rule.pattern().to_string()))
}

fn better(a: &Rule<u64>, b: &Rule<u64>) -> std::cmp::Ordering {
    let by_pattern = || a.pattern.specificity().cmp(&b.pattern.specificity());
    a.priority.cmp(&b.priority).then_with(by_pattern).then(a.id.cmp(&b.id))
}

/// The rules that match, best first, as a scan finds them.
fn scan<'a>(rules: &'a [Rule<u64>], key: &DialKey) -> Vec<&'a Rule<u64>> {
    let mut all: Vec<_> = rules.iter().filter(|rule| rule.pattern.matches(key)).collect();
    all.sort_by(|a, b| better(a, b));
    all
}

fn expected(all: &[&Rule<u64>]) -> Answer {
    all.first().map(|rule| (rule.id, rule.payload, rule.pattern.to_string()))
}

#[test]
fn look_up_in_random_tables_returns_what_a_scan_returns() {
    let (mut cases, mut contested) = (0, 0);
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let size = 1 + dice.roll([10, 100, 500, 1000][seed as usize % 4]);
        let rules: Vec<_> = (0..size as u64).map(|id| dice.rule(id)).collect();
        // Built at once, then extended by the rest.
        let (first, rest) = rules.split_at(dice.roll(size + 1));
        let mut table: RuleTable<u64> = first.iter().cloned().collect();
        table.extend(rest.iter().cloned());
        assert_eq!(table.len(), rules.len());
        for _ in 0..260 {
            let key = DialKey::of(&dice.number());
            let all = scan(&rules, &key);
            assert_eq!(answer(table.find(&key)), expected(&all), "seed {seed}, number {key}");
            if cases % 4 == 0 {
                let ids: Vec<_> = table.matches(&key, 20).iter().map(Match::id).collect();
                let best: Vec<_> = all.iter().map(|rule| rule.id).take(20).collect();
                assert_eq!(ids, best, "seed {seed}, number {key}");
            }
            cases += 1;
            contested += usize::from(all.len() > 1);
        }
    }
    assert!(cases >= 100_000);
    assert!(contested * 2 >= cases, "only {contested} of {cases} numbers are matched by two or more rules");
}

#[test]
fn changes_keep_the_table_equal_to_a_scan_and_leave_older_versions_as_they_were() {
    for seed in 0..60 {
        let mut dice = Dice(1000 + seed);
        let mut rules: Vec<Rule<u64>> = Vec::new();
        let mut table = RuleTable::new();
        let mut versions: Vec<(RuleTable<u64>, Vec<Rule<u64>>)> = Vec::new();
        let most = [8, 60, 400][seed as usize % 3];
        for step in 0..800_u64 {
            if rules.len() < most && (rules.is_empty() || dice.roll(5) > 1) {
                let rule = dice.rule(step);
                assert_eq!(table.insert(rule.clone()), None);
                rules.push(rule);
            } else if dice.roll(3) == 0 {
                let at = dice.roll(rules.len());
                let replaced = Rule { payload: step, ..rules[at].clone() };
                assert_eq!(
                    table.insert(replaced.clone()),
                    Some(rules[at].payload),
                    "seed {seed} step {step}"
                );
                rules[at] = replaced;
            } else {
                let gone = rules.swap_remove(dice.roll(rules.len()));
                let removed = table.remove(&gone.pattern, gone.priority, gone.id);
                assert_eq!(removed, Some(gone.payload), "seed {seed} step {step}");
                assert_eq!(table.remove(&gone.pattern, gone.priority, gone.id), None);
            }
            assert_eq!(table.len(), rules.len());
            for _ in 0..2 {
                let key = DialKey::of(&dice.number());
                assert_eq!(
                    answer(table.find(&key)),
                    expected(&scan(&rules, &key)),
                    "seed {seed} step {step} {key}"
                );
            }
            if step % 100 == 0 {
                versions.push((table.clone(), rules.clone()));
            }
        }
        for (table, rules) in &versions {
            for _ in 0..20 {
                let key = DialKey::of(&dice.number());
                assert_eq!(
                    answer(table.find(&key)),
                    expected(&scan(rules, &key)),
                    "seed {seed}, number {key}"
                );
            }
        }
        for rule in &rules {
            assert!(table.remove(&rule.pattern, rule.priority, rule.id).is_some());
        }
        assert!(table.is_empty());
        assert_eq!(answer(table.find(&DialKey::of("1212"))), None);
    }
}

#[test]
fn conflicts_and_shadows_are_those_that_a_scan_finds() {
    let mut found = 0;
    for seed in 0..300 {
        let mut dice = Dice(5000 + seed);
        let rules: Vec<_> = (0..1 + dice.roll(60) as u64).map(|id| dice.rule(id)).collect();
        let table: RuleTable<u64> = rules.iter().cloned().collect();
        for _ in 0..30 {
            let asked = dice.rule(dice.0 % 70);
            let others = rules.iter().filter(|rule| rule.id != asked.id);
            let twins = others
                .clone()
                .filter(|rule| rule.pattern == asked.pattern && rule.priority == asked.priority);
            let conflict = table.conflict(&asked.pattern, asked.priority, Some(asked.id));
            assert_eq!(conflict, twins.map(|rule| rule.id).min(), "seed {seed} {:?}", asked.pattern);
            let covering =
                others.filter(|rule| better(rule, &asked).is_lt() && rule.pattern.covers(&asked.pattern));
            let shadow = table.shadowed_by(&asked.pattern, asked.priority, asked.id);
            let best = covering.min_by(|a, b| better(a, b)).map(|rule| rule.id);
            assert_eq!(shadow, best, "seed {seed} {:?}", asked.pattern);
            found += usize::from(shadow.is_some());
        }
    }
    assert!(found > 1000, "only {found} shadows");
}

impl Dice {
    fn outbound_rule(&mut self, id: u64) -> OutboundRule<u64> {
        let destination = if self.roll(3) == 0 { Pattern::parse("1*").unwrap() } else { self.pattern() };
        let caller = if self.roll(2) == 0 { Pattern::EVERYTHING } else { self.pattern() };
        OutboundRule { id: RuleId::new(id), caller, destination, payload: id }
    }
}

fn better_outbound(a: &OutboundRule<u64>, b: &OutboundRule<u64>) -> std::cmp::Ordering {
    let by_destination = a.destination.specificity().cmp(&b.destination.specificity());
    by_destination.then_with(|| a.caller.specificity().cmp(&b.caller.specificity())).then(a.id.cmp(&b.id))
}

/// The ids of the rules that match, best first, as a scan finds them.
fn scan_outbound(rules: &[OutboundRule<u64>], from: &DialKey, to: &DialKey) -> Vec<RuleId> {
    let mut all: Vec<_> =
        rules.iter().filter(|rule| rule.destination.matches(to) && rule.caller.matches(from)).collect();
    all.sort_by(|a, b| better_outbound(a, b));
    all.into_iter().map(|rule| rule.id).collect()
}

#[test]
fn outbound_look_up_returns_what_a_scan_returns_also_after_changes() {
    let (mut cases, mut contested) = (0, 0);
    for seed in 0..200 {
        let mut dice = Dice(9000 + seed);
        let mut rules: Vec<_> = (0..1 + dice.roll(300) as u64).map(|id| dice.outbound_rule(id)).collect();
        let mut table: OutboundTable<u64> = rules.iter().cloned().collect();
        let older = (table.clone(), rules.clone());
        for _ in 0..rules.len() / 3 {
            let gone = rules.swap_remove(dice.roll(rules.len()));
            assert_eq!(table.remove(&gone.caller, &gone.destination, gone.id), Some(gone.payload));
            let changed = OutboundRule { caller: dice.pattern(), ..gone };
            assert_eq!(table.insert(changed.clone()), None);
            rules.push(changed);
        }
        let newer = (table, rules);
        for (table, rules) in [&older, &newer] {
            assert_eq!(table.len(), rules.len());
            for _ in 0..100 {
                let (from, to) = (DialKey::of(&dice.number()), DialKey::of(&dice.number()));
                let all = scan_outbound(rules, &from, &to);
                let found = table.find(&from, &to).map(|rule| rule.id());
                assert_eq!(found, all.first().copied(), "seed {seed} {from} {to}");
                let ids: Vec<_> = table.matches(&from, &to, 5).iter().map(OutboundMatch::id).collect();
                assert_eq!(ids, all.iter().copied().take(5).collect::<Vec<_>>());
                cases += 1;
                contested += usize::from(all.len() > 1);
            }
        }
        let (mut table, rules) = newer;
        for rule in rules {
            assert!(!table.is_empty());
            assert_eq!(table.remove(&rule.caller, &rule.destination, rule.id), Some(rule.payload));
        }
        assert!(table.is_empty());
    }
    assert!(contested * 2 >= cases, "only {contested} of {cases} calls are matched by two or more rules");
}

#[test]
fn outbound_conflicts_and_shadows_are_those_that_a_scan_finds() {
    let (mut conflicts, mut shadows) = (0, 0);
    for seed in 0..200 {
        let mut dice = Dice(12_000 + seed);
        let rules: Vec<_> = (0..1 + dice.roll(60) as u64).map(|id| dice.outbound_rule(id)).collect();
        let table: OutboundTable<u64> = rules.iter().cloned().collect();
        for _ in 0..30 {
            let asked = dice.outbound_rule(dice.0 % 70);
            let others = rules.iter().filter(|rule| rule.id != asked.id);
            let twins = others
                .clone()
                .filter(|rule| rule.caller == asked.caller && rule.destination == asked.destination);
            let conflict = table.conflict(&asked.caller, &asked.destination, Some(asked.id));
            assert_eq!(conflict, twins.map(|rule| rule.id).min(), "seed {seed} {asked:?}");
            let covering = others.filter(|rule| {
                better_outbound(rule, &asked).is_lt()
                    && rule.destination.covers(&asked.destination)
                    && rule.caller.covers(&asked.caller)
            });
            let shadow = table.shadowed_by(&asked.caller, &asked.destination, asked.id);
            let best = covering.min_by(|a, b| better_outbound(a, b)).map(|rule| rule.id);
            assert_eq!(shadow, best, "seed {seed} {asked:?}");
            conflicts += usize::from(conflict.is_some());
            shadows += usize::from(shadow.is_some());
        }
    }
    assert!(conflicts > 500 && shadows > 1000, "only {conflicts} conflicts and {shadows} shadows");
}

#[test]
fn a_match_equals_itself_and_no_other() {
    let everything =
        |id| Rule { id: RuleId::new(id), priority: 1, pattern: Pattern::EVERYTHING, payload: () };
    let table: RuleTable<()> = [everything(1), everything(2)].into_iter().collect();
    let all = table.matches(&DialKey::of("1"), 2);
    assert!(all[0] == all[0] && all[0] != all[1] && all[0] < all[1]);
}
