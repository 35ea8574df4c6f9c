//! Well-formed tags within any text, read by XML's grammar: what stands around a tag, such as a caller's number with
//! quotes in it, cannot hide the secrets of its attributes.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;
use smallvec::SmallVec;

use super::redact::{MASK, is_secret_name};

/// Where an attribute's name and value lie in the text, the quotes aside.
struct Attribute {
    name: Range<usize>,
    value: Range<usize>,
}

type Attributes = SmallVec<[Attribute; 8]>;

/// The text with the secret attributes of its well-formed tags masked: user names, [secret names](is_secret_name), and
/// the `value` of a tag whose `name` is one. Borrowed when there is none; linear, as no tag reaches into the next one.
pub(super) fn mask_tags(text: &str) -> Cow<'_, str> {
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(found) = memchr(b'<', &text.as_bytes()[at..]) {
        at += found + 1;
        let Some(attributes) = Cursor { text, at }.tag() else { continue };
        let is = |attribute: &Attribute, name| text[attribute.name.clone()].eq_ignore_ascii_case(name);
        let mut names = attributes.iter().filter(|attribute| is(attribute, "name"));
        let names_secret = names.any(|attribute| is_secret_name(&text[attribute.value.clone()]));
        for attribute in &attributes {
            let is_secret = is_secret_name(&text[attribute.name.clone()])
                || is(attribute, "username")
                || names_secret && is(attribute, "value");
            if is_secret && !["", MASK].contains(&&text[attribute.value.clone()]) {
                out.push_str(&text[copied..attribute.value.start]);
                out.push_str(MASK);
                copied = attribute.value.end;
            }
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// A place in the text.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl Cursor<'_> {
    /// The attributes of the tag whose `<` was read; `None` if it is no start tag, or not well-formed.
    fn tag(&mut self) -> Option<Attributes> {
        self.name()?;
        let mut attributes = Attributes::new();
        loop {
            self.blanks();
            match self.peek()? {
                b'>' | b'/' => return Some(attributes),
                _ => attributes.push(self.attribute()?),
            }
        }
    }

    fn attribute(&mut self) -> Option<Attribute> {
        let name = self.name()?;
        self.blanks();
        self.peek().filter(|byte| *byte == b'=')?;
        self.at += 1;
        self.blanks();
        let quote = self.peek().filter(|byte| b"\"'".contains(byte))?;
        let start = self.at + 1;
        // XML allows no `<` in a value, so the search ends there.
        let length = self.text.as_bytes()[start..].iter().position(|byte| [quote, b'<'].contains(byte))?;
        self.at = start + length;
        self.peek().filter(|byte| *byte == quote)?;
        self.at += 1;
        Some(Attribute { name, value: start..start + length })
    }

    fn name(&mut self) -> Option<Range<usize>> {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(byte);
        let length = self.text.as_bytes()[self.at..].iter().take_while(|byte| is_name(byte)).count();
        let name = self.at..self.at + length;
        self.at = name.end;
        (length > 0).then_some(name)
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| b" \t\r\n".contains(&byte)) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
