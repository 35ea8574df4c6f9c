//! Countries of numbers: which ISO region an E.164 number belongs to, by a prefix table that `build.rs` makes from the
//! numbering plans of libphonenumber (feature `country`).

use std::fmt;

use serde::{Serialize, Serializer};
use smallvec::SmallVec;

use crate::number::DialKey;
use crate::pattern::Position;

/// An ISO 3166-1 region with telephone numbers of its own, two upper-case letters.
///
/// Country codes that several regions share (+1, +7, +39, +44, +47, +61, +212, +262, +290, +358, +590, +599) are told
/// apart by the national prefixes that the plan gives to each; what it gives to none of them (not yet assigned, or
/// fictitious, as 555) belongs to the code's main region, as do prefixes common to all (+1 800). Prefixes that
/// several regions share to the last digit belong to the region that libphonenumber names first.
/// Without the feature `country` there are no regions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region([u8; 2]);

impl Region {
    /// The fewest digits of an E.164 number, its country code included, that has a region.
    pub const MIN_DIGITS: usize = 8;
    /// The most digits of an E.164 number.
    pub const MAX_DIGITS: usize = 15;

    /// The region with this code (`GB`, in either case), if it has telephone numbers.
    pub fn parse(code: &str) -> Option<Self> {
        let mut letters = code.chars();
        let pair = [letters.next()?, letters.next()?];
        if letters.next().is_some() { None } else { Self::from_letters(pair) }
    }

    pub(crate) fn from_letters(letters: [char; 2]) -> Option<Self> {
        let code = [u8::try_from(letters[0]).ok()?, u8::try_from(letters[1]).ok()?];
        let code = code.map(|letter| letter.to_ascii_uppercase());
        let region = plan::REGIONS.binary_search(&code).ok().map(|at| Self(plan::REGIONS[at]))?;
        plan::NODES.first().is_some_and(|root| region.has_numbers_under(root)).then_some(region)
    }

    /// The region of a number: `None` unless it is 8 to 15 digits under an assigned country code.
    ///
    /// ```
    /// # #[cfg(feature = "country")] {
    /// use cxroute_core::{country::Region, number::DialKey};
    ///
    /// let region = |number| Region::of(&DialKey::of(number)).map(|region| region.to_string());
    /// assert_eq!(region("+1 604 555 0123").as_deref(), Some("CA"));
    /// assert_eq!(region("+44 20 7946 0000").as_deref(), Some("GB"));
    /// assert_eq!(region("4400"), None);
    /// # }
    /// ```
    pub fn of(key: &DialKey) -> Option<Self> {
        let digits = key.as_bytes();
        if !(Self::MIN_DIGITS..=Self::MAX_DIGITS).contains(&digits.len())
            || !digits.iter().all(u8::is_ascii_digit)
        {
            return None;
        }
        let mut node = plan::NODES.first()?;
        for digit in digits {
            match Step::from(node[usize::from(digit - b'0')]) {
                Step::Unassigned => return None,
                Step::Region(region) => return Some(region),
                Step::Node(next) => node = next,
            }
        }
        None
    }

    /// Whether every number that has these positions, and no more, is in this region.
    pub(crate) fn covers(self, positions: &[Position]) -> bool {
        let is_e164 = (Self::MIN_DIGITS..=Self::MAX_DIGITS).contains(&positions.len());
        let all_digits = positions.iter().all(|position| !position.digits().is_empty());
        is_e164 && all_digits && plan::NODES.first().is_some_and(|root| self.covers_from(root, positions))
    }

    fn covers_from(self, node: &Node, positions: &[Position]) -> bool {
        let Some((first, rest)) = positions.split_first() else { return false };
        first.digits().iter().all(|digit| match Step::from(node[usize::from(digit)]) {
            Step::Unassigned => false,
            Step::Region(region) => region == self,
            Step::Node(next) => self.covers_from(next, rest),
        })
    }

