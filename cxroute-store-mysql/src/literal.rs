//! Values as they stand in the text of a statement.
//!
//! A batch travels as one text, rows and all, because a row that the database has to take out of a JSON parameter costs it
//! about twice as much (ADR 0008). This is the only place where a value becomes text of SQL. What holds it together: a
//! text is quoted, and within quotes only the quote and the backslash mean anything, since every session sets its
//! `sql_mode` without `NO_BACKSLASH_ESCAPES` and its character set to utf8mb4 (see `connect.rs`), in which no byte of
//! another character is one of them; bytes are hexadecimal digits; numbers are digits, and times are texts of them.

use cxroute_core::port::StoreError;
use cxroute_store_sql::codec::{MOMENT, RowForm};
use data_encoding::HEXLOWER;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use serde::ser::{self, Impossible, Serialize, SerializeStruct, SerializeTuple, Serializer};

/// Rows as they stand behind `VALUES`, each with its length, so that a statement can be cut between them.
#[derive(Debug, Default)]
pub(crate) struct Values {
    text: String,
    /// Where each row ends in the text.
    ends: Vec<usize>,
}

impl RowForm for Values {
    fn push<T: Serialize>(&mut self, row: &T) -> Result<(), StoreError> {
        let begun = self.text.len();
        let written = row.serialize(Row(&mut self.text));
        if let Err(Unfit(reason)) = written {
            self.text.truncate(begun);
            return Err(StoreError::Corrupt { what: "a row".to_owned(), reason });
        }
        self.ends.push(self.text.len());
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl Values {
    /// How many bytes the rows are, and with a comma behind each.
    pub(crate) const fn len(&self) -> usize {
        self.text.len() + self.ends.len()
    }

    /// The rows, each as `(value,value…)`.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}

/// Adds a text in quotes.
pub(crate) fn push_text(sql: &mut String, text: &str) {
    sql.reserve(text.len() + 2);
    sql.push('\'');
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '\\']) {
        // The character again, which stands for itself then.
        sql.push_str(&rest[..=at]);
        sql.push_str(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    sql.push_str(rest);
    sql.push('\'');
}

/// The beginning of the year 1, in milliseconds since 1970.
const FIRST_MOMENT: i64 = -62_135_596_800_000;

/// The last millisecond that calendars know here, on the day before the last of the year 9999.
const LAST_MOMENT: i64 = 253_402_207_200_000;

/// Prints what the databases read as a `DATETIME(3)`.
const PRINTER: DateTimePrinter = DateTimePrinter::new().separator(b' ').precision(Some(3));

/// Adds a time as a `DATETIME(3)` in UTC, within what one can hold.
fn push_moment(sql: &mut String, at: i64) -> Result<(), Unfit> {
    let at = at.clamp(FIRST_MOMENT, LAST_MOMENT);
    let at = jiff::Timestamp::from_millisecond(at).map_err(|error| Unfit(error.to_string()))?;
    sql.push('\'');
    let printed = PRINTER.print_datetime(&TimeZone::UTC.to_datetime(at), &mut *sql);
    sql.push('\'');
    printed.map_err(|error| Unfit(error.to_string()))
}

/// Why a value is none that a row can have.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unfit(String);

impl ser::Error for Unfit {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}

fn unfit<T>(what: &str) -> Result<T, Unfit> {
    Err(Unfit(format!("expected numbers, texts, bytes and times, got {what}")))
}

/// A value's type, which says how it is written.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Moment,
}

/// What is refused by rows and by values alike.
macro_rules! refuse {
    ($($method:ident($($kind:ty),*) $what:literal;)*) => {
        $(fn $method(self, $(_: $kind),*) -> Result<Self::Ok, Unfit> { unfit($what) })*
    };
}

/// A row: a struct or a tuple of values.
struct Row<'s>(&'s mut String);

/// The values of a row so far.
struct Fields<'s> {
    sql: &'s mut String,
    next: char,
}

impl<'s> Row<'s> {
    fn open(self) -> Fields<'s> {
        Fields { sql: self.0, next: '(' }
    }
}

impl Fields<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.sql.push(self.next);
        self.next = ',';
        value.serialize(Value { sql: &mut *self.sql, kind: Kind::Plain })
    }
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Unfit> {
        self.add(value)
    }

    fn end(self) -> Result<(), Unfit> {
        self.sql.push(')');
        Ok(())
    }
}

impl SerializeTuple for Fields<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.add(value)
    }

    fn end(self) -> Result<(), Unfit> {
        self.sql.push(')');
        Ok(())
    }
}

/// What has parts and is no row.
macro_rules! no_compounds {
    () => {
        type SerializeSeq = Impossible<(), Unfit>;
        type SerializeTupleStruct = Impossible<(), Unfit>;
        type SerializeTupleVariant = Impossible<(), Unfit>;
        type SerializeMap = Impossible<(), Unfit>;
        type SerializeStructVariant = Impossible<(), Unfit>;

        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Unfit> {
            unfit("a list")
        }
        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unfit> {
            unfit("a map")
        }
        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, Unfit> {
            unfit("a tuple struct")
        }
        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, Unfit> {
            unfit("a variant")
        }
        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, Unfit> {
            unfit("a variant")
        }
        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<(), Unfit> {
            unfit("a variant")
        }
    };
}

