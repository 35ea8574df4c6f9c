//! Escaping: any Rust string becomes XML 1.0 character data or an attribute value that parses back to itself.
//!
//! quick-xml escapes markup, but passes through the characters that XML 1.0 forbids and allocates for every
//! text it changes; this writes into the caller's buffer and replaces what is forbidden by U+FFFD.

/// Where a text goes: it decides which characters need a reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Element content: tabs and line feeds stay, a carriage return would be normalised away.
    Content = 1,
    /// A double-quoted attribute value: white space other than a blank would be normalised away.
    Attribute = 2,
}

/// Per byte, in which places it needs a closer look; 0xEF begins U+FFFE and U+FFFF, among others.
const SPECIAL: [u8; 256] = {
    let mut table = [0; 256];
    let both = Place::Content as u8 | Place::Attribute as u8;
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = both;
        byte += 1;
    }
    table[b'\t' as usize] = Place::Attribute as u8;
    table[b'\n' as usize] = Place::Attribute as u8;
    table[b'"' as usize] = Place::Attribute as u8;
    table[b'&' as usize] = both;
    table[b'<' as usize] = both;
    table[b'>' as usize] = both;
    table[0xEF] = both;
    table
};

fn first_special(text: &str, place: Place) -> Option<usize> {
    text.bytes().position(|byte| SPECIAL[usize::from(byte)] & place as u8 != 0)
}

/// Whether `text` can be written as it is.
pub(super) fn is_plain(text: &str, place: Place) -> bool {
    first_special(text, place).is_none()
}

/// Appends `text` to `out`, escaped for `place`.
pub(super) fn push_escaped(out: &mut String, text: &str, place: Place) {
    let mut rest = text;
    while let Some(at) = first_special(rest, place) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        if let Some(special) = chars.next() {
            push_special(out, special);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

fn push_special(out: &mut String, special: char) {
    match special {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        // Not required by XML except in `]]>`, which this makes impossible.
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\t' => out.push_str("&#9;"),
        '\n' => out.push_str("&#10;"),
        '\r' => out.push_str("&#13;"),
        '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => out.push(char::REPLACEMENT_CHARACTER),
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, place: Place) -> String {
        let mut out = String::new();
        push_escaped(&mut out, text, place);
        out
    }

    #[test]
    fn markup_and_line_breaks_become_references_where_they_matter() {
        for (text, content, attribute) in [
            ("a&b<c>d", "a&amp;b&lt;c&gt;d", "a&amp;b&lt;c&gt;d"),
            ("]]>", "]]&gt;", "]]&gt;"),
            ("\"it's\"", "\"it's\"", "&quot;it's&quot;"),
            ("a\tb\nc\rd", "a\tb\nc&#13;d", "a&#9;b&#10;c&#13;d"),
            (
                "\0\u{1b}\u{fffe}\u{ffff}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            (
                "\u{fffd}\u{feff}ﬁ\u{85}\u{2028}😀",
                "\u{fffd}\u{feff}ﬁ\u{85}\u{2028}😀",
                "\u{fffd}\u{feff}ﬁ\u{85}\u{2028}😀",
            ),
        ] {
            assert_eq!(escaped(text, Place::Content), content);
            assert_eq!(escaped(text, Place::Attribute), attribute);
        }
    }

    #[test]
    fn a_text_without_special_characters_is_plain() {
        assert!(is_plain("+12125551234", Place::Attribute));
        assert!(is_plain("\"a\tb\"", Place::Content));
        assert!(!is_plain("\"a\tb\"", Place::Attribute));
    }
}
