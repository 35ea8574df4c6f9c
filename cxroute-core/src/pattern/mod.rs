//! Patterns of routing rules: what they match, how they are written, which of two is more specific.
//!
//! | pattern | matches |
//! |---|---|
//! | `+12125551234`, `3000`, `alice` | exactly that |
//! | `+1212*` | that prefix, at least the prefix itself |
//! | `+1212?551[2-5]*` | `?` one digit; `[2-5]`, `[^0]` one digit of a class; `*` only at the end |
//! | `\*72` | a dialled star; `\?`, `\[`, `\]`, `\\` likewise; `#` needs no escape |
//! | `*` | everything |
//! | `country:GB` | E.164 numbers of 8 to 15 digits whose ISO region is GB (feature `country`) |
//!
//! The literal part of a pattern is normalised like a dialled string ([`DialKey::of`]): if it is digits (classes
//! count as such), `*`, `#` and punctuation, the punctuation is dropped; otherwise only case is folded, so `alice-b`
//! keeps its dash. Everything that is not in the table is a [`PatternError`], also what could match nothing (`[^0-9]`,
//! `--`) and `+*`, which would be `*` in disguise.

mod digits;
mod error;
mod parse;
mod specificity;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smallvec::SmallVec;

pub(crate) use self::digits::DigitSet;
pub use self::error::{PatternError, PatternProblem};
pub use self::specificity::Specificity;
use crate::country::Region;
use crate::number::DialKey;

/// The most characters a pattern has, as typed and in canonical form.
pub const MAX_LENGTH: usize = 255;
/// The most class or `?` positions a pattern has (classes of one digit are literals and do not count).
pub const MAX_CLASSES: usize = 6;

/// A pattern in canonical form; equal if and only if the canonical texts are.
///
/// `Display` and Serde give the canonical text, and parsing that gives the same pattern again.
///
/// ```
/// use cxroute_core::number::DialKey;
/// use cxroute_core::pattern::Pattern;
///
/// let pattern = Pattern::parse("+1 (212) [0-9]55[12345]*")?;
/// assert_eq!(pattern.to_string(), "1212?55[1-5]*");
/// assert!(pattern.matches(&DialKey::of("+1 212 955 1000")));
/// assert!(!pattern.matches(&DialKey::of("+1 212 955 6000")));
///
/// let error = Pattern::parse("+1212[x]").unwrap_err();
/// assert_eq!(error.to_string(), "expected a digit, a range such as `2-5`, or `]`, at offset 6 of \"+1212[x]\"");
/// # Ok::<(), cxroute_core::pattern::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    form: Form,
}

pub(crate) type Positions = SmallVec<[Position; 16]>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Everything,
    Country(Region),
    /// At least one position.
    Positions(Positions, Tail),
}

/// What one character of a key must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Position {
    /// This character, lower case.
    Literal(char),
    /// One of at least two digits.
    Digits(DigitSet),
}

/// What may follow the last position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tail {
    /// Nothing.
    Exact,
    /// Anything.
    Prefix,
}

impl Pattern {
    /// Reads a pattern as people type it.
    ///
    /// # Errors
    /// Says what was expected and at which character, and echoes the input.
    pub fn parse(input: &str) -> Result<Self, PatternError> {
        parse::parse(input)
    }

    /// The pattern `*`.
    pub const EVERYTHING: Self = Self { form: Form::Everything };

    pub(crate) const fn from_positions(positions: Positions, tail: Tail) -> Self {
        Self { form: Form::Positions(positions, tail) }
    }

    pub(crate) const fn form(&self) -> &Form {
        &self.form
    }

    /// Whether a dialled string is matched, told from the pattern alone: the oracle that tables are tested against.
    pub fn matches(&self, key: &DialKey) -> bool {
        let (positions, tail) = match &self.form {
            Form::Everything => return true,
            Form::Country(region) => return Region::of(key) == Some(*region),
            Form::Positions(positions, tail) => (positions, tail),
        };
        let mut chars = key.as_str().chars();
        positions.iter().all(|position| chars.next().is_some_and(|c| position.admits(c)))
            && (*tail == Tail::Prefix || chars.next().is_none())
    }

