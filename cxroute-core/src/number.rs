//! Dialled strings: the first thing that routing looks at. What the platform sent is kept as received; a normalised
//! key beside it is what patterns and tables are asked about.

use std::fmt;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A dialled or calling number as received, with its key for matching.
///
/// Equality is that of the text as received; two spellings of one number have the same [`key`](Self::key).
/// Serialises as the text.
///
/// ```
/// use cxroute_core::number::Dialled;
///
/// let to = Dialled::new("+1 (212) 555-1234");
/// assert_eq!(to.as_received(), "+1 (212) 555-1234");
/// assert_eq!(to.key().as_str(), "12125551234");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Dialled {
    received: String,
    key: DialKey,
}

impl Dialled {
    /// Keeps `received` and normalises it; any text is a dialled string, the empty one too.
    pub fn new(received: impl Into<String>) -> Self {
        let received = received.into();
        let key = DialKey::of(&received);
        Self { received, key }
    }

    /// The text exactly as the platform sent it.
    pub fn as_received(&self) -> &str {
        &self.received
    }

    /// What patterns and tables are asked about.
    pub fn key(&self) -> &DialKey {
        &self.key
    }
}

impl From<String> for Dialled {
    fn from(received: String) -> Self {
        Self::new(received)
    }
}

impl From<Dialled> for String {
    fn from(dialled: Dialled) -> Self {
        dialled.received
    }
}

impl fmt::Display for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.received)
    }
}

/// A dialled string normalised for matching.
///
/// If the string consists of dialable characters (`0`–`9`, `*`, `#`) and punctuation, then blanks, `-`, `.`, `(`, `)`
/// and one `+` before the first dialable character are dropped. Otherwise only case is folded (Unicode lower case,
/// character by character): `alice-b` is not `aliceb`. Keys of up to 32 bytes live without heap allocation.
///
/// ```
/// use cxroute_core::number::DialKey;
///
/// assert_eq!(DialKey::of("+1-212.555 (1234)").as_str(), "12125551234");
/// assert_eq!(DialKey::of("Alice-B").as_str(), "alice-b");
/// assert_eq!(DialKey::of("*72").as_str(), "*72");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialKey {
    text: SmallVec<[u8; 32]>,
    code: DigitCode,
}

impl DialKey {
    /// Normalises a dialled string; total, and linear in its length.
    pub fn of(dialled: &str) -> Self {
        let bytes = dialled.as_bytes();
        let bare = bytes.strip_prefix(b"+").unwrap_or(bytes);
        if let Some(key) = Self::of_digits(bare) {
            return key;
        }
        let text = normalise(dialled);
        let code = DigitCode::of_key(&text);
        Self { text, code }
    }

    /// The key of 8 to 15 digits and nothing else, as nearly all numbers arrive: read as two words that overlap.
    #[inline]
    fn of_digits(text: &[u8]) -> Option<Self> {
        let (first, last) = (text.first_chunk::<8>()?, text.last_chunk::<8>()?);
        let length = text.len();
        if length > DigitCode::MAX_DIGITS {
            return None;
        }
        let [high, low] = [eight_digits(*first)?, eight_digits(*last)?];
        let mut buffer = [0; 32];
        buffer[..8].copy_from_slice(first);
        buffer[length - 8..length].copy_from_slice(last);
        let code = DigitCode(u64::from(high) << 32 | u64::from(low) << (64 - 4 * length));
        Some(Self { text: SmallVec::from_buf_and_len(buffer, length), code })
    }

    /// The normalised bytes, UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        // Always UTF-8: `of` keeps or maps whole characters only.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The leading digits, packed for the tables.
    pub(crate) const fn code(&self) -> DigitCode {
        self.code
    }
}

impl fmt::Debug for DialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialKey({:?})", self.as_str())
    }
}

