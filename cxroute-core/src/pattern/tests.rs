//! Tests of patterns: canonical forms, matching, every error, the order of specificity.

use std::cmp::Ordering;
use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

#[test]
fn every_spelling_has_one_canonical_form_that_parses_to_itself() {
    for (typed, canonical) in [
        ("+12125551234", "12125551234"),
        ("+1 (212) 555-1234", "12125551234"),
        ("(+44) 20.7946.0000", "442079460000"),
        ("3000", "3000"),
        ("Alice", "alice"),
        ("alice-b", "alice-b"),
        ("Alice.B@Home", "alice.b@home"),
        ("ÄRGER*", "ärger*"),
        ("ext-[1-3]", "ext-[1-3]"),
        ("+1212*", "1212*"),
        ("+1-212-*", "1212*"),
        ("+1212?551[2-5]*", "1212?551[2-5]*"),
        ("+1 (212) ?-[2345]", "1212?[2-5]"),
        ("[0-9]", "?"),
        ("[0123456789]*", "?*"),
        ("[5]", "5"),
        ("[^0-46-9]", "5"),
        ("[5][5][5][5][5][5][5]??????", "5555555??????"),
        ("[^0]1", "[1-9]1"),
        ("[97531]", "[13579]"),
        ("[2-41-3]", "[1-4]"),
        ("[21]", "[1-2]"),
        ("[9-9]1", "91"),
        ("\\*72", "\\*72"),
        ("\\*", "\\*"),
        ("\\**", "\\**"),
        ("#31#*", "#31#*"),
        ("\\*7-2", "\\*72"),
        ("what\\?", "what\\?"),
        ("a\\[b\\]\\\\", "a\\[b\\]\\\\"),
        ("*", "*"),
        ("++1", "++1"),
        ("1+2*", "1+2*"),
        ("[12]+3", "[1-2]+3"),
        ("county", "county"),
        ("country", "country"),
    ] {
        let parsed = pattern(typed);
        assert_eq!(parsed.to_string(), canonical, "{typed:?}");
        assert_eq!(pattern(canonical), parsed);
    }
}

#[test]
fn an_error_says_what_was_expected_where_and_in_which_input() {
    use PatternProblem::*;
    let (long, wide) = ("7".repeat(256), "İ".repeat(200));
    let mut said = HashSet::new();
    for (input, problem, position) in [
        ("", Empty, 0),
        ("+", NothingToMatch, 0),
        (" - ", NothingToMatch, 0),
        ("+*", NothingToMatch, 0),
        (&long, TooLong, 255),
        (&wide, TooLong, 200),
        ("*1", StarNotLast, 0),
        ("+12*34", StarNotLast, 3),
        ("**", StarNotLast, 0),
        ("1* ", StarNotLast, 1),
        ("1\\2", Escape, 2),
        ("1\\", Escape, 2),
        ("ä[x]", ClassDigit, 2),
        ("[-3]", ClassDigit, 1),
        ("[1^2]", ClassDigit, 2),
        ("[1-", RangeEnd, 3),
        ("[1-]", RangeEnd, 3),
        ("[5-2]", RangeReversed, 3),
        ("12[3", ClassUnclosed, 4),
        ("[", ClassUnclosed, 1),
        ("1[]", ClassEmpty, 1),
        ("1[^]", ClassEmpty, 1),
        ("1[^0-9]", ClassEmpty, 1),
        ("12]", StrayBracket, 2),
        ("???????", TooManyClasses, 6),
        ("country:", CountryCode, 8),
        ("country:G", CountryCode, 9),
        ("country:G1", CountryCode, 9),
        ("country:GBR", CountryCode, 10),
        ("COUNTRY:*", CountryCode, 8),
    ] {
        let error = Pattern::parse(input).unwrap_err();
        assert_eq!((error.problem(), error.position()), (problem, position), "{input:?}");
        assert_eq!(error.input(), input);
        let text = error.to_string();
        assert!(
            text.starts_with("expected ") && text.contains(&format!("offset {position} of {input:?}")),
            "{text}"
        );
        said.insert(problem.to_string());
        assert!(
            text.contains(&format!("expected {problem}, at")) && problem.to_string().len() > 10,
            "{text}"
        );
    }
    assert_eq!(said.len(), 13, "two problems are told apart by what was expected: {said:?}");
}