    /// Whether every number of this region begins with these positions.
    pub(crate) fn is_within(self, positions: &[Position]) -> bool {
        positions.len() <= Self::MIN_DIGITS
            && plan::NODES.first().is_some_and(|root| self.is_within_from(root, positions))
    }

    fn is_within_from(self, node: &Node, positions: &[Position]) -> bool {
        let Some((first, rest)) = positions.split_first() else { return true };
        (0..10).all(|digit| {
            let accepted = first.digits().contains(digit);
            match Step::from(node[usize::from(digit)]) {
                Step::Region(region) if region == self => accepted && accept_every_digit(rest),
                Step::Node(next) if !accepted => !self.has_numbers_under(next),
                Step::Node(next) => self.is_within_from(next, rest),
                _ => true,
            }
        })
    }

    /// The digits that all numbers of this region begin with.
    pub(crate) fn common_digits(self) -> SmallVec<[u8; 32]> {
        let mut common = SmallVec::new();
        let mut positions: SmallVec<[Position; 16]> = SmallVec::new();
        while let Some(digit) = ('0'..='9').find(|digit| {
            let longer = [&positions[..], &[Position::Literal(*digit)]].concat();
            self.is_within(&longer)
        }) {
            positions.push(Position::Literal(digit));
            common.push(digit as u8);
        }
        common
    }

    fn has_numbers_under(self, node: &Node) -> bool {
        node.iter().any(|step| match Step::from(*step) {
            Step::Unassigned => false,
            Step::Region(region) => region == self,
            Step::Node(next) => self.has_numbers_under(next),
        })
    }
}