impl<'s> Serializer for Row<'s> {
    type Ok = ();
    type Error = Unfit;
    type SerializeTuple = Fields<'s>;
    type SerializeStruct = Fields<'s>;
    no_compounds!();

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'s>, Unfit> {
        Ok(self.open())
    }
    fn serialize_tuple(self, _: usize) -> Result<Fields<'s>, Unfit> {
        Ok(self.open())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        value.serialize(self)
    }

    refuse! {
        serialize_bool(bool) "no row"; serialize_i8(i8) "no row"; serialize_i16(i16) "no row";
        serialize_i32(i32) "no row"; serialize_i64(i64) "no row"; serialize_u8(u8) "no row";
        serialize_u16(u16) "no row"; serialize_u32(u32) "no row"; serialize_u64(u64) "no row";
        serialize_f32(f32) "no row"; serialize_f64(f64) "no row"; serialize_char(char) "no row";
        serialize_str(&str) "no row"; serialize_bytes(&[u8]) "no row"; serialize_none() "no row";
        serialize_unit() "no row"; serialize_unit_struct(&'static str) "no row";
        serialize_unit_variant(&'static str, u32, &'static str) "no row";
    }
}

/// One value.
struct Value<'s> {
    sql: &'s mut String,
    kind: Kind,
}

impl Value<'_> {
    fn number(self, number: impl itoa::Integer) -> Result<(), Unfit> {
        self.sql.push_str(itoa::Buffer::new().format(number));
        Ok(())
    }
}

impl<'s> Serializer for Value<'s> {
    type Ok = ();
    type Error = Unfit;
    type SerializeTuple = Impossible<(), Unfit>;
    type SerializeStruct = Impossible<(), Unfit>;
    no_compounds!();

    fn serialize_str(self, text: &str) -> Result<(), Unfit> {
        push_text(self.sql, text);
        Ok(())
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Unfit> {
        self.sql.push_str("x'");
        HEXLOWER.encode_append(bytes, self.sql);
        self.sql.push('\'');
        Ok(())
    }
    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_i64(self, number: i64) -> Result<(), Unfit> {
        match self.kind {
            Kind::Moment => push_moment(self.sql, number),
            Kind::Plain => self.number(number),
        }
    }
    fn serialize_u64(self, number: u64) -> Result<(), Unfit> {
        self.number(number)
    }
    fn serialize_u8(self, number: u8) -> Result<(), Unfit> {
        self.number(number)
    }
    fn serialize_u16(self, number: u16) -> Result<(), Unfit> {
        self.number(number)
    }
    fn serialize_u32(self, number: u32) -> Result<(), Unfit> {
        self.number(number)
    }
    fn serialize_i8(self, number: i8) -> Result<(), Unfit> {
        self.number(number)
    }
    fn serialize_i16(self, number: i16) -> Result<(), Unfit> {
        self.number(number)
    }
    fn serialize_i32(self, number: i32) -> Result<(), Unfit> {
        self.number(number)
    }
    fn serialize_none(self) -> Result<(), Unfit> {
        self.sql.push_str("NULL");
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        let kind = match name {
            MOMENT => Kind::Moment,
            _ => self.kind,
        };
        value.serialize(Value { kind, ..self })
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Unfit> {
        unfit("a struct")
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unfit> {
        unfit("a tuple")
    }

    refuse! {
        serialize_bool(bool) "a boolean"; serialize_f32(f32) "a fraction"; serialize_f64(f64) "a fraction";
        serialize_char(char) "a character"; serialize_unit() "nothing";
        serialize_unit_struct(&'static str) "nothing";
        serialize_unit_variant(&'static str, u32, &'static str) "a variant";
    }
}

#[cfg(test)]
mod tests {
    use cxroute_core::time::Timestamp;
    use cxroute_store_sql::codec::{Hex, Moment};
    use serde::Serialize;

    use super::*;

    fn row(row: &impl Serialize) -> String {
        let mut values = Values::default();
        values.push(row).unwrap();
        values.text
    }

    #[test]
    fn values_are_digits_quoted_texts_hexadecimal_digits_and_times() {
        #[derive(Serialize)]
        struct All<'a> {
            number: u64,
            negative: Option<i64>,
            absent: Option<&'a str>,
            text: &'a str,
            bytes: Option<Hex<'a>>,
            at: Moment,
        }
        let at = Moment(Timestamp::from_millis(1_767_571_200_007));
        let all = All {
            number: u64::MAX,
            negative: Some(-1),
            absent: None,
            text: r"it's \ a 'text'",
            bytes: Some(Hex(&[0, 255])),
            at,
        };
        let expected =
            r"(18446744073709551615,-1,NULL,'it''s \\ a ''text''',x'00ff','2026-01-05 00:00:00.007')";
        assert_eq!(row(&all), expected);
        assert_eq!(row(&(Moment(Timestamp::from_millis(i64::MIN)),)), "('0001-01-01 00:00:00.000')");
        assert_eq!(row(&(Moment(Timestamp::from_millis(i64::MAX)),)), "('9999-12-30 22:00:00.000')");
    }

    #[test]
    fn rows_are_told_apart() {
        let mut values = Values::default();
        assert!(values.is_empty());
        values.push(&(1, "a,(b)")).unwrap();
        values.push(&(2, "")).unwrap();
        assert_eq!(values.rows().collect::<Vec<_>>(), ["(1,'a,(b)')", "(2,'')"]);
    }

    #[test]
    fn what_is_no_row_is_refused_and_leaves_nothing() {
        let mut values = Values::default();
        for refused in [
            values.push(&(1, true)),
            values.push(&(1, vec![2])),
            values.push(&(1, 0.5)),
            values.push(&"no row"),
        ] {
            let reason = refused.unwrap_err().to_string();
            assert!(reason.contains("expected numbers, texts, bytes and times"), "{reason}");
        }
        assert!(values.is_empty() && values.text.is_empty());
    }
}
