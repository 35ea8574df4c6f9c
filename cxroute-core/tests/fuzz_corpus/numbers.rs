//! Dialled strings: any text has a key, and normalising a key changes nothing more (domain rules §2).

use cxroute_core::number::{DialKey, Dialled};

/// The input is what was dialled.
pub(crate) fn holds(bytes: &[u8]) {
    let dialled = String::from_utf8_lossy(bytes);
    let key = DialKey::of(&dialled);
    assert_eq!(key.as_str(), normalised(&dialled));
    assert_eq!(key.as_str().as_bytes(), key.as_bytes());
    assert_eq!(DialKey::of(key.as_str()), key, "the key of a key is itself");
    let kept = Dialled::new(&*dialled);
    assert_eq!((kept.as_received(), kept.key()), (&*dialled, &key));
}

/// The rule, word by word: of digits and punctuation the punctuation is dropped, of anything else only case is folded.
fn normalised(dialled: &str) -> String {
    let is_dialable = |c: char| c.is_ascii_digit() || c == '*' || c == '#';
    let is_punctuation = |c: char| c.is_whitespace() || "-.()".contains(c);
    let head = dialled.split(is_dialable).next().unwrap_or_default();
    let (pluses, leading) = (dialled.matches('+').count(), head.matches('+').count());
    let is_number = dialled.chars().all(|c| is_dialable(c) || is_punctuation(c) || c == '+');
    if is_number && pluses == leading && pluses <= 1 {
        dialled.chars().filter(|c| is_dialable(*c)).collect()
    } else {
        dialled.chars().flat_map(char::to_lowercase).collect()
    }
}
