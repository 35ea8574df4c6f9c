//! Lazy JSON: one pass over the text finds the members of an object; values stay text until they are wanted.
//!
//! serde_json would check every byte and stop at the first wrong one. Here a payload that is cut off or bent must
//! still yield what it has, and quickly, so this only follows strings and brackets.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// What bent the reading of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Not JSON from this byte on.
    Malformed { at: usize },
    /// Neither an object nor an array that begins with one.
    NotAnObject,
    /// An array of more than one element.
    ExtraElements,
}

/// Hands every member of the object in `text`, or of the first object of the array in `text`, to `member`, as
/// decoded name and JSON text of the value. What was read before a flaw has been handed out.
pub(super) fn read_object<'t>(text: &'t str, mut member: impl FnMut(Cow<'t, str>, &'t str)) -> Option<Flaw> {
    let mut cursor = Cursor { text, at: 0 };
    let is_array = cursor.eat(b'[');
    if cursor.peek() != Some(b'{') {
        return Some(Flaw::NotAnObject);
    }
    let mut members = Members { cursor, state: State::Before };
    for (name, value) in members.by_ref() {
        member(name, value);
    }
    let mut cursor = match members.finish() {
        Ok(cursor) => cursor,
        Err(flaw) => return Some(flaw),
    };
    if is_array && cursor.peek() == Some(b',') {
        return Some(Flaw::ExtraElements);
    }
    let is_closed = !is_array || cursor.eat(b']');
    (!is_closed || cursor.peek().is_some()).then_some(Flaw::Malformed { at: cursor.at })
}

/// The JSON texts of these members of the object in `text`, which is read no further than needed; of a doubled
/// member the first.
pub(super) fn members<'t, const N: usize>(text: &'t str, names: [&str; N]) -> [Option<&'t str>; N] {
    let mut found = [None; N];
    let mut missing = N;
    for (name, value) in (Members { cursor: Cursor { text, at: 0 }, state: State::Before }) {
        let Some(at) = names.iter().position(|wanted| *wanted == name) else { continue };
        if found[at].is_none() {
            found[at] = Some(value);
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    found
}

/// The length of the JSON string that `json` begins with, quotes included; `None` if it does not end.
pub(super) fn string_length(json: &str) -> Option<usize> {
    let bytes = json.as_bytes();
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The length of the object or array that `json` begins with; `None` if it does not end.
pub(super) fn container_length(json: &str) -> Option<usize> {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => at += string_length(&json[at..])? - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// A place in the text; white space before what is looked at is skipped.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn string(&mut self) -> Option<&'t str> {
        if self.peek() != Some(b'"') {
            return None;
        }
        self.take(string_length(&self.text[self.at..])?)
    }

    fn value(&mut self) -> Option<&'t str> {
        let first = self.peek()?;
        let rest = &self.text[self.at..];
        let length = match first {
            b'"' => string_length(rest)?,
            b'{' | b'[' => container_length(rest)?,
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => rest
                .bytes()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'))?,
            _ => return None,
        };
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Option<&'t str> {
        let taken = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(taken)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before `{`.
    Before,
    /// After `{`, or after `,`.
    Inside,
    /// After `}`.
    After,
    /// At what should not be there.
    Stuck,
}

/// The members of an object, in order, as far as they can be read.
struct Members<'t> {
    cursor: Cursor<'t>,
    state: State,
}

impl<'t> Members<'t> {
    /// The cursor behind the object; a flaw if it was not read to its end.
    fn finish(self) -> Result<Cursor<'t>, Flaw> {
        if self.state == State::After { Ok(self.cursor) } else { Err(Flaw::Malformed { at: self.cursor.at }) }
    }

    fn member(&mut self) -> Option<(Cow<'t, str>, &'t str)> {
        let name = self.cursor.string()?;
        if !self.cursor.eat(b':') {
            return None;
        }
        let value = self.cursor.value()?;
        Some((unquote(name), value))
    }
}

impl<'t> Iterator for Members<'t> {
    type Item = (Cow<'t, str>, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        match self.state {
            State::After | State::Stuck => return None,
            State::Before => {
                let is_open = self.cursor.eat(b'{');
                self.state = match (is_open, is_open && self.cursor.eat(b'}')) {
                    (false, _) => State::Stuck,
                    (true, true) => State::After,
                    (true, false) => State::Inside,
                };
                if self.state != State::Inside {
                    return None;
                }
            }
            State::Inside => {}
        }
        let Some(member) = self.member() else {
            self.state = State::Stuck;
            return None;
        };
        self.state = match self.cursor.peek() {
            Some(b',') => State::Inside,
            Some(b'}') => State::After,
            _ => State::Stuck,
        };
        self.cursor.at += usize::from(self.state != State::Stuck);
        Some(member)
    }
}

/// The text of a scalar: a string decoded, a number or boolean as written; `None` for null, objects and arrays.
pub(super) fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.bytes().next()? {
        b'"' => Some(unquote(raw)),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// The text of a JSON string, quotes included; lone surrogates become U+FFFD.
pub(super) fn unquote(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').unwrap_or(raw);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = unescape(&rest[at + 1..], &mut out);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Decodes the escape whose backslash was read; returns what follows it.
fn unescape<'t>(text: &'t str, out: &mut String) -> &'t str {
    let mut chars = text.chars();
    let decoded = match chars.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return unescape_unit(chars.as_str(), out),
        Some(other) => other,
        None => return "",
    };
    out.push(decoded);
    chars.as_str()
}

fn unescape_unit<'t>(text: &'t str, out: &mut String) -> &'t str {
    let Some(first) = hex4(text) else {
        out.push(char::REPLACEMENT_CHARACTER);
        return text;
    };
    let rest = &text[4..];
    let low = rest.strip_prefix("\\u").and_then(hex4).filter(|low| (0xDC00..0xE000).contains(low));
    match (first, low) {
        (0xD800..0xDC00, Some(low)) => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            &rest[6..]
        }
        _ => {
            out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
            rest
        }
    }
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}
