//! The fields of a payload, whatever its form: names and values in the order they came.

use std::borrow::Cow;
use std::fmt;

use super::json::{self, Flaw};
use super::oddity::{Oddities, OddityKind};
use super::webhook::Webhook;

/// Most fields that are kept; a webhook has about twenty.
const MOST_FIELDS: usize = 1_024;
/// Fields of a usual payload.
const USUAL_FIELDS: usize = 16;

/// The fields of one payload, known and unknown, in the order they came.
///
/// `Debug` shows names only: values can hold secrets.
#[derive(Clone, Default)]
pub struct Fields<'a> {
    list: Vec<(Cow<'a, str>, Value<'a>)>,
    /// One bit per hash of a name that is in the list.
    seen: u64,
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.list.iter().map(|(name, _)| name)).finish()
    }
}

/// One field's value.
///
/// `Debug` shows its length only: it can hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A decoded text, from a form or a query.
    Text(Cow<'a, str>),
    /// The JSON text of a value.
    Json(Cow<'a, str>),
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Json(raw) => write!(f, "Json({} bytes)", raw.len()),
        }
    }
}

impl<'a> Value<'a> {
    /// The value as text: a string's, number's or boolean's; `None` for null, objects and arrays.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Json(Cow::Borrowed(raw)) => json::scalar(raw),
            Self::Json(Cow::Owned(raw)) => json::scalar(raw).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// The JSON text of the object that this value is, or holds as text.
    pub fn object(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Json(raw) if raw.starts_with('{') => Some(raw.clone()),
            _ => self.text().filter(|text| text.trim_start().starts_with('{')),
        }
    }

    /// Whether it is a JSON value other than a string.
    pub(super) fn is_unquoted(&self) -> bool {
        matches!(self, Self::Json(raw) if !raw.starts_with('"'))
    }

    /// Whether it came in a form or a query, where a `+` needs an escape.
    pub(super) fn is_from_form(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Json(raw) if raw == "null")
    }
}

/// The members of an object's JSON text, each as JSON text; null counts as missing, of a doubled one the first counts.
pub(super) fn members<'a, const N: usize>(object: &Cow<'a, str>, names: [&str; N]) -> [Option<Value<'a>>; N] {
    let values = match object {
        Cow::Borrowed(text) => json::members(text, names).map(|raw| raw.map(Cow::Borrowed)),
        Cow::Owned(text) => json::members(text, names).map(|raw| raw.map(|raw| Cow::Owned(raw.to_owned()))),
    };
    values.map(|raw| raw.map(Value::Json).filter(|value| !value.is_null()))
}

impl<'a> Fields<'a> {
    /// Reads the body, or the query if the body has no fields.
    pub(super) fn read(webhook: &Webhook<'a>, oddities: &mut Oddities) -> Self {
        let mut fields = Self { list: Vec::with_capacity(USUAL_FIELDS), seen: 0 };
        let body = webhook.body.as_slice();
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
        let found = match body.first() {
            None => "",
            Some(b'{' | b'[' | b'"') => {
                fields.read_json(body, oddities);
                "json"
            }
            Some(_) if body.contains(&b'=') => {
                fields.read_form(body, oddities);
                "form-urlencoded"
            }
            Some(_) => {
                oddities.note(OddityKind::Malformed, "body", "");
                ""
            }
        };
        let declared = webhook.content_type.unwrap_or("");
        if !found.is_empty() && !declared.is_empty() && !declared.contains(found) {
            oddities.note(OddityKind::ContentType, "Content-Type", declared);
        }
        if fields.list.is_empty() {
            fields.read_form(webhook.query.as_bytes(), oddities);
        }
        fields
    }

    /// Names and values in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.list.iter().map(|(name, value)| (&**name, value))
    }

    /// The value of this field; the last one if it came twice, `None` if it is missing or null.
    pub fn value(&self, name: &str) -> Option<&Value<'a>> {
        let found = self.list.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The field's text with white space around it dropped, `None` if nothing is left; a value of another type is
    /// noted.
    pub(super) fn word(&self, name: &'static str, oddities: &mut Oddities) -> Option<Cow<'a, str>> {
        self.text(name, oddities).map(trimmed).filter(|text| !text.is_empty())
    }

    /// The field's text as it came, `None` if it is empty; a value of another type is noted.
    pub(super) fn text(&self, name: &'static str, oddities: &mut Oddities) -> Option<Cow<'a, str>> {
        let value = self.value(name)?;
        let text = value.text();
        if value.is_unquoted() {
            oddities.note(OddityKind::WrongType, name, text.as_deref().unwrap_or(""));
        }
        text.filter(|text| !text.is_empty())
    }

    fn read_json(&mut self, body: &'a [u8], oddities: &mut Oddities) {
        let Ok(text) = std::str::from_utf8(body) else {
            oddities.note(OddityKind::InvalidUtf8, "body", "");
            return self.read_owned(&String::from_utf8_lossy(body), oddities);
        };
        if text.starts_with('"') {
            // A client that encoded twice: the text of the string is the body.
            return self.read_owned(&json::unquote(text), oddities);
        }
        let flaw =
            json::read_object(text, |name, raw| self.push(name, Value::Json(Cow::Borrowed(raw)), oddities));
        note_flaw(flaw, oddities);
    }

    fn read_owned(&mut self, text: &str, oddities: &mut Oddities) {
        let flaw = json::read_object(text, |name, raw| {
            self.push(Cow::Owned(name.into_owned()), Value::Json(Cow::Owned(raw.to_owned())), oddities);
        });
        note_flaw(flaw, oddities);
    }

    fn read_form(&mut self, form: &'a [u8], oddities: &mut Oddities) {
        for (name, value) in form_urlencoded::parse(form) {
            self.push(name, Value::Text(value), oddities);
        }
    }

    fn push(&mut self, name: Cow<'a, str>, value: Value<'a>, oddities: &mut Oddities) {
        if self.list.len() >= MOST_FIELDS {
            if self.list.len() == MOST_FIELDS && !oddities.contains(OddityKind::TooManyFields) {
                oddities.note(OddityKind::TooManyFields, "body", "");
            }
            return;
        }
        let bit = bloom(&name);
        if self.seen & bit != 0 && self.list.iter().any(|(known, _)| *known == name) {
            oddities.note(OddityKind::DuplicateField, "body", &name);
        }
        self.seen |= bit;
        self.list.push((name, value));
    }
}

/// One bit by length, first and last byte: tells most names apart for a few instructions.
fn bloom(name: &str) -> u64 {
    let first = name.as_bytes().first().copied().unwrap_or(0);
    let last = name.as_bytes().last().copied().unwrap_or(0);
    let hash = name.len() ^ usize::from(first).wrapping_mul(7) ^ usize::from(last).wrapping_mul(29);
    1 << (hash & 63)
}

fn note_flaw(flaw: Option<Flaw>, oddities: &mut Oddities) {
    match flaw {
        None => {}
        Some(Flaw::Malformed { at }) => oddities.note(OddityKind::Malformed, "body", &format!("byte {at}")),
        Some(Flaw::NotAnObject) => oddities.note(OddityKind::NotAnObject, "body", ""),
        Some(Flaw::ExtraElements) => oddities.note(OddityKind::ExtraElements, "body", ""),
    }
}

pub(super) fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}