fn accept_every_digit(positions: &[Position]) -> bool {
    positions.iter().all(|position| position.digits() == crate::pattern::DigitSet::ANY)
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.0.map(char::from);
        write!(f, "{first}{second}")
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where each next digit leads.
type Node = [u16; 10];

/// What an entry of a node means.
enum Step {
    Unassigned,
    Region(Region),
    Node(&'static Node),
}

impl From<u16> for Step {
    fn from(entry: u16) -> Self {
        let index = usize::from(entry & !plan::IS_NODE);
        match entry {
            plan::UNASSIGNED => Self::Unassigned,
            node if node & plan::IS_NODE != 0 => Self::Node(&plan::NODES[index]),
            _ => Self::Region(Region(plan::REGIONS[index])),
        }
    }
}

/// The numbering plan as `build.rs` wrote it.
#[cfg(feature = "country")]
mod plan {
    include!(concat!(env!("OUT_DIR"), "/numbering_plan.rs"));
}

/// No numbering plan: no regions.
#[cfg(not(feature = "country"))]
mod plan {
    pub(super) const UNASSIGNED: u16 = u16::MAX;
    pub(super) const IS_NODE: u16 = 1 << 15;
    pub(super) static REGIONS: [[u8; 2]; 0] = [];
    pub(super) static NODES: [super::Node; 0] = [];
}

#[cfg(all(test, feature = "country"))]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    fn region(number: &str) -> String {
        Region::of(&DialKey::of(number)).map_or("nobody".into(), |region| region.to_string())
    }

    #[test]
    fn shared_country_codes_are_told_apart() {
        for (number, expected) in [
            ("+1 212 555 1234", "US"),
            ("+1 907 555 1234", "US"),
            ("+1 416 555 1234", "CA"),
            ("+1 604 555 1234", "CA"),
            ("+1 867 669 1234", "CA"),
            ("+1 876 555 1234", "JM"),
            ("+1 658 555 1234", "JM"),
            ("+1 787 555 1234", "PR"),
            ("+1 809 555 1234", "DO"),
            ("+1 242 555 1234", "BS"),
            ("+1 441 555 1234", "BM"),
            ("+1 671 555 1234", "GU"),
            ("+1 800 555 1234", "US"),
            ("+1 555 123 4567", "US"),
            ("+7 495 123 45 67", "RU"),
            ("+7 912 345 67 89", "RU"),
            ("+7 701 234 56 78", "KZ"),
            ("+7 727 234 56 78", "KZ"),
            ("+44 20 7946 0000", "GB"),
            ("+44 7400 123456", "GB"),
            ("+44 1481 256789", "GG"),
            ("+44 7781 123456", "GG"),
            ("+44 1534 456789", "JE"),
            ("+44 7797 712345", "JE"),
            ("+44 1624 756789", "IM"),
            ("+44 7624 012345", "IM"),
            ("+39 06 1234 5678", "IT"),
            ("+39 06 698 12345", "VA"),
            ("+47 22 12 34 56", "NO"),
            ("+47 79 12 34 56", "SJ"),
            ("+61 2 1234 5678", "AU"),
            ("+61 8 9162 1234", "CC"),
            ("+61 8 9164 1234", "CX"),
            ("+262 262 16 12 34", "RE"),
            ("+262 269 60 12 34", "YT"),
            ("+212 520 123456", "MA"),
            ("+212 5288 12345", "MA"),
            ("+290 22 158 99", "SH"),
            ("+358 9 1234567", "FI"),
            ("+358 18 12345", "AX"),
            ("+590 590 20 12 34", "GP"),
            ("+590 590 27 12 34", "BL"),
            ("+599 9 435 1234", "CW"),
            ("+599 715 1234", "BQ"),
        ] {
            assert_eq!(region(number), expected, "{number}");
        }
    }

    #[test]
    fn only_e164_numbers_of_8_to_15_digits_have_a_country() {
        for (number, expected) in [
            ("4400", "nobody"),
            ("4420794", "nobody"),
            ("44207946", "GB"),
            ("442079460000", "GB"),
            ("442079460000123", "GB"),
            ("4420794600001234", "nobody"),
            ("020 7946 0000", "nobody"),
            ("+44 20 7946 000#", "nobody"),
            ("+800 1234 5678", "nobody"),
            ("+999 1234 5678", "nobody"),
            ("alice", "nobody"),
        ] {
            assert_eq!(region(number), expected, "{number}");
        }
    }

    #[test]
    fn every_region_is_found_by_its_code_in_either_case_and_others_are_not() {
        assert_eq!(Region::parse("gb"), Region::parse("GB"));
        let texts = plan::REGIONS.iter().map(|code| std::str::from_utf8(code).unwrap());
        let (found, without_numbers): (Vec<_>, Vec<_>) =
            texts.partition(|code| Region::parse(code).is_some());
        assert!(found.len() > 230);
        assert!(found.iter().all(|code| Region::parse(code).unwrap().to_string() == **code));
        assert_eq!(without_numbers, ["EH"]);
        for code in ["UK", "XX", "AQ", "G", "GBR", "", "İB"] {
            assert_eq!(Region::parse(code), None, "{code}");
        }
    }

    #[test]
    fn a_country_and_a_pattern_cover_each_other_only_where_the_plan_says_so() {
        let covers =
            |wide: &str, narrow: &str| Pattern::parse(wide).unwrap().covers(&Pattern::parse(narrow).unwrap());
        assert!(covers("44*", "country:GB"));
        assert!(covers("4[3-5]*", "country:GB"));
        assert!(covers("44??????*", "country:GB"));
        assert!(covers("[4]4[0-9]?????*", "country:GB"));
        assert!(!covers("[4]????[0-8]*", "country:GB"), "a number has a country from 8 digits on");
        assert!(!covers("442*", "country:GB"));
        assert!(!covers("44", "country:GB"));
        assert!(covers("1[2-9]*", "country:CA"));
        assert!(covers("country:GB", "442079460000"));
        assert!(covers("country:GB", "4420794600??"));
        assert!(!covers("country:GB", "4420*"));
        assert!(!covers("country:GB", "4420"));
        assert!(!covers("country:US", "1[2-9]??5551234"));
        assert!(covers("*", "country:GB"));
        assert!(!covers("country:GB", "*"));
    }
}
