//! Lazy JSON: raw values are kept as text and only looked into where something is wanted.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What stopped or bent the reading of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Not JSON from this column (of the last line) on.
    Malformed { column: usize },
    /// Neither an object nor an array that begins with one.
    NotAnObject,
    /// An array of more than one element.
    ExtraElements,
}

/// Hands every member of the object in `text`, or of the first object of the array in `text`, to `member`, as
/// decoded name and raw value. What was read before a flaw has been handed out; nesting is not limited.
pub(super) fn read_object<'t>(text: &'t str, member: &mut dyn FnMut(Cow<'t, str>, &'t str)) -> Option<Flaw> {
    let mut flaw = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let body = Body { member, flaw: &mut flaw, level: Level::Top };
    let end = body.deserialize(&mut json).and_then(|()| json.end());
    match end {
        Ok(()) => flaw,
        Err(error) => Some(Flaw::Malformed { column: error.column() }),
    }
}

/// The raw values of these members of the object in `text`; of a doubled member the last.
pub(super) fn members<'t, const N: usize>(text: &'t str, names: [&str; N]) -> [Option<&'t str>; N] {
    let mut found = [None; N];
    let mut json = serde_json::Deserializer::from_str(text);
    // What was found before a flaw counts.
    let _flaw = json.deserialize_map(Members { names, found: &mut found });
    found
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
    if !inner.as_bytes().contains(&b'\\') {
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

enum Level {
    Top,
    Element,
}

struct Body<'s, 't> {
    member: &'s mut dyn FnMut(Cow<'t, str>, &'t str),
    flaw: &'s mut Option<Flaw>,
    level: Level,
}

impl<'t> DeserializeSeed<'t> for Body<'_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

macro_rules! not_an_object {
    ($($visit:ident($kind:ty)),+) => {$(
        fn $visit<E>(self, _: $kind) -> Result<(), E> {
            self.not_an_object()
        }
    )+};
}

impl Body<'_, '_> {
    fn not_an_object<E>(self) -> Result<(), E> {
        *self.flaw = Some(Flaw::NotAnObject);
        Ok(())
    }
}

impl<'t> Visitor<'t> for Body<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            let value: &'t RawValue = map.next_value()?;
            (self.member)(name, value.get());
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut seq: A) -> Result<(), A::Error> {
        let first = match self.level {
            Level::Top => {
                let element = Body { member: self.member, flaw: self.flaw, level: Level::Element };
                seq.next_element_seed(element)?
            }
            Level::Element => None,
        };
        if first.is_none() {
            *self.flaw = Some(Flaw::NotAnObject);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            self.flaw.get_or_insert(Flaw::ExtraElements);
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.not_an_object()
    }

    not_an_object!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

/// A member's name, borrowed unless it has escapes.
struct Name;

impl<'t> DeserializeSeed<'t> for Name {
    type Value = Cow<'t, str>;

    fn deserialize<D: Deserializer<'t>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'t> Visitor<'t> for Name {
    type Value = Cow<'t, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'t str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

struct Members<'s, 't, const N: usize> {
    names: [&'s str; N],
    found: &'s mut [Option<&'t str>; N],
}

impl<'t, const N: usize> Visitor<'t> for Members<'_, 't, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            match self.names.iter().position(|wanted| *wanted == name) {
                Some(at) => self.found[at] = Some(map.next_value::<&'t RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
