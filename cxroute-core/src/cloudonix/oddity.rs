//! What was odd about a payload: noted for the audit, never a reason to refuse a call.

use serde::Serialize;

/// Longest echo, in bytes.
const LONGEST_ECHO: usize = 64;
/// Most oddities that one payload can have noted.
const MOST: usize = 16;

/// One thing that is not as documented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// What it is.
    pub kind: OddityKind,
    /// The field, header or part of the request where it is.
    pub field: &'static str,
    /// The beginning of what was found, at most 64 bytes; empty where it could be a secret or anything.
    pub echo: String,
}

/// Kinds of [`Oddity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OddityKind {
    /// The body is not what its first byte promised; what was read before the error counts. Echo: the place.
    Malformed,
    /// The body is not UTF-8; it was read with replacement characters.
    InvalidUtf8,
    /// The declared content type is not what was found. Echo: the declared one.
    ContentType,
    /// The body is JSON, but neither an object nor an array that begins with one.
    NotAnObject,
    /// The body is an array of more than one element; only the first counts.
    ExtraElements,
    /// The body has more fields than are kept.
    TooManyFields,
    /// A field occurs twice; the last one counts.
    DuplicateField,
    /// A field has a value of another type than documented; it was converted if that was possible.
    WrongType,
    /// A field that every payload of this kind has is missing or empty.
    Missing,
    /// The session token is not the same everywhere. Echo: the other one.
    SessionDiffers,
    /// A text is longer than can be stored, so it was not used.
    TooLong,
    /// A word is none of the documented ones.
    UnknownWord,
    /// A time or a number could not be read.
    Unreadable,
    /// A number began with a blank where a form had an unescaped `+`; the `+` was put back.
    PlusAsBlank,
}

/// The oddities of one payload: the first 16.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Oddities(Vec<Oddity>);

impl Oddities {
    /// Those noted, in the order they were found.
    pub fn as_slice(&self) -> &[Oddity] {
        &self.0
    }

    /// Whether everything is as documented.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an oddity of this kind is noted.
    pub fn contains(&self, kind: OddityKind) -> bool {
        self.0.iter().any(|oddity| oddity.kind == kind)
    }

    pub(super) fn note(&mut self, kind: OddityKind, field: &'static str, echo: &str) {
        if self.0.len() < MOST {
            let echo = echo[..echo.floor_char_boundary(LONGEST_ECHO)].to_owned();
            self.0.push(Oddity { kind, field, echo });
        }
    }
}
