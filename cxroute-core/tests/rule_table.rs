//! Rule tables at their real sizes: leaves that split and merge again, crowded blocks, thousands of equal patterns.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;

use cxroute_core::id::RuleId;
use cxroute_core::number::DialKey;
use cxroute_core::pattern::Pattern;
use cxroute_core::table::{Rule, RuleTable};

fn rule(id: u64, priority: u32, pattern: &str) -> Rule<u64> {
    Rule { id: RuleId::new(id), priority, pattern: Pattern::parse(pattern).unwrap(), payload: id }
}

fn found(table: &RuleTable<u64>, number: &str) -> Option<u64> {
    table.find(&DialKey::of(number)).map(|rule| rule.id().get())
}

/// Digits that look random: the same in every run.
fn digits(seed: u64, count: usize) -> String {
    let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{:020}", (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9))[4..4 + count].to_owned()
}

#[test]
fn tens_of_thousands_of_prefixes_answer_like_the_longest_one_while_rules_come_and_go() {
    let mut prefixes: HashMap<String, u64> = HashMap::new();
    for id in 0..24_000 {
        // Half of them crowds under one prefix.
        let head = if id % 2 == 0 { "12125" } else { "" };
        prefixes.insert(format!("{head}{}", digits(id, 2 + id as usize % 6)), id);
    }
    let mut table: RuleTable<u64> =
        prefixes.iter().map(|(prefix, id)| rule(*id, 1, &format!("{prefix}*"))).collect();
    let check = |table: &RuleTable<u64>, prefixes: &HashMap<String, u64>| {
        for seed in 0..2_000 {
            let head = if seed % 2 == 0 { "12125" } else { "" };
            let number = format!("{head}{}", digits(seed * 31, 10));
            let longest =
                (1..=number.len()).rev().find_map(|length| prefixes.get(&number[..length]).copied());
            assert_eq!(found(table, &number), longest, "{number}");
        }
    };
    check(&table, &prefixes);
    let full = (table.clone(), prefixes.clone());
    for (at, (prefix, id)) in full.1.iter().enumerate() {
        let removed = table.remove(&Pattern::parse(&format!("{prefix}*")).unwrap(), 1, RuleId::new(*id));
        assert_eq!(removed, Some(*id));
        prefixes.remove(prefix);
        if at % 9_000 == 0 {
            check(&table, &prefixes);
        }
    }
    assert!(table.is_empty());
    check(&full.0, &full.1);
}

#[test]
fn a_block_of_ten_thousand_numbers_under_one_prefix_is_told_apart_to_the_last_digit() {
    let rules = (0..10_000).map(|id| rule(id, 1, &format!("+1212555{id:04}")));
    let mut table: RuleTable<u64> = rules.chain([rule(20_000, 1, "1212*"), rule(20_001, 1, "*")]).collect();
    for id in 0..10_000 {
        assert_eq!(found(&table, &format!("1212555{id:04}")), Some(id));
        assert_eq!(found(&table, &format!("1212555{id:04}0")), Some(20_000));
    }
    for id in (0..10_000).step_by(2) {
        let pattern = Pattern::parse(&format!("1212555{id:04}")).unwrap();
        assert_eq!(table.remove(&pattern, 1, RuleId::new(id)), Some(id));
    }
    assert_eq!(found(&table, "12125550042"), Some(20_000));
    assert_eq!(found(&table, "12125550043"), Some(43));
    assert_eq!(found(&table, "1313"), Some(20_001));
}

#[test]
fn seventy_thousand_rules_with_one_pattern_give_the_one_of_lowest_priority_and_id() {
    let mut table: RuleTable<u64> = (0..70_000)
        .map(|id| rule(id, 100 + (id % 7) as u32, "1212*"))
        .chain([rule(99_999, 103, "12125*")])
        .collect();
    assert_eq!(found(&table, "121255"), Some(0));
    for id in (0..70_000).step_by(7).take(3) {
        assert!(table.remove(&Pattern::parse("1212*").unwrap(), 100, RuleId::new(id)).is_some());
        assert_eq!(found(&table, "121255"), Some(id + 7));
    }
    assert_eq!(table.len(), 69_998);
    assert_eq!(table.matches(&DialKey::of("121255"), 2).len(), 2);
}

#[test]
fn seventy_thousand_rules_with_one_pattern_are_found_behind_a_longer_one_that_does_not_match() {
    let table: RuleTable<u64> =
        (0..70_000).map(|id| rule(id, 100, "1212*")).chain([rule(99_999, 1, "12125*")]).collect();
    assert_eq!(found(&table, "121255"), Some(99_999));
    assert_eq!(found(&table, "121261"), Some(0));
}

