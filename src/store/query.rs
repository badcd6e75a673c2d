//! Runs arbitrary SQL queries on a connection that cannot write.

use rusqlite::types::ValueRef;
use serde::Serialize;

use crate::store::ResultsDatabase;
use crate::store::error::StoreError;

/// The result of a query: named columns and rows of values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueryResult {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, with one value per column.
    pub rows: Vec<Vec<SqlValue>>,
}

/// A value of SQLite.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A string.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Serialize for SqlValue {
    /// Serializes bytes as hexadecimal text, and infinities as text.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Real(number) if number.is_finite() => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            other => serializer.serialize_str(&other.to_string()),
        }
    }
}

impl std::fmt::Display for SqlValue {
    /// Numbers in full precision; NULL is empty.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Blob(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// Receives the result of a query row by row.
pub trait RowSink {
    /// Receives the names of the columns, before any row.
    fn columns(&mut self, names: Vec<String>) -> std::io::Result<()>;
    /// Receives a row.
    fn row(&mut self, values: Vec<SqlValue>) -> std::io::Result<()>;
}

impl RowSink for QueryResult {
    fn columns(&mut self, names: Vec<String>) -> std::io::Result<()> {
        self.columns = names;
        Ok(())
    }

    fn row(&mut self, values: Vec<SqlValue>) -> std::io::Result<()> {
        self.rows.push(values);
        Ok(())
    }
}

impl ResultsDatabase {
    /// Runs one read-only SQL query and returns the whole result.
    ///
    /// # Errors
    /// As [`query_rows`](Self::query_rows).
    pub fn query(&self, sql: &str) -> Result<QueryResult, StoreError> {
        let mut table = QueryResult { columns: Vec::new(), rows: Vec::new() };
        self.query_rows(sql, &mut table)?;
        Ok(table)
    }

    /// Runs one read-only SQL query and streams its rows to `sink`.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a statement that could write, [`StoreError::EmptyQuery`],
    /// [`StoreError::SeveralStatements`], [`StoreError::Query`] with SQLite's message, and
    /// [`StoreError::Output`] if the sink fails.
    pub fn query_rows(&self, sql: &str, sink: &mut dyn RowSink) -> Result<(), StoreError> {
        let Some(keyword) = first_word(sql) else { return Err(StoreError::EmptyQuery) };
        if keyword == "(" {
            let message = "SQLite has no statements in parentheses; write the query without the outer ones";
            return Err(StoreError::Query { message: message.to_owned(), place: None });
        }
        if !["SELECT", "WITH", "VALUES", "EXPLAIN", "PRAGMA"].contains(&keyword.as_str()) {
            return Err(StoreError::Refused { what: keyword });
        }
        if !self.is_read_only() {
            // A separate connection, opened for reading: not even a bug here could write.
            return Self::open_read_only(&self.path)?.query_rows(sql, sink);
        }
        let mut statement = self.connection.prepare(sql).map_err(query_error)?;
        // `PRAGMA name = value` changes only the connection, but is not a query either.
        if !statement.readonly() || (keyword == "PRAGMA" && sql.contains('=')) {
            return Err(StoreError::Refused { what: format!("a writing {keyword}") });
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let count = columns.len();
        let mut rows = statement.query([]).map_err(query_error)?;
        // Fetched before the header is written, so that an error of the first row comes alone.
        let mut next = rows.next().map_err(query_error)?;
        sink.columns(columns).map_err(StoreError::Output)?;
        while let Some(row) = next {
            let values: rusqlite::Result<Vec<SqlValue>> =
                (0..count).map(|column| row.get_ref(column).map(owned_value)).collect();
            self.check_unchanged()?;
            sink.row(values.map_err(query_error)?).map_err(StoreError::Output)?;
            next = rows.next().map_err(query_error)?;
        }
        self.check_unchanged()
    }
}

fn owned_value(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(number) => SqlValue::Integer(number),
        ValueRef::Real(number) => SqlValue::Real(number),
        ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec()),
    }
}

/// The statement's first word in upper case, after white space, comments and stray semicolons.
fn first_word(sql: &str) -> Option<String> {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';' || c == '\u{feff}');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else {
            break;
        }
    }
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    match (rest.is_empty(), word.is_empty()) {
        (true, _) => None,
        (_, true) => Some(rest.chars().take(1).collect()),
        _ => Some(word.to_uppercase()),
    }
}

fn query_error(error: rusqlite::Error) -> StoreError {
    use rusqlite::Error::{MultipleStatement, SqlInputError, SqliteFailure};
    match error {
        MultipleStatement => StoreError::SeveralStatements,
        SqlInputError { msg, offset, .. } => {
            StoreError::Query { message: msg, place: usize::try_from(offset).ok() }
        }
        SqliteFailure(_, Some(message)) => StoreError::Query { message, place: None },
        other => StoreError::Query { message: other.to_string(), place: None },
    }
}