#[test]
fn a_pattern_has_255_characters_at_most_as_typed_and_in_canonical_form() {
    // A capital dotted I is two characters in lower case.
    for longest in ["7".repeat(255), format!("a{}", "İ".repeat(127)), format!("{}*", "7".repeat(254))] {
        assert!(Pattern::parse(&longest).is_ok(), "{longest}");
        assert_eq!(Pattern::parse(&format!("7{longest}")).unwrap_err().problem(), PatternProblem::TooLong);
    }
    assert_eq!(format!("{:?}", pattern("+1 (212)*")), "Pattern(1212*)");
}

#[test]
fn a_megabyte_is_refused_with_a_short_echo() {
    let error = Pattern::parse(&"ä".repeat(1 << 20)).unwrap_err();
    assert_eq!(error.problem(), PatternProblem::TooLong);
    assert_eq!(error.input().chars().count(), 301);
}

#[cfg(feature = "country")]
#[test]
fn countries_are_upper_case_and_unknown_ones_are_refused() {
    assert_eq!(pattern("Country:gb").to_string(), "country:GB");
    for code in ["UK", "XX", "EU"] {
        let error = Pattern::parse(&format!("country:{code}")).unwrap_err();
        assert_eq!((error.problem(), error.position()), (PatternProblem::CountryUnknown, 8));
    }
    assert!(pattern("country:GB").matches(&DialKey::of("+44 20 7946 0000")));
    assert!(!pattern("country:GB").matches(&DialKey::of("4400")));
    assert!(pattern("country:GB").covers(&pattern("country:gb")));
    assert!(!pattern("country:GB").covers(&pattern("country:US")));
}

#[cfg(not(feature = "country"))]
#[test]
fn a_build_without_countries_refuses_country_patterns() {
    let error = Pattern::parse("country:GB").unwrap_err();
    assert_eq!(error.problem(), PatternProblem::CountryUnsupported);
}

#[test]
fn a_pattern_is_anchored_at_both_ends() {
    for (text, number, matched) in [
        ("3000", "3000", true),
        ("3000", "+3000", true),
        ("3000", "30001", false),
        ("3000", "13000", false),
        // jambonz: `1508*` as an unanchored regex matched +44 1508 …, and `+1508*` was skipped.
        ("1508*", "+44 1508 123456", false),
        ("+1508*", "+1 508 123 4567", true),
        ("+1508*", "1508", true),
        ("1508*", "150", false),
        ("alice-b", "ALICE-B", true),
        ("alice-b", "aliceb", false),
        ("3?", "3#", false),
        ("3?", "37", true),
        ("3?", "3", false),
        ("[^0]1", "01", false),
        ("[^0]1", "91", true),
        ("[^0]1", "#1", false),
        ("\\*7*", "*72", true),
        ("\\*7*", "772", false),
        ("*", "", true),
        ("*", "alice", true),
        ("ä*", "Äpfel", true),
    ] {
        assert_eq!(pattern(text).matches(&DialKey::of(number)), matched, "{text} {number}");
    }
}

#[test]
fn the_more_specific_pattern_comes_first() {
    let mut expected =
        vec!["1211", "12125", "1212[1-2]*", "1212[13]*", "1212[1-3]*", "1212?9", "1212?", "1212?*"];
    expected.extend(["1212", "1212*", "12[34]*", "12?*", "12*", "1?12", "[12]*", "?", "?*"]);
    expected.extend(if cfg!(feature = "country") { &["country:CA", "country:US", "*"][..] } else { &["*"] });
    for (a, first) in expected.iter().enumerate() {
        for (b, second) in expected.iter().enumerate() {
            let (one, two) = (pattern(first), pattern(second));
            assert_eq!(one.specificity().cmp(&two.specificity()), a.cmp(&b), "{first} {second}");
        }
    }
}