#[test]
fn ten_thousand_class_patterns_are_searched_best_first() {
    let patterns: Vec<_> =
        (0..10_000).map(|id| rule(id, 1 + (id % 3) as u32, &format!("{id:04}?[2-5]*"))).collect();
    let table: RuleTable<u64> =
        patterns.iter().cloned().chain([rule(10_000, 2, "12*"), rule(10_001, 0, "99*")]).collect();
    let mut changed = RuleTable::new();
    patterns.iter().step_by(10).cloned().for_each(|rule| assert!(changed.insert(rule).is_none()));
    for id in 0..10_000 {
        let number = format!("{id:04}03");
        let literal = match id / 100 {
            99 => Some(10_001),
            12 if id % 3 == 2 => Some(10_000),
            _ => None,
        };
        assert_eq!(found(&table, &number), literal.or(Some(id)), "{number}");
        assert_eq!(found(&changed, &number), (id % 10 == 0).then_some(id), "{number}");
        assert_eq!(found(&changed, &format!("{id:04}06")), None);
    }
    for rule in patterns.iter().step_by(20) {
        assert_eq!(changed.remove(&rule.pattern, rule.priority, rule.id), Some(rule.payload));
    }
    for id in (0..10_000).step_by(10) {
        assert_eq!(found(&changed, &format!("{id:04}03")), (id % 20 != 0).then_some(id));
    }
}

#[test]
fn names_stars_and_long_numbers_have_their_own_rules_and_share_the_general_ones() {
    let long = "1".repeat(40);
    let patterns = ["alice*", "alice-b", "\\*72", "#31#*", &long, "1111*", "*", "al?ce*", "ärger"];
    let table: RuleTable<u64> = patterns.iter().zip(0..).map(|(pattern, id)| rule(id, 1, pattern)).collect();
    for (number, id) in [
        ("Alice", 0),
        ("alice-b", 1),
        ("aliceb", 0),
        ("*72", 2),
        ("*721", 6),
        ("#31#4420", 3),
        (&long, 4),
        (&format!("{long}1"), 5),
        ("1111#", 5),
        ("1111", 5),
        ("11-11", 5),
        ("11-11a", 6),
        ("al1ce", 7),
        ("ÄRGER", 8),
        ("", 6),
        (&"9".repeat(1 << 20), 6),
    ] {
        assert_eq!(found(&table, number), Some(id), "{number:.40}");
    }
}

#[test]
fn look_up_allocates_nothing_whatever_kind_of_rule_matches() {
    let patterns = [
        "1212*",
        "12125551234",
        "1?12*",
        "[1-3]*",
        "12345678901234567[1-3]*",
        "12345*",
        "alice*",
        "a?*",
        "*",
    ];
    let table: RuleTable<u64> = patterns.iter().zip(0..).map(|(pattern, id)| rule(id, 1, pattern)).collect();
    for number in ["12125551234", "1312", "3", "12345678901234567199", "Alice-Bob", "a1", "#9", ""] {
        let key = DialKey::of(number);
        let allocations = allocation_counter::measure(|| assert!(table.find(&key).is_some()));
        assert_eq!(allocations.count_total, 0, "{number}");
    }
}

#[test]
fn nothing_matches_in_a_table_without_a_matching_rule() {
    // A catch-all of somebody else cannot be reached: tables are per tenant, and this one has none.
    let table = RuleTable::from_iter([rule(1, 1, "1212*"), rule(2, 1, "3000")]);
    for number in ["", "+", "121", "30000", "alice", "+44 20 7946 0000"] {
        assert_eq!(found(&table, number), None, "{number}");
    }
}

#[test]
fn a_rule_that_can_never_win_names_the_one_it_is_shadowed_by_and_a_double_its_first() {
    let table =
        RuleTable::from_iter([rule(1, 1, "1212*"), rule(2, 5, "1212555*"), rule(3, 9, "12125551234")]);
    let pattern = |text: &str| Pattern::parse(text).unwrap();
    assert_eq!(table.shadowed_by(&pattern("1212555*"), 5, RuleId::new(2)), Some(RuleId::new(1)));
    assert_eq!(table.shadowed_by(&pattern("1212?*"), 2, RuleId::new(7)), Some(RuleId::new(1)));
    assert_eq!(table.shadowed_by(&pattern("1212555*"), 1, RuleId::new(7)), None);
    assert_eq!(table.shadowed_by(&pattern("121*"), 9, RuleId::new(7)), None);
    assert_eq!(table.conflict(&pattern("+1 (212)*"), 1, None), Some(RuleId::new(1)));
    assert_eq!(table.conflict(&pattern("+1 (212)*"), 1, Some(RuleId::new(1))), None);
    assert_eq!(table.conflict(&pattern("+1 (212)*"), 2, None), None);
}
