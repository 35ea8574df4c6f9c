//! Values as rows keep them: ids as signed numbers, enums as words, documents as JSON, batches as JSON arrays.

use cxroute_core::port::StoreError;
use cxroute_core::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that is stored, but not what it should be.
pub fn corrupt(what: impl Into<String>, reason: impl ToString) -> StoreError {
    StoreError::Corrupt { what: what.into(), reason: reason.to_string() }
}

/// An id as a look-up binds it. No row has a negative id: a number that a row cannot hold finds nothing.
pub fn key(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(-1)
}

/// A stored number in its own range.
pub fn number<T: TryFrom<i64>>(value: i64, what: &str) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| corrupt(what, "a number is out of its range"))
}

/// A stored number that may be absent.
pub fn optional<T: TryFrom<i64>>(value: Option<i64>, what: &str) -> Result<Option<T>, StoreError> {
    value.map(|value| number(value, what)).transpose()
}

/// A stored id that may be absent.
pub fn optional_id<T>(
    value: Option<i64>,
    what: &str,
    id: impl Fn(u64) -> T,
) -> Result<Option<T>, StoreError> {
    Ok(optional::<u64>(value, what)?.map(id))
}

/// A value that Serde writes as a word.
pub fn word<T: DeserializeOwned>(word: &str, what: &str) -> Result<T, StoreError> {
    let word = serde_json::Value::String(word.to_owned());
    serde_json::from_value(word).map_err(|_| corrupt(what, "an unknown word"))
}

/// The word that Serde writes for a value.
pub fn word_of<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(corrupt("a value", "it does not serialise as a word")),
    }
}

/// A stored document. The error never quotes it.
pub fn document<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| {
        corrupt(
            what,
            format_args!("{:?} error in column {} of the document", error.classify(), error.column()),
        )
    })
}

/// A value as a document.
pub fn to_document<T: Serialize + ?Sized>(value: &T, what: &str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| corrupt(what, error))
}

/// A stored time.
pub const fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Bytes as hexadecimal digits: JSON has no bytes, the databases' `unhex` reads these.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Rows for one statement: a JSON array of objects.
#[derive(Debug, Default)]
pub struct Rows(String);

impl Rows {
    /// Adds a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not serialise.
    pub fn push<T: Serialize>(&mut self, row: &T) -> Result<(), StoreError> {
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        self.0.push_str(&to_document(row, "a row")?);
        Ok(())
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The array.
    pub fn into_json(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('[');
        }
        self.0.push(']');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Rows, hex};

    #[test]
    fn rows_are_a_json_array_also_when_there_are_none() {
        assert_eq!(Rows::default().into_json(), "[]");
        let mut rows = Rows::default();
        rows.push(&(1, "a\"b")).unwrap();
        rows.push(&(2, "")).unwrap();
        assert_eq!(rows.into_json(), r#"[[1,"a\"b"],[2,""]]"#);
        assert_eq!(hex(&[0, 0x1f, 0xff]), "001fff");
    }
}
