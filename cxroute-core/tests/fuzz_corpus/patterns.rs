//! Patterns: any text is a pattern or an error that says where; the canonical form reads back to itself; a pattern
//! matches the numbers that it spells, and those of every pattern it covers (domain rules §2).

use cxroute_core::number::DialKey;
use cxroute_core::pattern::{Pattern, PatternError};

/// The input is a pattern as somebody types it; if it has two lines, each of them is one, too.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Pattern::parse(text) {
        Ok(pattern) => reads_back_and_matches_itself(&pattern),
        Err(error) => says_where(&error, text),
    }
    if let Some((one, other)) = text.split_once('\n')
        && let (Ok(one), Ok(other)) = (Pattern::parse(one), Pattern::parse(other))
    {
        covers_and_ranks(&one, &other);
    }
}

fn says_where(error: &PatternError, text: &str) {
    assert!(error.position() <= text.chars().count(), "{error}");
    match error.input().strip_suffix('…') {
        Some(head) if error.input() != text => assert!(text.starts_with(head), "{error}"),
        _ => assert_eq!(error.input(), text),
    }
    let said = error.to_string();
    assert!(said.starts_with("expected ") && said.ends_with(&format!("{:?}", error.input())), "{said}");
}

fn reads_back_and_matches_itself(pattern: &Pattern) {
    let canonical = pattern.to_string();
    let again = Pattern::parse(&canonical);
    assert_eq!(again.as_ref(), Ok(pattern), "parse → print → parse");
    assert_eq!(again.map(|again| again.to_string()), Ok(canonical.clone()));
    assert!(pattern.covers(pattern) && Pattern::EVERYTHING.covers(pattern));
    let Some(spelled) = Spelled::of(&canonical) else { return };
    for number in spelled.numbers {
        assert!(pattern.matches(&DialKey::of(&number)), "{canonical} does not match {number:?}");
        let longer = format!("{number}5");
        assert_eq!(pattern.matches(&DialKey::of(&longer)), spelled.is_prefix, "{canonical} and {longer:?}");
    }
}

fn covers_and_ranks(one: &Pattern, other: &Pattern) {
    let ranks = one.specificity().cmp(&other.specificity());
    assert_eq!(ranks.reverse(), other.specificity().cmp(&one.specificity()));
    assert_eq!(ranks.is_eq(), one == other, "the order is total");
    assert_eq!(one.covers(other) && other.covers(one), one == other);
    if one.covers(other)
        && let Some(spelled) = Spelled::of(&other.to_string())
    {
        for number in spelled.numbers {
            assert!(
                one.matches(&DialKey::of(&number)),
                "{one} covers {other}, but does not match {number:?}"
            );
        }
    }
}

/// What a canonical pattern spells.
struct Spelled {
    /// The shortest numbers: with the first digit of every class, and with the last.
    numbers: [String; 2],
    /// Whether they may go on.
    is_prefix: bool,
}

impl Spelled {
    /// None for a country, which spells nothing.
    fn of(canonical: &str) -> Option<Self> {
        if canonical.starts_with("country:") {
            return None;
        }
        let (mut lowest, mut highest) = (String::new(), String::new());
        let mut chars = canonical.chars();
        while let Some(c) = chars.next() {
            let (low, high) = match c {
                '*' => return Some(Self { numbers: [lowest, highest], is_prefix: true }),
                '\\' => chars.next().map(|literal| (literal, literal))?,
                '?' => ('0', '9'),
                '[' => {
                    let class: Vec<char> = chars.by_ref().take_while(|c| *c != ']').collect();
                    (class[0], class[class.len() - 1])
                }
                literal => (literal, literal),
            };
            lowest.push(low);
            highest.push(high);
        }
        Some(Self { numbers: [lowest, highest], is_prefix: false })
    }
}
