//! The two data sets of the rule benches, the same on every machine: distinct literal prefixes of 3 to 11 digits,
//! lengths weighted like a numbering plan, and 12-digit numbers, every other one under a rule.

use std::collections::HashSet;

use cxroute_core::id::RuleId;
use cxroute_core::pattern::Pattern;
use cxroute_core::table::Rule;

/// How the first three digits are distributed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Over all that do not begin with 0.
    Uniform,
    /// Over 200 area codes, rules and numbers alike.
    Skewed,
}

/// Prefixes and numbers.
pub(crate) struct DataSet {
    pub(crate) prefixes: Vec<String>,
    pub(crate) numbers: Vec<String>,
}

/// Weights of the lengths 3 to 11.
const WEIGHTS: [u64; 9] = [1, 2, 6, 14, 24, 22, 14, 9, 8];

impl DataSet {
    /// `count` distinct prefixes and 100,000 numbers.
    pub(crate) fn of(shape: Shape, count: usize) -> Self {
        let mut source = Source { state: 20_260_101, shape };
        let mut seen = HashSet::new();
        let mut prefixes = Vec::with_capacity(count);
        while prefixes.len() < count {
            let prefix = source.prefix();
            if seen.insert(prefix.clone()) {
                prefixes.push(prefix);
            }
        }
        let numbers = (0..100_000)
            .map(|at| {
                let mut number = String::new();
                if at % 2 == 0 {
                    number.push_str(&prefixes[source.below(count as u64) as usize]);
                }
                source.fill(number, 12)
            })
            .collect();
        Self { prefixes, numbers }
    }

    /// The prefixes as rules of one priority, whose payloads and ids are their indices.
    pub(crate) fn rules(&self) -> impl Iterator<Item = Rule<u32>> {
        self.prefixes.iter().zip(0..).map(|(prefix, at)| prefix_rule(prefix, at))
    }
}

/// A prefix rule whose payload and id are `at`.
pub(crate) fn prefix_rule(prefix: &str, at: u32) -> Rule<u32> {
    let pattern = Pattern::parse(&format!("{prefix}*")).expect("digits and a star are a pattern");
    Rule { id: RuleId::new(u64::from(at)), priority: 1, pattern, payload: at }
}

/// SplitMix64 and what is drawn from it.
struct Source {
    state: u64,
    shape: Shape,
}

impl Source {
    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % limit
    }

    fn prefix(&mut self) -> String {
        let mut draw = self.below(WEIGHTS.iter().sum());
        let mut length = 3;
        for weight in WEIGHTS {
            if draw < weight {
                break;
            }
            draw -= weight;
            length += 1;
        }
        self.fill(String::new(), length)
    }

    /// Draws digits until `number` has `length` of them.
    fn fill(&mut self, mut number: String, length: usize) -> String {
        if number.is_empty() {
            let area = match self.shape {
                Shape::Uniform => 100 + self.below(900),
                // 200 of the 900, spread unevenly over them.
                Shape::Skewed => 100 + (self.below(200) * 547 + 31) % 900,
            };
            number = area.to_string();
        }
        while number.len() < length {
            number.push(char::from(b'0' + self.below(10) as u8));
        }
        number
    }
}
