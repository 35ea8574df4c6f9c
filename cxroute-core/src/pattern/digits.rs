//! Sets of digits: what a class or `?` position of a pattern accepts.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

/// A set of the digits 0 to 9.
///
/// Ordered by specificity: fewer digits first, then the set whose sorted digits are smaller. Prints as a pattern
/// does: `5`, `[2-5]`, `[02-4]`, `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DigitSet(u16);

impl DigitSet {
    /// No digit.
    pub(crate) const NONE: Self = Self(0);
    /// Every digit: `?`.
    pub(crate) const ANY: Self = Self((1 << 10) - 1);

    /// The digits from `first` to `last`, both included; both at most 9.
    pub(crate) const fn range(first: u8, last: u8) -> Self {
        Self(Self::ANY.0 & (Self::ANY.0 << first) & (Self::ANY.0 >> (9 - last)))
    }

    /// Just this digit.
    pub(crate) const fn single(digit: u8) -> Self {
        Self::range(digit, digit)
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The digits that are not in this set.
    pub(crate) const fn complement(self) -> Self {
        Self(Self::ANY.0 & !self.0)
    }

    pub(crate) const fn contains(self, digit: u8) -> bool {
        digit <= 9 && self.0 >> digit & 1 == 1
    }

    pub(crate) const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The digits, ascending.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..10).filter(move |digit| self.contains(*digit))
    }

    /// The one digit of a set of one.
    pub(crate) fn only(self) -> Option<u8> {
        (self.0.count_ones() == 1).then(|| self.0.trailing_zeros() as u8)
    }

    /// The maximal runs of consecutive digits, ascending.
    fn runs(self) -> impl Iterator<Item = (u8, u8)> {
        let ends = move |digit: &u8| *digit == 9 || !self.contains(digit + 1);
        let starts = self.iter().filter(move |digit| *digit == 0 || !self.contains(digit - 1));
        starts.zip(self.iter().filter(ends))
    }
}

impl Ord for DigitSet {
    fn cmp(&self, other: &Self) -> Ordering {
        let smaller_digits = || other.0.reverse_bits().cmp(&self.0.reverse_bits());
        self.0.count_ones().cmp(&other.0.count_ones()).then_with(smaller_digits)
    }
}

impl PartialOrd for DigitSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for DigitSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANY {
            return f.write_char('?');
        }
        if let Some(digit) = self.only() {
            return write!(f, "{digit}");
        }
        f.write_char('[')?;
        for (first, last) in self.runs() {
            if first == last { write!(f, "{first}")? } else { write!(f, "{first}-{last}")? }
        }
        f.write_char(']')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_set() -> impl Iterator<Item = DigitSet> {
        (0..1024).map(DigitSet)
    }

    #[test]
    fn sets_are_ordered_by_size_and_then_by_their_sorted_digits() {
        for a in every_set() {
            for b in every_set() {
                let key = |set: DigitSet| (set.iter().count(), set.iter().collect::<Vec<_>>());
                assert_eq!(a.cmp(&b), key(a).cmp(&key(b)), "{a} {b}");
            }
        }
    }

    #[test]
    fn sets_print_as_sorted_maximal_runs() {
        let set =
            |digits: &[u8]| digits.iter().fold(DigitSet::NONE, |set, d| set.union(DigitSet::single(*d)));
        for (digits, text) in [
            (&[5][..], "5"),
            (&[2, 3, 4, 5], "[2-5]"),
            (&[9, 0, 1, 5, 8], "[0-158-9]"),
            (&[1, 2], "[1-2]"),
            (&[1, 3], "[13]"),
            (&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "?"),
        ] {
            assert_eq!(set(digits).to_string(), text);
        }
    }
}