impl fmt::Display for DialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Eight digits as nibbles of [`DigitCode`], all at once; `None` if one is no digit.
#[inline]
const fn eight_digits(text: [u8; 8]) -> Option<u32> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let digits = u64::from_be_bytes(text) ^ (b'0' as u64 * ONES);
    let above_nine = digits | ((digits & (0x7F * ONES)) + (0x76 * ONES));
    if above_nine & (0x80 * ONES) != 0 {
        return None;
    }
    let bytes = digits + ONES;
    let pairs = (bytes >> 4 | bytes) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs >> 8 | pairs) & 0x0000_FFFF_0000_FFFF;
    Some((fours >> 16 | fours) as u32)
}

fn normalise(dialled: &str) -> SmallVec<[u8; 32]> {
    let mut number = NumberShape::default();
    if dialled.chars().all(|c| number.admits(c)) {
        return dialled.bytes().filter(|b| is_dialable(char::from(*b))).collect();
    }
    let mut text = SmallVec::with_capacity(dialled.len());
    for folded in dialled.chars().flat_map(char::to_lowercase) {
        text.extend_from_slice(folded.encode_utf8(&mut [0; 4]).as_bytes());
    }
    text
}

/// Whether a key pressed on a telephone yields `c`: a digit, `*` or `#`.
pub(crate) const fn is_dialable(c: char) -> bool {
    matches!(c, '0'..='9' | '*' | '#')
}

/// Reads characters one by one and says whether they still form a number with its usual punctuation.
#[derive(Default)]
pub(crate) struct NumberShape {
    dialable_seen: bool,
    plus_seen: bool,
}

impl NumberShape {
    /// Whether a number may go on with `c`.
    pub(crate) fn admits(&mut self, c: char) -> bool {
        match c {
            '+' => !self.dialable_seen && !std::mem::replace(&mut self.plus_seen, true),
            '-' | '.' | '(' | ')' => true,
            c if is_dialable(c) => {
                self.dialable_seen = true;
                true
            }
            c => c.is_whitespace(),
        }
    }

    /// Notes a position that stands for some digit.
    pub(crate) fn digit_position(&mut self) {
        self.dialable_seen = true;
    }
}

/// The leading digits of a key as sixteen nibbles, the first digit highest: digit d is d + 1, and what follows the
/// last digit is 0 at the end of the text and 15 before anything else (a non-digit, or a sixteenth digit).
///
/// So codes sort like the digit strings, a prefix before what it begins, and the numbers under a prefix are one
/// interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DigitCode(u64);

impl DigitCode {
    /// As many digits as a code can hold; also the longest number in E.164.
    pub(crate) const MAX_DIGITS: usize = 15;
    const MORE: u64 = 15;

    fn of_key(text: &[u8]) -> Self {
        let mut code = 0;
        let mut shift = 60;
        for byte in text.iter().take(Self::MAX_DIGITS + 1) {
            let digit = u64::from(byte.wrapping_sub(b'0'));
            if digit > 9 || shift == 0 {
                return Self(code | Self::MORE << shift);
            }
            code |= (digit + 1) << shift;
            shift -= 4;
        }
        Self(code)
    }

    /// The code of a text that begins with `head` and goes on with something else.
    pub(crate) fn of_head(head: &[u8]) -> Self {
        Self::of_key(head).with_more()
    }

    /// The same digits, with more to come after them.
    pub(crate) const fn with_more(self) -> Self {
        let end = self.0.trailing_zeros() & !3;
        match self.0 {
            0 => Self(Self::MORE << 60),
            // A fifteenth digit, or something that is no digit, is followed by more in any case.
            bits if end == 0 || bits >> end & 15 == Self::MORE => self,
            bits => Self(bits | Self::MORE << (end - 4)),
        }
    }

    /// Whether the digits are the whole text.
    pub(crate) const fn is_whole(self) -> bool {
        let end = self.0.trailing_zeros() & !3;
        self.0 != 0 && self.0 >> end & 15 != Self::MORE
    }

