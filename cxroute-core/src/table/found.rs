//! What a look-up returns.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::block::Entry;
use super::literal::Literal;
use super::ranked::Ranked;
use crate::id::RuleId;
use crate::pattern::Pattern;

/// A rule that matches, borrowed from the table.
///
/// Ordered by rank: the lesser one wins. The order is that of priority, then specificity, then id.
#[derive(Debug)]
pub struct Match<'a, T> {
    id: RuleId,
    priority: u32,
    payload: &'a T,
    source: Source<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Literal(Literal),
    Pattern(&'a Pattern),
}

/// Rules that match, best first. A handful of them takes no allocation.
pub type Matches<'a, T> = SmallVec<[Match<'a, T>; 4]>;

impl<T> Clone for Match<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Match<'_, T> {}

impl<'a, T> Match<'a, T> {
    /// The rule's id.
    pub const fn id(&self) -> RuleId {
        self.id
    }

    /// The rule's priority; 0 in an outbound table.
    pub const fn priority(&self) -> u32 {
        self.priority
    }

    /// What the rule was put in with.
    pub const fn payload(&self) -> &'a T {
        self.payload
    }

    /// The rule's pattern, canonical.
    pub fn pattern(&self) -> Pattern {
        match self.source {
            Source::Literal(literal) => literal.pattern(),
            Source::Pattern(pattern) => pattern.clone(),
        }
    }

    pub(super) fn cmp_specificity(&self, other: &Self) -> Ordering {
        match (self.source, other.source) {
            (Source::Literal(one), Source::Literal(two)) => one.cmp_specificity(two),
            (Source::Pattern(one), Source::Pattern(two)) => one.specificity().cmp(&two.specificity()),
            (Source::Literal(one), Source::Pattern(two)) => {
                one.pattern().specificity().cmp(&two.specificity())
            }
            (Source::Pattern(one), Source::Literal(two)) => {
                one.specificity().cmp(&two.pattern().specificity())
            }
        }
    }
}

impl<T> Ord for Match<'_, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority
            .cmp(&other.priority)
            .then_with(|| self.cmp_specificity(other))
            .then_with(|| self.id.cmp(&other.id))
    }
}

impl<T> PartialOrd for Match<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Match<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Match<'_, T> {}

impl<'a, T> From<&'a Entry<T>> for Match<'a, T> {
    #[inline]
    fn from(entry: &'a Entry<T>) -> Self {
        let source = Source::Literal(entry.literal);
        Self { id: entry.id, priority: entry.priority, payload: &entry.payload, source }
    }
}

impl<'a, T> From<&'a Ranked<T>> for Match<'a, T> {
    fn from(rule: &'a Ranked<T>) -> Self {
        let source = Source::Pattern(&rule.pattern);
        Self { id: rule.id, priority: rule.priority, payload: &rule.payload, source }
    }
}
