//! What can be wrong with a pattern: what was expected, where, and the input it was expected in.

use std::fmt;

use super::{MAX_CLASSES, MAX_LENGTH};

/// A text that is not a pattern.
///
/// Prints as `expected …, at offset N of "input"`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PatternError {
    problem: PatternProblem,
    position: usize,
    input: String,
}

impl PatternError {
    /// As many characters of the input as are echoed; a longer one is cut off with `…`.
    const ECHO: usize = 300;

    pub(super) fn new(problem: PatternProblem, position: usize, input: &str) -> Self {
        let mut echo: String = input.chars().take(Self::ECHO).collect();
        if echo.len() < input.len() {
            echo.push('…');
        }
        Self { problem, position, input: echo }
    }

    /// What was expected.
    pub const fn problem(&self) -> PatternProblem {
        self.problem
    }

    /// Where: the offset in characters (Unicode scalar values) from the start of the input, counted from 0.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The input, cut off after 300 characters.
    pub fn input(&self) -> &str {
        &self.input
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, at offset {} of {:?}", self.problem, self.position, self.input)
    }
}

/// What was expected where something else stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternProblem {
    /// The pattern is empty.
    Empty,
    /// Only punctuation: nothing that a number or name could begin with.
    NothingToMatch,
    /// More than 255 characters, as typed or in canonical form.
    TooLong,
    /// A `*` that is not the last character.
    StarNotLast,
    /// A `\` before something that needs no escape, or at the end.
    Escape,
    /// Something in a class that is not a digit or a range.
    ClassDigit,
    /// A range in a class whose end is no digit.
    RangeEnd,
    /// A range whose end is below its start.
    RangeReversed,
    /// A class without its `]`.
    ClassUnclosed,
    /// A class that no digit satisfies: `[]`, `[^]`, `[^0-9]`.
    ClassEmpty,
    /// A `]` that closes nothing.
    StrayBracket,
    /// A seventh class or `?`.
    TooManyClasses,
    /// Something other than two letters after `country:`.
    CountryCode,
    /// Two letters that name no region with telephone numbers.
    CountryUnknown,
    /// A `country:` pattern in a build without the feature `country`.
    CountryUnsupported,
}

impl fmt::Display for PatternProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a number, a prefix, a name or `*`, not an empty pattern"),
            Self::NothingToMatch => {
                f.write_str("a digit or a letter besides punctuation (everything is `*`)")
            }
            Self::TooLong => write!(f, "at most {MAX_LENGTH} characters, also in canonical form"),
            Self::StarNotLast => f.write_str("`*` only as the last character (a dialled star is `\\*`)"),
            Self::Escape => f.write_str("one of `*`, `?`, `[`, `]`, `\\` after `\\`"),
            Self::ClassDigit => f.write_str("a digit, a range such as `2-5`, or `]`"),
            Self::RangeEnd => f.write_str("a digit as the end of the range"),
            Self::RangeReversed => f.write_str("a range that ends at or above its start"),
            Self::ClassUnclosed => f.write_str("`]` at the end of the class"),
            Self::ClassEmpty => f.write_str("a class that at least one digit satisfies"),
            Self::StrayBracket => f.write_str("`[` before `]` (a dialled bracket is `\\]`)"),
            Self::TooManyClasses => write!(f, "at most {MAX_CLASSES} class or `?` positions"),
            Self::CountryCode => f.write_str("two letters after `country:`, such as `country:GB`"),
            Self::CountryUnknown => {
                f.write_str("an ISO 3166 region with telephone numbers (Britain is `GB`)")
            }
            Self::CountryUnsupported => {
                f.write_str("no `country:` pattern, as this build lacks the feature `country`")
            }
        }
    }
}
