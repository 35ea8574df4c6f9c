//! Values as rows keep them: ids as signed numbers, enums as words, documents as JSON; and batches as statements take
//! them, as JSON arrays or in a form of a store's own.

use cxroute_core::port::StoreError;
use cxroute_core::time::Timestamp;
use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

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

/// A document that is longer has to grow as it is written.
const USUAL: usize = 512;

/// A value as a document.
pub fn to_document<T: Serialize + ?Sized>(value: &T, what: &str) -> Result<String, StoreError> {
    let mut text = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut text, value).map_err(|error| corrupt(what, error))?;
    String::from_utf8(text).map_err(|error| corrupt(what, error))
}

/// A stored time.
pub const fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Bytes as hexadecimal digits: JSON has no bytes, the databases' `unhex` reads these.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Bytes in a row: hexadecimal digits, where a form is for people to read and has nothing better.
#[derive(Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.serialize_str(&hex(self.0)),
            false => serializer.serialize_bytes(self.0),
        }
    }
}

/// The name under which [`Moment`] serialises: a form that has times knows them by it.
pub const MOMENT: &str = "cxroute moment";

/// A time that people read in a row: milliseconds since 1970, where a form has nothing better.
#[derive(Clone, Copy, Debug)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(MOMENT, &self.0.as_millis())
    }
}

/// Rows for one statement, in the form that a store's statements take them.
pub trait RowForm: Default + Send {
    /// Adds a row: a struct of numbers, texts, [`Hex`] and [`Moment`]s, any of which may be absent.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not serialise.
    fn push<T: Serialize>(&mut self, row: &T) -> Result<(), StoreError>;

    /// Whether there is none.
    fn is_empty(&self) -> bool;
}

/// Rows as a JSON array of objects.
#[derive(Debug, Default)]
pub struct Rows(String);

impl RowForm for Rows {
    fn push<T: Serialize>(&mut self, row: &T) -> Result<(), StoreError> {
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        self.0.push_str(&to_document(row, "a row")?);
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Rows {
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
    use super::{Hex, Moment, RowForm as _, Rows, time};

    #[test]
    fn rows_are_a_json_array_also_when_there_are_none() {
        assert_eq!(Rows::default().into_json(), "[]");
        let mut rows = Rows::default();
        rows.push(&(1, "a\"b")).unwrap();
        rows.push(&(2, "")).unwrap();
        assert_eq!(rows.into_json(), r#"[[1,"a\"b"],[2,""]]"#);
        let mut rows = Rows::default();
        rows.push(&(Hex(&[0, 0x1f, 0xff]), Moment(time(-1)))).unwrap();
        assert_eq!(rows.into_json(), r#"[["001fff",-1]]"#, "JSON has neither bytes nor times");
    }
}
