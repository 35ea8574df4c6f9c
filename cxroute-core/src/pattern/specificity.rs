//! Which of two patterns is more specific: the total order behind "the more specific rule wins".

use std::cmp::Ordering;

use super::digits::DigitSet;
use super::{Form, Pattern, Position, Tail};
use crate::country::Region;

/// A pattern's place in the order of specificity; the lesser one is the more specific.
///
/// Patterns are compared position by position: literal (by character), class (fewer digits first, then the smaller
/// digits), `?`, the end of an exact pattern, the end of a prefix. `country:` (by code) comes after all patterns with
/// positions, `*` last. Two patterns are equal in this order only if they are the same pattern.
#[derive(Clone, Copy, Debug)]
pub struct Specificity<'a>(&'a Pattern);

/// One step of the comparison; the variants' order is the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Literal(char),
    /// `?` is the class of all digits, and comes after every other.
    Digits(DigitSet),
    ExactEnd,
    PrefixEnd,
    Country(Region),
    Everything,
}

impl<'a> Specificity<'a> {
    pub(super) const fn of(pattern: &'a Pattern) -> Self {
        Self(pattern)
    }

    fn steps(self) -> impl Iterator<Item = Step> + 'a {
        let (positions, last) = match &self.0.form {
            Form::Everything => (&[][..], Step::Everything),
            Form::Country(region) => (&[][..], Step::Country(*region)),
            Form::Positions(positions, Tail::Exact) => (&positions[..], Step::ExactEnd),
            Form::Positions(positions, Tail::Prefix) => (&positions[..], Step::PrefixEnd),
        };
        let step = |position: &Position| match position {
            Position::Literal(c) => Step::Literal(*c),
            Position::Digits(set) => Step::Digits(*set),
        };
        positions.iter().map(step).chain(std::iter::once(last))
    }
}

impl Ord for Specificity<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.steps().cmp(other.steps())
    }
}

impl PartialOrd for Specificity<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Specificity<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Specificity<'_> {}
