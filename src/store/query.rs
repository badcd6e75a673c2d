//! Any question in SQL, answered by a connection that cannot write.

use rusqlite::types::ValueRef;
use serde::Serialize;

use crate::store::ResultsDatabase;
use crate::store::error::StoreError;

/// The answer: named columns, rows of values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueryResult {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<SqlValue>>,
}

/// A value of SQLite.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Serialize for SqlValue {
    /// As JSON has it: bytes as hexadecimal text, infinities as text.
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
    /// As exactly as it can be told; NULL is empty.
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

/// Who takes an answer, row by row as it is found.
pub trait RowSink {
    fn columns(&mut self, names: Vec<String>) -> std::io::Result<()>;
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
    /// Answers one SQL query, held whole.
    pub fn query(&self, sql: &str) -> Result<QueryResult, StoreError> {
        let mut table = QueryResult { columns: Vec::new(), rows: Vec::new() };
        self.query_rows(sql, &mut table)?;
        Ok(table)
    }

    /// Answers one SQL query; nothing of the answer is kept. Whatever would change anything is refused.
    pub fn query_rows(&self, sql: &str, taker: &mut dyn RowSink) -> Result<(), StoreError> {
        let Some(word) = first_word(sql) else { return Err(StoreError::EmptyQuery) };
        if !["SELECT", "WITH", "VALUES", "EXPLAIN", "PRAGMA"].contains(&word.as_str()) {
            return Err(StoreError::Refused { what: word });
        }
        if !self.reads_only() {
            // A connection of its own, opened for reading: not even a bug here could write.
            return Self::open_read_only(&self.path)?.query_rows(sql, taker);
        }
        let mut statement = self.connection.prepare(sql).map_err(query_error)?;
        // `PRAGMA name = value` changes the connection only, but it is not a question either.
        if !statement.readonly() || (word == "PRAGMA" && sql.contains('=')) {
            return Err(StoreError::Refused { what: format!("a writing {word}") });
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let count = columns.len();
        let mut result = statement.query([]).map_err(query_error)?;
        // A mistake that shows at the first row is told before a heading goes out.
        let mut next = result.next().map_err(query_error)?;
        taker.columns(columns).map_err(StoreError::Answer)?;
        while let Some(row) = next {
            let values: rusqlite::Result<Vec<SqlValue>> =
                (0..count).map(|column| row.get_ref(column).map(value)).collect();
            self.check_unchanged()?;
            taker.row(values.map_err(query_error)?).map_err(StoreError::Answer)?;
            next = result.next().map_err(query_error)?;
        }
        self.check_unchanged()
    }
}

fn value(result: ValueRef<'_>) -> SqlValue {
    match result {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(number) => SqlValue::Integer(number),
        ValueRef::Real(number) => SqlValue::Real(number),
        ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec()),
    }
}

/// The statement's first word in capitals, after blanks, comments, brackets and stray semicolons.
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
