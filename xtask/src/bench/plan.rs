//! A dial plan for the webhook benches: prefixes as in an E.164 plan, and dialled numbers, half of them under a rule.

use std::collections::HashSet;
use std::fmt::Write as _;

/// How many of a plan's prefixes have 3, 4, … 11 digits, in percent: few short ones, most of 6 to 8.
const LENGTHS: [(usize, u64); 9] =
    [(3, 1), (4, 2), (5, 6), (6, 14), (7, 24), (8, 22), (9, 14), (10, 9), (11, 8)];
/// Rules of the standard plan.
pub(super) const RULES: usize = 100_000;
const NUMBERS: usize = 100_000;
const SEED: u64 = 20_260_101;
/// Digits of a dialled number.
const NUMBER_LENGTH: usize = 12;
/// Destinations that take turns.
const AGENTS: usize = 10;

/// Rules and calls, the same for everyone who is measured.
pub(crate) struct Plan {
    prefixes: Vec<String>,
    numbers: Vec<String>,
}

impl Plan {
    /// The plan of all webhook benches.
    pub(crate) fn standard() -> Self {
        Self::generate(SEED, RULES, NUMBERS)
    }

    /// `rules` distinct prefixes and `numbers` dialled numbers; the same for the same seed.
    fn generate(seed: u64, rules: usize, numbers: usize) -> Self {
        let mut random = SplitMix(seed);
        let mut seen = HashSet::new();
        let mut prefixes = Vec::with_capacity(rules);
        while prefixes.len() < rules {
            let length = prefix_length(random.below(100));
            let prefix = random.digits(String::new(), length);
            if seen.insert(prefix.clone()) {
                prefixes.push(prefix);
            }
        }
        let numbers = (0..numbers)
            .map(|turn| match turn % 2 {
                0 => {
                    let prefix = &prefixes[random.below(rules as u64) as usize];
                    random.digits(prefix.clone(), NUMBER_LENGTH)
                }
                _ => random.digits(String::new(), NUMBER_LENGTH),
            })
            .collect();
        Self { prefixes, numbers }
    }

    /// The dialled numbers, one a line.
    pub(crate) fn numbers(&self) -> String {
        self.numbers.join("\n")
    }

    /// A number that a rule matches.
    pub(crate) fn routed_number(&self) -> &str {
        &self.numbers[0]
    }

    /// The plan as a tenant's configuration: all rules to one group whose agents take turns.
    pub(crate) fn cxroute_config(&self, domain: &str, key: &str) -> String {
        let mut yaml = format!("tenant: {{ name: Bench, domain: {domain} }}\nwebhook_key: {key}\nagents:\n");
        for agent in 1..=AGENTS {
            let _infallible = writeln!(
                yaml,
                "  - {{ name: Agent {agent}, provider: retell, service_value: \"+1202555{agent:04}\" }}"
            );
        }
        yaml.push_str("groups:\n  - name: Turns\n    strategy: round_robin\n    members:\n");
        for agent in 1..=AGENTS {
            let _infallible = writeln!(yaml, "      - {{ agent: Agent {agent} }}");
        }
        yaml.push_str("inbound_rules:\n");
        for prefix in &self.prefixes {
            let _infallible = writeln!(yaml, "  - {{ pattern: \"{prefix}*\", target: {{ group: Turns }} }}");
        }
        yaml
    }

    /// The plan as Kamailio's `db_text` tables: file name and content.
    pub(crate) fn kamailio_tables(&self) -> [(&'static str, String); 3] {
        let version = "table_name(string) table_version(int)\nmtree:1\ndispatcher:4\n".to_owned();
        let mut mtree = "id(int,auto) tprefix(string) tvalue(string)\n".to_owned();
        for (at, prefix) in self.prefixes.iter().enumerate() {
            let _infallible = writeln!(mtree, "{}:{prefix}:g{}", at + 1, at % AGENTS);
        }
        let mut dispatcher = "id(int,auto) setid(int) destination(string) flags(int) priority(int) \
                              attrs(string,null) description(string)\n"
            .to_owned();
        for agent in 1..=AGENTS {
            // A colon inside a value is escaped.
            let _infallible =
                writeln!(dispatcher, "{agent}:1:sip\\:127.0.0.1\\:{}:0:{agent}::agent", 7000 + agent);
        }
        [("version", version), ("mtree", mtree), ("dispatcher", dispatcher)]
    }
}

fn prefix_length(percent: u64) -> usize {
    let mut left = percent;
    for (length, share) in LENGTHS {
        match left.checked_sub(share) {
            Some(rest) => left = rest,
            None => return length,
        }
    }
    NUMBER_LENGTH - 1
}

/// SplitMix64 (Steele, Lea, Flood 2014): a plan must come out the same everywhere, forever.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// `start` with random digits up to `length`; a number does not begin with 0.
    fn digits(&mut self, start: String, length: usize) -> String {
        let mut text = start;
        while text.len() < length {
            let digit = if text.is_empty() { 1 + self.below(9) } else { self.below(10) };
            text.push(char::from(b'0' + digit as u8));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_distinct_prefixes_and_numbers_of_which_half_are_under_a_rule() {
        let plan = Plan::generate(1, 5_000, 1_000);
        let distinct: HashSet<&String> = plan.prefixes.iter().collect();
        assert_eq!(distinct.len(), 5_000);
        assert!(plan.prefixes.iter().all(|prefix| (3..=11).contains(&prefix.len())));
        assert!(plan.numbers.iter().all(|number| number.len() == 12 && !number.starts_with('0')));
        let is_routed = |number: &&String| (3..=11).any(|end| distinct.contains(&number[..end].to_owned()));
        assert!(plan.numbers.iter().filter(is_routed).count() >= 500);
        assert!(is_routed(&&plan.routed_number().to_owned()));
    }

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_seed_another() {
        let plan = |seed| Plan::generate(seed, 100, 100).numbers();
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn lengths_come_with_their_shares() {
        assert_eq!(LENGTHS.iter().map(|(_, share)| share).sum::<u64>(), 100);
        assert_eq!((prefix_length(0), prefix_length(1), prefix_length(99)), (3, 4, 11));
    }

    #[test]
    fn both_sides_get_every_rule() {
        let plan = Plan::generate(1, 50, 2);
        let yaml = plan.cxroute_config("bench.example.net", "key");
        let [_, (_, mtree), (_, dispatcher)] = plan.kamailio_tables();
        for prefix in &plan.prefixes {
            assert!(yaml.contains(&format!("pattern: \"{prefix}*\"")));
            assert!(mtree.contains(&format!(":{prefix}:g")));
        }
        assert_eq!(dispatcher.lines().count(), 1 + AGENTS);
    }
}
