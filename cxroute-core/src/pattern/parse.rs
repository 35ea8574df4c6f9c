//! From text to canonical pattern: one pass over the characters, then the same normalisation that dialled strings get.

use smallvec::SmallVec;

use super::digits::DigitSet;
use super::error::{PatternError, PatternProblem};
use super::{Form, MAX_CLASSES, MAX_LENGTH, Pattern, Position, Positions, Tail};
use crate::country::Region;
use crate::number::{NumberShape, is_dialable};

const COUNTRY: &str = "country:";

pub(super) fn parse(input: &str) -> Result<Pattern, PatternError> {
    let form = Parser { input, chars: input.chars().take(MAX_LENGTH + 1).collect(), at: 0 }.form()?;
    let pattern = Pattern { form };
    if pattern.to_string().chars().count() > MAX_LENGTH {
        return Err(PatternError::new(PatternProblem::TooLong, input.chars().count(), input));
    }
    Ok(pattern)
}

struct Parser<'a> {
    input: &'a str,
    chars: SmallVec<[char; 32]>,
    at: usize,
}

impl Parser<'_> {
    fn form(&mut self) -> Result<Form, PatternError> {
        match self.chars.as_slice() {
            [] => return self.error(PatternProblem::Empty, 0),
            ['*'] => return Ok(Form::Everything),
            chars if chars.len() > MAX_LENGTH => return self.error(PatternProblem::TooLong, MAX_LENGTH),
            _ => {}
        }
        match self.input.get(..COUNTRY.len()) {
            Some(head) if head.eq_ignore_ascii_case(COUNTRY) => self.country(),
            _ => self.positions(),
        }
    }

    fn country(&mut self) -> Result<Form, PatternError> {
        let start = COUNTRY.len();
        let letters = &self.chars[start..];
        let is_letter = |c: &char| c.is_ascii_alphabetic();
        let &[first, second] = letters else {
            let at = letters.iter().position(|c| !is_letter(c)).unwrap_or(letters.len()).min(2);
            return self.error(PatternProblem::CountryCode, start + at);
        };
        if let Some(at) = letters.iter().position(|c| !is_letter(c)) {
            return self.error(PatternProblem::CountryCode, start + at);
        }
        if !cfg!(feature = "country") {
            return self.error(PatternProblem::CountryUnsupported, 0);
        }
        match Region::from_letters([first, second]) {
            Some(region) => Ok(Form::Country(region)),
            None => self.error(PatternProblem::CountryUnknown, start),
        }
    }

    fn positions(&mut self) -> Result<Form, PatternError> {
        let mut typed = Positions::new();
        let mut classes = 0;
        let mut tail = Tail::Exact;
        while let Some(c) = self.peek() {
            let start = self.at;
            self.at += 1;
            let position = match c {
                '*' if self.peek().is_none() => {
                    tail = Tail::Prefix;
                    break;
                }
                '*' => return self.error(PatternProblem::StarNotLast, start),
                ']' => return self.error(PatternProblem::StrayBracket, start),
                '\\' => self.escaped()?,
                '?' => Position::Digits(DigitSet::ANY),
                '[' => self.class(start)?,
                c => Position::Literal(c),
            };
            classes += usize::from(matches!(position, Position::Digits(_)));
            if classes > MAX_CLASSES {
                return self.error(PatternProblem::TooManyClasses, start);
            }
            typed.push(position);
        }
        let positions = normalised(&typed);
        if positions.is_empty() {
            return self.error(PatternProblem::NothingToMatch, 0);
        }
        Ok(Form::Positions(positions, tail))
    }

    fn escaped(&mut self) -> Result<Position, PatternError> {
        match self.peek() {
            Some(c @ ('*' | '?' | '[' | ']' | '\\')) => {
                self.at += 1;
                Ok(Position::Literal(c))
            }
            _ => self.error(PatternProblem::Escape, self.at),
        }
    }

    /// Reads a class after its `[`, which stands at `start`.
    fn class(&mut self, start: usize) -> Result<Position, PatternError> {
        let negated = self.peek() == Some('^');
        self.at += usize::from(negated);
        let mut set = DigitSet::NONE;
        loop {
            match self.peek() {
                None => return self.error(PatternProblem::ClassUnclosed, self.at),
                Some(']') => break,
                Some(_) => set = set.union(self.range()?),
            }
        }
        self.at += 1;
        // `[^]` says nothing that is excluded: a slip, not a way to write `?`.
        let stated = if negated && !set.is_empty() { set.complement() } else { set };
        match stated.only() {
            _ if stated.is_empty() => self.error(PatternProblem::ClassEmpty, start),
            Some(digit) => Ok(Position::Literal(char::from(b'0' + digit))),
            None => Ok(Position::Digits(stated)),
        }
    }

    /// One digit or one range of digits within a class.
    fn range(&mut self) -> Result<DigitSet, PatternError> {
        let Some(first) = self.digit() else { return self.error(PatternProblem::ClassDigit, self.at) };
        if self.peek() != Some('-') {
            return Ok(DigitSet::single(first));
        }
        self.at += 1;
        let end = self.at;
        match self.digit() {
            None => self.error(PatternProblem::RangeEnd, end),
            Some(last) if last < first => self.error(PatternProblem::RangeReversed, end),
            Some(last) => Ok(DigitSet::range(first, last)),
        }
    }

    fn digit(&mut self) -> Option<u8> {
        let digit = self.peek()?.to_digit(10)?;
        self.at += 1;
        Some(digit as u8)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn error<T>(&self, problem: PatternProblem, at: usize) -> Result<T, PatternError> {
        Err(PatternError::new(problem, at, self.input))
    }
}

/// Drops punctuation or folds case, exactly as [`DialKey::of`](crate::number::DialKey::of) does to what is dialled.
fn normalised(typed: &[Position]) -> Positions {
    let mut shape = NumberShape::default();
    let is_number = typed.iter().all(|position| match position {
        Position::Literal(c) => shape.admits(*c),
        Position::Digits(_) => {
            shape.digit_position();
            true
        }
    });
    let mut positions = Positions::new();
    for position in typed {
        match position {
            Position::Literal(c) if is_number && !is_dialable(*c) => {}
            Position::Literal(c) => positions.extend(c.to_lowercase().map(Position::Literal)),
            digits => positions.push(*digits),
        }
    }
    positions
}
