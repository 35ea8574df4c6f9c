//! The building blocks of the form: what is absent, null or given; what a line says; what is secret.

use std::fmt;
use std::ops::Deref;

use cxroute_core::secret::Clear;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_saphyr::Spanned;

/// A key that can be left out, be null, or have a value: three different wishes.
#[derive(Debug, Default)]
pub enum Given<T> {
    /// The key is not there: keep what is stored.
    #[default]
    Absent,
    /// The key is null: clear what is stored.
    Null,
    /// The key has a value.
    Value(T),
}

impl<T> Given<T> {
    /// The same wish about a reference.
    pub const fn as_ref(&self) -> Given<&T> {
        match self {
            Self::Absent => Given::Absent,
            Self::Null => Given::Null,
            Self::Value(value) => Given::Value(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// A value and the line that it begins on.
#[derive(Debug)]
pub struct At<T> {
    /// None when it was not read from a file.
    pub line: Option<u64>,
    /// The value.
    pub value: T,
}

impl<T> From<T> for At<T> {
    fn from(value: T) -> Self {
        Self { line: None, value }
    }
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { line: Some(spanned.referenced.line()).filter(|line| *line > 0), value: spanned.value })
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// A secret of at least one character, as the file gives it. It does not print; only `expose` writes it out.
pub struct Secret(Clear);

impl Secret {
    /// Wraps a secret; none if it is empty.
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty()).then(|| Self(Clear::new(text)))
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl From<Clear> for Secret {
    fn from(clear: Clear) -> Self {
        Self(clear)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).ok_or_else(|| de::Error::custom("expected at least one character"))
    }
}

/// Writes out what is sealed in the store and yet no secret of the operator's own configuration: a service value.
pub(super) fn expose<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// A key that can be left out, but not be null: `key:` with nothing behind it is an accident, not a wish.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(value) => Ok(Some(value)),
        None => Err(de::Error::custom(
            "expected a value, got nothing: leave the key out to keep what is there, or write [] or {} to clear it",
        )),
    }
}
