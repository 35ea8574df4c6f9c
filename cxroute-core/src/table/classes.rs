//! The side table of patterns with classes or `?`: sorted by rank, best first, and sieved by bitmaps. For each of the
//! first positions and each thing that can stand there, a chunk knows which of its rules accept it; the first bit
//! left after intersecting the positions of a number is the best rule.

use std::cmp::Ordering;
use std::sync::Arc;

use super::ranked::Ranked;
use crate::id::RuleId;
use crate::number::DialKey;
use crate::pattern::{Form, Pattern, Position, Tail};

/// Rules whose patterns are not literal, in chunks, best first.
#[derive(Clone, Debug)]
pub(super) struct Classes<T> {
    chunks: Vec<Arc<Chunk<T>>>,
}

/// As many rules as a bitmap has bits.
const CHUNK: usize = 128;
/// Positions that the sieve looks at; what passes it is checked against the pattern.
const SIEVED: usize = 16;
/// What can stand at a position: ten digits, anything else, or nothing.
const VALUES: usize = 12;
const OTHER: usize = 10;
const END: usize = 11;

#[derive(Clone, Debug)]
struct Chunk<T> {
    /// Not empty, at most `CHUNK`.
    rules: Vec<Ranked<T>>,
    /// For each position, for each value, the rules that accept it there.
    sieve: Box<[[u128; VALUES]; SIEVED]>,
}

impl<T> Default for Classes<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

/// The order of the table.
fn rank(rule: &Ranked<impl Sized>, pattern: &Pattern, priority: u32, id: RuleId) -> Ordering {
    rule.priority
        .cmp(&priority)
        .then_with(|| rule.pattern.specificity().cmp(&pattern.specificity()))
        .then_with(|| rule.id.cmp(&id))
}

impl<T> Classes<T> {
    pub(super) const fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Every rule, best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Ranked<T>> {
        self.chunks.iter().flat_map(|chunk| &chunk.rules)
    }

    /// The rules that match, best first, out of the chunks whose best rule `is_worth_it`.
    pub(super) fn matches<'a>(
        &'a self,
        key: &DialKey,
        is_worth_it: impl Fn(&'a Ranked<T>) -> bool,
    ) -> impl Iterator<Item = &'a Ranked<T>> {
        let chunks =
            self.chunks.iter().take_while(move |chunk| chunk.rules.first().is_some_and(&is_worth_it));
        let sifted = chunks.flat_map(|chunk| {
            let mut left = chunk.sift(key.as_bytes());
            std::iter::from_fn(move || {
                let rule = chunk.rules.get(left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(rule)
            })
        });
        sifted.filter(|rule| rule.pattern.matches(key))
    }

    /// The chunk where a rule is or belongs, and its place there.
    fn place(&self, pattern: &Pattern, priority: u32, id: RuleId) -> (usize, Result<usize, usize>) {
        let is_before = |chunk: &Arc<Chunk<T>>| {
            chunk.rules.last().is_some_and(|last| rank(last, pattern, priority, id) == Ordering::Less)
        };
        let chunk = self.chunks.partition_point(is_before).min(self.chunks.len().saturating_sub(1));
        let rules = self.chunks.get(chunk).map_or(&[][..], |chunk| &chunk.rules);
        (chunk, rules.binary_search_by(|rule| rank(rule, pattern, priority, id)))
    }
}

impl<T: Clone> Classes<T> {
    /// A table of these rules; of rules with equal pattern, priority and id the last stays.
    pub(super) fn of(mut rules: Vec<Ranked<T>>) -> Self {
        rules.reverse();
        rules.sort_by(|a, b| rank(a, &b.pattern, b.priority, b.id));
        rules.dedup_by(|a, b| rank(a, &b.pattern, b.priority, b.id) == Ordering::Equal);
        // Three quarters full: room for a few insertions before a chunk is split.
        let chunks = rules.chunks(CHUNK / 4 * 3).map(|rules| Arc::new(Chunk::of(rules.to_vec()))).collect();
        Self { chunks }
    }

    /// Adds a rule, or replaces the one with its pattern, priority and id; returns the old payload.
    pub(super) fn insert(&mut self, rule: Ranked<T>) -> Option<T> {
        let (at, place) = self.place(&rule.pattern, rule.priority, rule.id);
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(Arc::new(Chunk::of(vec![rule])));
            return None;
        };
        let chunk = Arc::make_mut(chunk);
        let replaced = match place {
            Ok(place) => return Some(std::mem::replace(&mut chunk.rules[place], rule).payload),
            Err(place) => {
                chunk.rules.insert(place, rule);
                None
            }
        };
        let second = if chunk.rules.len() > CHUNK { chunk.rules.split_off(CHUNK / 2) } else { Vec::new() };
        chunk.sieve = sieve(&chunk.rules);
        if !second.is_empty() {
            self.chunks.insert(at + 1, Arc::new(Chunk::of(second)));
        }
        replaced
    }

    /// Takes a rule out.
    pub(super) fn remove(&mut self, pattern: &Pattern, priority: u32, id: RuleId) -> Option<T> {
        let (at, place) = self.place(pattern, priority, id);
        let place = place.ok()?;
        let chunk = Arc::make_mut(self.chunks.get_mut(at)?);
        let removed = chunk.rules.remove(place).payload;
        if chunk.rules.is_empty() {
            self.chunks.remove(at);
        } else {
            chunk.sieve = sieve(&chunk.rules);
        }
        Some(removed)
    }
}

impl<T> Chunk<T> {
    fn of(rules: Vec<Ranked<T>>) -> Self {
        Self { sieve: sieve(&rules), rules }
    }

    /// The rules that the sieve lets pass: all that match, and hardly any other.
    fn sift(&self, key: &[u8]) -> u128 {
        let mut left = u128::MAX;
        for (accepted, at) in self.sieve.iter().zip(0..=key.len()) {
            let value = key.get(at).map_or(END, |byte| usize::from(byte.wrapping_sub(b'0')).min(OTHER));
            left &= accepted[value];
            if left == 0 {
                break;
            }
        }
        left
    }
}

fn sieve<T>(rules: &[Ranked<T>]) -> Box<[[u128; VALUES]; SIEVED]> {
    let mut sieve = Box::new([[0; VALUES]; SIEVED]);
    for (at, rule) in rules.iter().enumerate() {
        let Form::Positions(positions, tail) = rule.pattern.form() else { continue };
        let is_ascii = |position: &Position| !matches!(position, Position::Literal(c) if !c.is_ascii());
        // Positions are characters, the sieve's are bytes: behind the first wide character it lets everything pass.
        let narrow = positions.iter().take_while(|position| is_ascii(position)).count();
        for (place, accepted) in sieve.iter_mut().enumerate() {
            let accepts = |value: usize| match positions.get(place) {
                _ if place > narrow => true,
                Some(position) if value < OTHER => position.digits().contains(value as u8),
                Some(Position::Literal(c)) => value == OTHER && !c.is_ascii_digit(),
                Some(Position::Digits(_)) => false,
                None => value == END || *tail == Tail::Prefix,
            };
            for (value, bits) in accepted.iter_mut().enumerate() {
                *bits |= u128::from(accepts(value)) << at;
            }
        }
    }
    sieve
}
