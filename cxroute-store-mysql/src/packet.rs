//! Statements that travel together: one text, one round trip, and answers in their order.
//!
//! The database stops at the first statement that fails and runs none of those behind it; a transaction that was begun
//! in the text is open then, and whoever sent it rolls it back.

use cxroute_store_sql::codec::{RowForm as _, Rows};
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Either, MySqlConnection};

use crate::literal::{Values, push_text};

/// A text that is longer is sent before more is added: a database takes packets of 16 MiB and more by default. One row
/// may be longer than that all the same, and is the database's to judge.
const LONG: usize = 4 << 20;

/// Statements on their way to a connection.
pub(crate) struct Packet<'c> {
    connection: &'c mut MySqlConnection,
    text: String,
}

impl<'c> Packet<'c> {
    pub(crate) const fn new(connection: &'c mut MySqlConnection) -> Self {
        Self { connection, text: String::new() }
    }

    /// Adds a statement that takes nothing.
    pub(crate) fn plain(&mut self, sql: &'static str) {
        if !self.text.is_empty() {
            self.text.push(';');
        }
        self.text.push_str(sql);
    }

    /// Adds a statement whose places (`?`) take these, in order. There is no `?` in it that is no place.
    pub(crate) fn statement(&mut self, sql: &'static str, bound: &[Bound<'_>]) {
        let mut parts = sql.split('?');
        self.plain(parts.next().unwrap_or_default());
        for (part, bound) in parts.zip(bound) {
            match bound {
                Bound::Number(number) => self.text.push_str(&number.to_string()),
                Bound::Text(text) => push_text(&mut self.text, text),
            }
            self.text.push_str(part);
        }
    }

    /// Adds a statement whose one place takes rows as a JSON array; none without any.
    pub(crate) fn rows(&mut self, sql: &'static str, rows: Rows) {
        if !rows.is_empty() {
            self.statement(sql, &[Bound::Text(&rows.into_json())]);
        }
    }

    /// Adds `insert` (up to `VALUES`), rows, and `rest`; none without any. What has become long is sent.
    pub(crate) async fn insert(
        &mut self,
        insert: &'static str,
        rows: &Values,
        rest: &'static str,
    ) -> Result<(), sqlx::Error> {
        let mut open = false;
        self.text.reserve(rows.len().min(LONG) + insert.len() + rest.len() + 1);
        for row in rows.rows() {
            if self.text.len() + row.len() > LONG && !self.text.is_empty() {
                self.text.push_str(if open { rest } else { "" });
                self.send().await?;
                open = false;
            }
            if open {
                self.text.push(',');
            } else {
                self.plain(insert);
                open = true;
            }
            self.text.push_str(row);
        }
        self.text.push_str(if open { rest } else { "" });
        Ok(())
    }

    /// Sends what there is; the rows of each statement that has any or may have.
    pub(crate) async fn send(&mut self) -> Result<Vec<Vec<MySqlRow>>, sqlx::Error> {
        use futures_util::TryStreamExt as _;
        use sqlx::Executor as _;
        if self.text.is_empty() {
            return Ok(Vec::new());
        }
        let text = std::mem::take(&mut self.text);
        let mut answers = self.connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(text)));
        let (mut all, mut rows) = (Vec::new(), Vec::new());
        while let Some(answer) = answers.try_next().await? {
            match answer {
                Either::Right(row) => rows.push(row),
                Either::Left(_) => all.push(std::mem::take(&mut rows)),
            }
        }
        Ok(all)
    }
}

/// What a place in a statement takes.
#[derive(Clone, Copy)]
pub(crate) enum Bound<'a> {
    Number(i64),
    Text(&'a str),
}
