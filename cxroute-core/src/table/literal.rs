//! Literal patterns of up to 15 digits, packed into a word: what the table of numbers is sorted by.

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::number::DigitCode;
use crate::pattern::{Form, Pattern, Position, Positions, Tail};

/// A literal pattern of 1 to 15 digits.
///
/// Its digits are nibbles as in [`DigitCode`], zero after the last; the lowest nibble is 0 for a prefix and 8 for an
/// exact pattern. So a prefix sorts before the exact pattern with its digits, and both before everything longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Literal(u64);

impl Literal {
    const EXACT: u64 = 8;
    const TAIL: u64 = 15;

    /// Packs a pattern, if it is literal and all digits and not too long.
    pub(super) fn of(pattern: &Pattern) -> Option<Self> {
        let Form::Positions(positions, tail) = pattern.form() else { return None };
        if positions.len() > DigitCode::MAX_DIGITS {
            return None;
        }
        let mut code = 0;
        for position in positions {
            let Position::Literal(c) = position else { return None };
            code = code << 4 | u64::from(c.to_digit(10)? + 1);
        }
        code <<= 4 * (16 - positions.len());
        Some(Self(code | if *tail == Tail::Exact { Self::EXACT } else { 0 }))
    }

    /// The pattern again.
    pub(super) fn pattern(self) -> Pattern {
        let digit = |at: u32| char::from(b'0'.wrapping_add(self.nibble(at) as u8).wrapping_sub(1));
        let positions: Positions = (0..self.digits()).map(|at| Position::Literal(digit(at))).collect();
        Pattern::from_positions(positions, if self.is_exact() { Tail::Exact } else { Tail::Prefix })
    }

    pub(super) const fn is_exact(self) -> bool {
        self.0 & Self::TAIL != 0
    }

    /// How many digits it has.
    pub(super) const fn digits(self) -> u32 {
        16 - (self.0 & !Self::TAIL).trailing_zeros() / 4
    }

    /// The nibble at a position, counted from 0: digit + 1, or 0 after the last.
    const fn nibble(self, at: u32) -> u64 {
        (self.0 & !Self::TAIL) >> (60 - 4 * at) & 15
    }

    /// Whether a number with these leading digits is matched.
    #[inline]
    pub(super) const fn matches(self, key: DigitCode) -> bool {
        let digits = self.0 & !Self::TAIL;
        let shift = if self.is_exact() { 0 } else { digits.trailing_zeros() & !3 };
        (key.bits() ^ digits) >> shift == 0
    }

    /// The order of specificity: as strings of digits, but what goes on comes before what ends.
    pub(super) fn cmp_specificity(self, other: Self) -> Ordering {
        // The end is the largest nibble: 15, and an exact end before a prefix's.
        let ends_last = |literal: Self| {
            let digits = literal.0 & !Self::TAIL;
            digits | (u64::MAX >> (4 * literal.digits()))
        };
        ends_last(self).cmp(&ends_last(other)).then_with(|| other.is_exact().cmp(&self.is_exact()))
    }

    /// Whether this literal sorts no later than all that matches the key.
    #[inline]
    pub(super) const fn is_up_to(self, key: DigitCode) -> bool {
        self.0 <= key.bits() | Self::TAIL
    }

    /// The literals that a key with these leading digits matches, longer ones first.
    pub(super) fn all_matching(key: DigitCode) -> impl Iterator<Item = Self> {
        let ended = key.ended().bits();
        let digits = Self(ended).digits().min(15);
        let exact = (ended == key.bits() && ended != 0).then_some(Self(ended | Self::EXACT));
        let prefixes = (1..=digits).rev().map(move |digits| Self(ended & !(u64::MAX >> (4 * digits))));
        exact.into_iter().chain(prefixes)
    }

    /// Whether this literal is a prefix of another, or its equal.
    pub(super) const fn covers(self, other: Self) -> bool {
        !self.is_exact() && self.matches(other.as_key())
    }

    /// The digits alone.
    pub(super) const fn digits_only(self) -> DigitCode {
        DigitCode::from_bits(self.0 & !Self::TAIL)
    }

    /// The digits as a key: with the end after them for an exact pattern, with more to come for a prefix.
    pub(super) const fn as_key(self) -> DigitCode {
        if self.is_exact() { self.digits_only() } else { self.digits_only().with_more() }
    }
}

/// The literal characters that a pattern begins with.
pub(super) fn head(pattern: &Pattern) -> SmallVec<[u8; 32]> {
    let Form::Positions(positions, _) = pattern.form() else { return SmallVec::new() };
    let mut head = SmallVec::new();
    for position in positions {
        let Position::Literal(c) = position else { break };
        head.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    head
}