#[test]
fn a_pattern_covers_what_it_matches_all_of() {
    for (wide, narrow, covers) in [
        ("12*", "12", true),
        ("12*", "123*", true),
        ("12", "12*", false),
        ("12?*", "12*", false),
        ("12?", "12[3-5]", true),
        ("12[3-5]", "124", true),
        ("12[3-5]", "12?", false),
        ("12[3-5]*", "12[34]", true),
        ("12?", "12a", false),
        ("*", "alice", true),
        ("?*", "*", false),
        ("alice*", "alice-b", true),
    ] {
        assert_eq!(pattern(wide).covers(&pattern(narrow)), covers, "{wide} {narrow}");
    }
}

#[test]
fn a_typed_pattern_keeps_its_text_and_equals_other_spellings() {
    let typed: TypedPattern = serde_json::from_str("\"+1 (212)*\"").unwrap();
    assert_eq!(typed.typed(), "+1 (212)*");
    assert_eq!(typed.to_string(), typed.typed());
    assert_eq!(typed, TypedPattern::parse("1212*").unwrap());
    assert_ne!(typed, TypedPattern::parse("1213*").unwrap());
    assert!(HashSet::from([typed.clone()]).contains(&TypedPattern::parse("1212*").unwrap()));
    assert_eq!(serde_json::to_string(&typed).unwrap(), "\"+1 (212)*\"");
    assert_eq!(serde_json::to_string(typed.pattern()).unwrap(), "\"1212*\"");
    assert!(serde_json::from_str::<Pattern>("\"1*2\"").unwrap_err().to_string().contains("offset 1"));
}

/// Text that is likely to be a pattern, or nearly one.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "1", "2", "9", "0", "+", "-", " ", "(", ")", ".", "a", "B", "ß", "İ", "#", "\\*", "\\?", "\\", "?",
        "*", "[", "]", "[2-5]", "[^0]", "[13]", "[0-9]", "[7]", "country:", "GB", "us",
    ]);
    prop_oneof![
        4 => prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

fn patterns() -> impl Strategy<Value = Pattern> {
    texts().prop_filter_map("not a pattern", |text| Pattern::parse(&text).ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn parsing_never_panics_and_its_errors_point_into_the_input(text in texts()) {
        if let Err(error) = Pattern::parse(&text) {
            prop_assert!(error.position() <= text.chars().count());
        }
    }

    #[test]
    fn printing_and_parsing_is_the_identity(pattern in patterns()) {
        let text = pattern.to_string();
        prop_assert_eq!(Pattern::parse(&text).unwrap().to_string(), text.clone());
        prop_assert_eq!(Pattern::parse(&text), Ok(pattern));
    }

    #[test]
    fn a_dialled_text_without_special_characters_matches_itself_as_a_pattern(text in "[-a-zA-Z0-9 ().+#ßÄ]{1,9}") {
        if let Ok(exact) = Pattern::parse(&text) {
            prop_assert!(exact.matches(&DialKey::of(&text)));
        } else {
            prop_assert!(DialKey::of(&text).as_bytes().is_empty());
        }
    }

    #[test]
    fn specificity_is_a_total_order(a in patterns(), b in patterns(), c in patterns()) {
        let (x, y, z) = (a.specificity(), b.specificity(), c.specificity());
        prop_assert_eq!(x.cmp(&y), y.cmp(&x).reverse());
        prop_assert_eq!((x == y, x.cmp(&y) == Ordering::Equal), (a == b, a == b));
        prop_assert!(x == a.specificity());
        let mut sorted = [x, y, z];
        sorted.sort();
        prop_assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2]);
    }

    #[test]
    fn what_covers_a_pattern_matches_all_that_it_matches(a in patterns(), b in patterns(), number in "[0-9ab#]{0,6}") {
        let key = DialKey::of(&number);
        if a.covers(&b) && b.matches(&key) {
            prop_assert!(a.matches(&key));
        }
        prop_assert!(a.covers(&a));
    }
}
