//! Times and durations as platforms send them: numbers, numeric texts, ISO 8601, zero for "not yet", `NaN`.

use std::borrow::Cow;

use super::fields::Value;
use super::oddity::{Oddities, OddityKind};
use crate::time::Timestamp;

/// Numbers below this are seconds, others milliseconds: it is 1973 in milliseconds and 5138 in seconds.
const MILLIS_FROM: f64 = 100_000_000_000.0;
/// 9999-12-31T23:59:59.999Z.
const LAST_MILLIS: f64 = 253_402_300_799_999.0;

/// A moment: Unix time in milliseconds or seconds, or ISO 8601 (UTC if it names no offset). Absent, null, blank and
/// 0 are `None` without further notice: 0 means "not yet" (FACTS §4).
pub(super) fn moment(
    value: Option<&Value<'_>>,
    field: &'static str,
    oddities: &mut Oddities,
) -> Option<Timestamp> {
    let text = scalar(value, field, oddities)?;
    let read = match text.parse::<f64>() {
        Ok(0.0) => return None,
        Ok(number) => unix(number),
        Err(_) => iso(&text),
    };
    if read.is_none() {
        oddities.note(OddityKind::Unreadable, field, &text);
    }
    read
}

/// A duration in whole seconds, fractions dropped. `NaN` and negative numbers are `None`, and noted; 0 is 0.
pub(super) fn seconds(
    value: Option<&Value<'_>>,
    field: &'static str,
    oddities: &mut Oddities,
) -> Option<u32> {
    let text = scalar(value, field, oddities)?;
    let read = text.parse::<f64>().ok().filter(|number| *number >= 0.0 && *number <= f64::from(u32::MAX));
    if read.is_none() {
        oddities.note(OddityKind::Unreadable, field, &text);
    }
    read.map(|number| number as u32)
}

fn scalar<'a>(
    value: Option<&Value<'a>>,
    field: &'static str,
    oddities: &mut Oddities,
) -> Option<Cow<'a, str>> {
    let value = value.filter(|value| !value.is_null())?;
    let Some(text) = value.text() else {
        oddities.note(OddityKind::WrongType, field, "");
        return None;
    };
    Some(super::fields::trimmed(text)).filter(|text| !text.is_empty())
}

fn unix(number: f64) -> Option<Timestamp> {
    let millis = if number < MILLIS_FROM { number * 1_000.0 } else { number };
    (millis > 0.0 && millis <= LAST_MILLIS).then(|| Timestamp::from_millis(millis as i64))
}

fn iso(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp::from_millis(at.timestamp().as_millisecond()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value<'_> {
        Value::Json(Cow::Borrowed(json))
    }

    #[test]
    fn a_time_is_read_in_every_form_that_is_sent() {
        for (json, expect) in [
            ("1703123456", Some("2023-12-21T01:50:56.000Z")),
            ("1703123400000", Some("2023-12-21T01:50:00.000Z")),
            ("\"1703123400000\"", Some("2023-12-21T01:50:00.000Z")),
            ("1703123456.5", Some("2023-12-21T01:50:56.500Z")),
            ("\"2024-01-15T10:30:25Z\"", Some("2024-01-15T10:30:25.000Z")),
            ("\"2024-01-15T12:30:25.120+02:00\"", Some("2024-01-15T10:30:25.120Z")),
            ("\"2024-01-15 10:30:25\"", Some("2024-01-15T10:30:25.000Z")),
            ("0", None),
            ("\"0\"", None),
            ("null", None),
            ("\"\"", None),
        ] {
            let mut oddities = Oddities::default();
            let read = moment(Some(&value(json)), "t", &mut oddities).map(|at| at.to_string());
            assert_eq!(read.as_deref(), expect, "{json}");
            assert!(oddities.is_empty(), "{json}: {oddities:?}");
        }
    }

    #[test]
    fn a_time_or_duration_that_is_none_is_noted_and_dropped() {
        for json in ["-1", "1e300", "\"NaN\"", "\"soon\"", "{}", "\"inf\"", "true"] {
            let mut oddities = Oddities::default();
            assert_eq!(moment(Some(&value(json)), "t", &mut oddities), None, "{json}");
            assert_eq!(seconds(Some(&value(json)), "t", &mut oddities), None, "{json}");
            assert_eq!(oddities.as_slice().len(), 2, "{json}: {oddities:?}");
        }
    }

    #[test]
    fn zero_seconds_are_zero_and_fractions_are_dropped() {
        for (json, expect) in
            [("0", Some(0)), ("58", Some(58)), ("58.9", Some(58)), ("\"58\"", Some(58)), ("null", None)]
        {
            assert_eq!(seconds(Some(&value(json)), "t", &mut Oddities::default()), expect, "{json}");
        }
    }
}