    /// The same digits as if nothing followed them.
    #[inline]
    pub(crate) const fn ended(self) -> Self {
        if self.0 == 0 {
            return self;
        }
        let end = self.0.trailing_zeros() & !3;
        if self.0 >> end & 15 == Self::MORE { Self(self.0 & !(Self::MORE << end)) } else { self }
    }

    /// A code from its sixteen nibbles.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The sixteen nibbles as a number.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lose_punctuation_and_one_leading_plus_and_names_lose_only_their_case() {
        for (dialled, key) in [
            ("+12125551234", "12125551234"),
            ("12125551234", "12125551234"),
            ("+1 (212) 555-1234", "12125551234"),
            (" +1.212.555.1234 ", "12125551234"),
            ("(+44) 20 7946 0000", "442079460000"),
            ("\u{a0}3000\t", "3000"),
            ("3000", "3000"),
            ("*72", "*72"),
            ("#31#+1", "#31#+1"),
            ("*72 212-555", "*72212555"),
            ("Alice", "alice"),
            ("alice-b", "alice-b"),
            ("Alice.B (home)", "alice.b (home)"),
            ("+alice", "+alice"),
            ("++1212", "++1212"),
            ("1+2", "1+2"),
            ("ÄRGER", "ärger"),
            ("İ", "i\u{307}"),
            ("٣٠", "٣٠"),
            ("", ""),
            ("+", ""),
            ("--", ""),
        ] {
            assert_eq!(DialKey::of(dialled).as_str(), key, "{dialled:?}");
        }
    }

    #[test]
    fn a_key_is_its_own_key() {
        for text in ["12125551234", "*72", "#31#", "alice-b", "++1", "1+2", "i\u{307}", "straße", ""] {
            assert_eq!(DialKey::of(text).as_str(), text);
        }
    }

    #[test]
    fn a_megabyte_of_anything_has_a_key() {
        let digits = "7".repeat(1 << 20);
        assert_eq!(DialKey::of(&digits).as_str(), digits);
        let names = "Ä(".repeat(1 << 19);
        assert_eq!(DialKey::of(&names).as_str(), names.to_lowercase());
    }

    #[test]
    fn usual_keys_stay_off_the_heap() {
        assert!(!DialKey::of("+123456789012345").text.spilled());
        assert!(!DialKey::of("a.longer-sip-user.name+tag_1234").text.spilled());
    }

    #[test]
    fn codes_tell_the_end_from_more() {
        let code = |text: &str| DialKey::of(text).code().bits();
        assert_eq!(code("12"), 0x23 << 56);
        assert_eq!(code("12#"), 0x23F << 52);
        assert_eq!(code("123456789012345"), 0x2345_6789_A123_4560);
        assert_eq!(code("1234567890123456"), 0x2345_6789_A123_456F);
        assert_eq!(code("alice"), 0xF << 60);
        assert_eq!(code(""), 0);
    }

    #[test]
    fn a_number_has_one_code_however_it_is_read() {
        let digits = "31415926535897932384";
        for length in 0..digits.len() {
            let text = &digits[..length];
            assert_eq!(DialKey::of(text).code(), DigitCode::of_key(text.as_bytes()));
            assert_eq!(DialKey::of(&format!("({text}")), DialKey::of(text));
            for wrong in ["/", ":", "a", "\u{b1}", "*"] {
                for at in 0..length {
                    let mut name = text.to_owned();
                    name.replace_range(at..=at, wrong);
                    assert_eq!(DialKey::of(&name).as_str(), name);
                    assert_eq!(DialKey::of(&name).code(), DigitCode::of_key(name.as_bytes()));
                }
            }
        }
    }

    #[test]
    fn what_was_dialled_is_kept_as_received() {
        let json = "\"+1 (212) 555-1234\"";
        let dialled: Dialled = serde_json::from_str(json).unwrap();
        assert_eq!(dialled.key().as_str(), "12125551234");
        assert_eq!(serde_json::to_string(&dialled).unwrap(), json);
    }
}
