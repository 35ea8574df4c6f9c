//! The numbers that simulated calls dial and come from: literal, or with `#` for random digits.

use std::str::FromStr;

use super::random::Random;

/// A dialled number or caller id as typed, in which every `#` stands for a random digit (`+1212555####`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberTemplate(String);

impl NumberTemplate {
    /// What a call dials when nothing is said: the number of the documentation's examples.
    pub const DEFAULT_TO: &'static str = "+1234567890";
    /// Who calls when nothing is said.
    pub const DEFAULT_FROM: &'static str = "+1305555####";

    /// The template with its digits drawn.
    pub(super) fn fill(&self, random: &mut Random) -> String {
        let digit = |c| if c == '#' { char::from(b'0' + random.below(10) as u8) } else { c };
        self.0.chars().map(digit).collect()
    }

    /// Reads a list of numbers, one a line; blank lines and lines that begin with `//` are skipped.
    ///
    /// # Errors
    /// A line that is no number, with its line number; a text without any number.
    pub fn list(text: &str) -> Result<Vec<Self>, NumberError> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let numbers: Vec<Self> = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with("//"))
            .map(|(at, line)| line.parse().map_err(|_| NumberError::Line { at, text: line.to_owned() }))
            .collect::<Result<_, _>>()?;
        if numbers.is_empty() { Err(NumberError::Nothing) } else { Ok(numbers) }
    }
}

impl FromStr for NumberTemplate {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let usable = !text.trim().is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
        if usable { Ok(Self(text.to_owned())) } else { Err(NumberError::Text(text.to_owned())) }
    }
}

/// A text that no platform would dial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a number.
    #[error(
        "expected a number such as +12125551234, 3000, alice or +1212555#### (# is a random digit), got {0:?}"
    )]
    Text(String),
    /// A line of a list is not a number.
    #[error("line {at}: expected a number such as +12125551234, got {text:?}")]
    Line {
        /// The line, from 1.
        at: usize,
        /// What stands there.
        text: String,
    },
    /// A list without numbers.
    #[error("expected one number a line, found none")]
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_becomes_a_digit_and_the_rest_stays() {
        let mut random = Random::stream(1, 1, 1);
        let number = "+1212555####".parse::<NumberTemplate>().unwrap().fill(&mut random);
        assert!(number.starts_with("+1212555"), "{number}");
        assert!(number.len() == 12 && number[1..].bytes().all(|b| b.is_ascii_digit()), "{number}");
        assert_eq!("alice-b".parse::<NumberTemplate>().unwrap().fill(&mut random), "alice-b");
    }

    #[test]
    fn a_list_is_read_line_by_line() {
        let list = NumberTemplate::list("// sales\n+1212#\n\n  3000\r\n").unwrap();
        assert_eq!(list, ["+1212#".parse().unwrap(), "3000".parse().unwrap()]);
        assert_eq!(NumberTemplate::list("\n// none\n"), Err(NumberError::Nothing));
        let error = NumberTemplate::list("3000\n30\u{7}00").unwrap_err().to_string();
        assert!(error.starts_with("line 2: expected a number"), "{error}");
    }

    #[test]
    fn what_cannot_be_dialled_is_refused() {
        for text in ["", " ", "30\n00"] {
            assert!(text.parse::<NumberTemplate>().is_err(), "{text:?}");
        }
    }
}