    /// This pattern's place in the order of specificity; the lesser is the more specific.
    pub const fn specificity(&self) -> Specificity<'_> {
        Specificity::of(self)
    }

    /// Whether this pattern matches all that `other` matches.
    ///
    /// Exact for any two patterns, as far as the numbering plan's table knows.
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.form, &other.form) {
            (Form::Everything, _) => true,
            (_, Form::Everything) => false,
            (Form::Country(region), Form::Country(other)) => region == other,
            (Form::Country(region), Form::Positions(positions, Tail::Exact)) => region.covers(positions),
            (Form::Country(_), Form::Positions(_, Tail::Prefix)) => false,
            (Form::Positions(positions, Tail::Prefix), Form::Country(region)) => region.is_within(positions),
            (Form::Positions(_, Tail::Exact), Form::Country(_)) => false,
            (Form::Positions(wide, wide_tail), Form::Positions(narrow, narrow_tail)) => {
                let ends_meet = match wide_tail {
                    Tail::Prefix => wide.len() <= narrow.len(),
                    Tail::Exact => wide.len() == narrow.len() && *narrow_tail == Tail::Exact,
                };
                ends_meet && wide.iter().zip(narrow).all(|(wide, narrow)| wide.covers(*narrow))
            }
        }
    }
}

impl Position {
    fn admits(self, c: char) -> bool {
        match self {
            Self::Literal(literal) => literal == c,
            Self::Digits(set) => c.to_digit(10).is_some_and(|digit| set.contains(digit as u8)),
        }
    }

    fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Digits(wide), Self::Digits(narrow)) => wide.covers(narrow),
            (Self::Literal(_), Self::Digits(_)) => false,
            (wide, Self::Literal(c)) => wide.admits(c),
        }
    }

    /// The digits that this position accepts.
    pub(crate) fn digits(self) -> DigitSet {
        match self {
            Self::Digits(set) => set,
            Self::Literal(c) => c.to_digit(10).map_or(DigitSet::NONE, |digit| DigitSet::single(digit as u8)),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (positions, tail) = match &self.form {
            Form::Everything => return f.write_char('*'),
            Form::Country(region) => return write!(f, "country:{region}"),
            Form::Positions(positions, tail) => (positions, tail),
        };
        for position in positions {
            match position {
                Position::Digits(set) => write!(f, "{set}")?,
                Position::Literal(c @ ('*' | '?' | '[' | ']' | '\\')) => write!(f, "\\{c}")?,
                Position::Literal(c) => f.write_char(*c)?,
            }
        }
        if *tail == Tail::Prefix { f.write_char('*') } else { Ok(()) }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({self})")
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(input: &str) -> Result<Self, PatternError> {
        Self::parse(input)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// A pattern with the text that was typed for it, which APIs and exports show.
///
/// Equality and hash are the pattern's: two spellings of one pattern are equal. Serialises as the typed text.
#[derive(Clone, Debug)]
pub struct TypedPattern {
    typed: Box<str>,
    pattern: Pattern,
}

impl TypedPattern {
    /// Reads a pattern and keeps the text.
    ///
    /// # Errors
    /// Those of [`Pattern::parse`].
    pub fn parse(typed: &str) -> Result<Self, PatternError> {
        Ok(Self { typed: typed.into(), pattern: Pattern::parse(typed)? })
    }

    /// The text as typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The pattern it means.
    pub const fn pattern(&self) -> &Pattern {
        &self.pattern
    }
}

impl PartialEq for TypedPattern {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for TypedPattern {}

impl std::hash::Hash for TypedPattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.pattern.hash(state);
    }
}

impl fmt::Display for TypedPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl FromStr for TypedPattern {
    type Err = PatternError;

    fn from_str(typed: &str) -> Result<Self, PatternError> {
        Self::parse(typed)
    }
}

impl Serialize for TypedPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.typed)
    }
}

impl<'de> Deserialize<'de> for TypedPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let typed = String::deserialize(deserializer)?;
        Self::parse(&typed).map_err(de::Error::custom)
    }
}
