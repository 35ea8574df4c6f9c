//! A share of calls or webhooks, as the options of `simulate` take it: `5%` or `0.05`.

use std::fmt;
use std::str::FromStr;

/// A share from 0 to 1, typed as a percentage (`5%`, `0.5 %`) or as a fraction (`0.05`); prints as a percentage.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// Nothing at all.
    pub const NONE: Self = Self(0.0);

    /// A share in percent.
    ///
    /// # Errors
    /// Anything outside 0 to 100.
    pub fn percent(percent: f64) -> Result<Self, ShareError> {
        Self::fraction(percent / 100.0).ok_or_else(|| ShareError(format!("{percent}%")))
    }

    /// The share as a fraction from 0 to 1.
    pub fn as_fraction(self) -> f64 {
        self.0
    }

    fn fraction(fraction: f64) -> Option<Self> {
        (0.0..=1.0).contains(&fraction).then_some(Self(fraction))
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let wrong = || ShareError(text.to_owned());
        let trimmed = text.trim();
        let (number, unit) = match trimmed.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (trimmed, 1.0),
        };
        let value: f64 = number.parse().map_err(|_| wrong())?;
        Self::fraction(value / unit).ok_or_else(wrong)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", (self.0 * 1e6).round() / 1e4)
    }
}

/// A text that is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a share such as 5% (0% to 100%) or 0.05 (0 to 1), got \"{0}\"")]
pub struct ShareError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_or_a_fraction() {
        for (text, fraction) in
            [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("100%", 1.0), ("1", 1.0), (" 2.5 % ", 0.025)]
        {
            let share: Share = text.parse().unwrap();
            assert!((share.as_fraction() - fraction).abs() < 1e-12, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_share_is_refused_with_what_was_expected() {
        for text in ["5", "101%", "-1%", "", "%", "five", "NaN", "inf%"] {
            let error = text.parse::<Share>().unwrap_err().to_string();
            assert!(error.contains("such as 5%") && error.contains(&format!("\"{text}\"")), "{error}");
        }
    }

    #[test]
    fn a_share_prints_as_the_percentage_it_was_typed_as() {
        for text in ["5%", "0%", "2.5%", "100%", "7%", "33.3333%"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
    }
}
