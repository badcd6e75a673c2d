//! A column's cells as one of a few plain types, whatever type the file stores.
//!
//! An empty text and a float NaN are missing values.

mod list;
mod number;

use std::borrow::Cow;

use polars::prelude::{
    BinaryChunked, BooleanChunked, ChunkFullNull, Column, DataType, Float64Chunked, Int64Chunked, PlSmallStr,
    PolarsResult, Series, StringChunked,
};

use unicode_normalization::{UnicodeNormalization, is_nfc};

pub(in crate::data) use crate::data::cells::list::ListColumn;
use crate::data::error::DataError;

/// A column's cells.
#[derive(Clone, Debug)]
pub(in crate::data) enum Cells {
    Int(Int64Chunked),
    /// `single`: stored as 32-bit floats, and printed with their digits.
    Float {
        values: Float64Chunked,
        single: bool,
    },
    Bool(BooleanChunked),
    Text(StringChunked),
    /// Dates and times, as polars' physical integers.
    Time(Int64Chunked),
    List(Box<ListColumn>),
    /// Bytes, such as images.
    Binary(BinaryChunked),
    /// Any other type; `found` is its name.
    Other {
        name: PlSmallStr,
        found: String,
        rows: usize,
    },
}

impl Cells {
    pub fn from_column(column: &Column) -> Result<Self, DataError> {
        let series = column.as_materialized_series();
        let name = series.name().to_string();
        convert(series).map_err(|cause| DataError::WrongType {
            column: name,
            found: format!("{} ({cause})", series.dtype()),
            wanted: "a column",
        })
    }

    pub fn from_series(series: &Series) -> PolarsResult<Self> {
        convert(series)
    }

    /// A column of missing cells with the same name and kind.
    pub fn missing(&self, rows: usize) -> Self {
        let name = PlSmallStr::from_str(self.name());
        match self {
            Self::Int(_) => Self::Int(Int64Chunked::full_null(name, rows)),
            Self::Float { single, .. } => {
                Self::Float { values: Float64Chunked::full_null(name, rows), single: *single }
            }
            Self::Bool(_) => Self::Bool(BooleanChunked::full_null(name, rows)),
            _ => Self::Text(StringChunked::full_null(name, rows)),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Int(values) | Self::Time(values) => values.len(),
            Self::Float { values, .. } => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::List(list) => list.rows(),
            Self::Binary(values) => values.len(),
            Self::Other { rows, .. } => *rows,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Int(values) | Self::Time(values) => values.name(),
            Self::Float { values, .. } => values.name(),
            Self::Bool(values) => values.name(),
            Self::Text(values) => values.name(),
            Self::List(list) => list.name(),
            Self::Binary(values) => values.name(),
            Self::Other { name, .. } => name,
        }
    }

    /// The kind of the cells, for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Int(_) => "whole numbers".to_owned(),
            Self::Float { .. } => "numbers".to_owned(),
            Self::Bool(_) => "true and false".to_owned(),
            Self::Text(_) => "text".to_owned(),
            Self::Time(_) => "dates or times".to_owned(),
            Self::List(list) => format!("lists of {}", list.inner.describe()),
            Self::Binary(_) => "bytes".to_owned(),
            Self::Other { found, .. } => found.clone(),
        }
    }

    /// Are the cells numbers?
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float { .. })
    }

    /// Calls `each` with the row and text of every cell, in row order; `None` for missing cells.
    ///
    /// # Errors
    ///
    /// `DataError::WrongType` for dates, lists, bytes and other types.
    pub fn for_each_text(&self, mut each: impl FnMut(usize, Option<&str>)) -> Result<(), DataError> {
        let mut buffer = String::new();
        match self {
            Self::Text(values) => {
                for (row, value) in values.iter().enumerate() {
                    let text = value.filter(|text| !text.is_empty()).map(composed);
                    each(row, text.as_deref());
                }
            }
            Self::Int(values) => {
                for (row, value) in values.iter().enumerate() {
                    each(row, value.map(|value| write(&mut buffer, value)));
                }
            }
            Self::Bool(values) => {
                for (row, value) in values.iter().enumerate() {
                    each(row, value.map(|value| if value { "true" } else { "false" }));
                }
            }
            Self::Float { values, single } => {
                for (row, value) in values.iter().enumerate() {
                    let value = value.filter(|value| !value.is_nan());
                    each(row, value.map(|value| write_float(&mut buffer, value, *single)));
                }
            }
            Self::Time(_) | Self::List(_) | Self::Binary(_) | Self::Other { .. } => {
                return Err(self.type_error("a category or label"));
            }
        }
        Ok(())
    }

    /// All cells as texts, empty if missing.
    pub fn texts(&self) -> Result<Vec<Cow<'_, str>>, DataError> {
        match self {
            Self::Text(values) => Ok(values.iter().map(|text| composed(text.unwrap_or(""))).collect()),
            Self::Time(_) | Self::List(_) | Self::Binary(_) | Self::Other { .. } => {
                Err(self.type_error("a text"))
            }
            other => {
                let mut texts = Vec::with_capacity(other.len());
                other.for_each_text(|_, text| texts.push(Cow::Owned(text.unwrap_or("").to_owned())))?;
                Ok(texts)
            }
        }
    }

    /// One cell verbatim, for a message or as a file name; empty if missing or not a scalar.
    pub fn text(&self, row: usize) -> Cow<'_, str> {
        let mut buffer = String::new();
        match self {
            Self::Text(values) => values.get(row).map_or(Cow::Borrowed(""), Cow::Borrowed),
            Self::Int(values) | Self::Time(values) => {
                values.get(row).map_or(Cow::Borrowed(""), |value| Cow::Owned(value.to_string()))
            }
            Self::Bool(values) => {
                values.get(row).map_or(Cow::Borrowed(""), |value| Cow::Owned(value.to_string()))
            }
            Self::Float { values, single } => match values.get(row) {
                Some(value) => {
                    write_float(&mut buffer, value, *single);
                    Cow::Owned(buffer)
                }
                None => Cow::Borrowed(""),
            },
            Self::List(_) | Self::Binary(_) | Self::Other { .. } => Cow::Borrowed(""),
        }
    }

    pub fn type_error(&self, wanted: &'static str) -> DataError {
        DataError::WrongType { column: self.name().to_owned(), found: self.describe(), wanted }
    }

    /// The cells as integer keys: `missing` for missing cells, `unseen` for those that are not whole numbers.
    pub fn codes(&self, missing: i64, unseen: i64) -> Result<Vec<i64>, DataError> {
        let from_float = |value: Option<f64>| match value.filter(|value| !value.is_nan()) {
            Some(value) => as_integer(value).unwrap_or(unseen),
            None => missing,
        };
        let from_text = |value: Option<&str>| match value.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => {
                let number = text.parse::<i64>().ok().or_else(|| as_integer(text.parse().ok()?));
                number.unwrap_or(unseen)
            }
            None => missing,
        };
        Ok(match self {
            Self::Int(values) => values.iter().map(|value| value.unwrap_or(missing)).collect(),
            Self::Float { values, .. } => values.iter().map(from_float).collect(),
            Self::Bool(values) => values.iter().map(|value| value.map_or(missing, i64::from)).collect(),
            Self::Text(values) => values.iter().map(from_text).collect(),
            Self::Time(_) | Self::List(_) | Self::Binary(_) | Self::Other { .. } => {
                return Err(self.type_error("a whole number"));
            }
        })
    }
}

/// The integer value of a float, if it has one. 2^63 is the first beyond i64.
fn as_integer(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0).then_some(value as i64)
}

/// The first bad row, and the number of bad rows.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::data) struct BadRow {
    pub first: Option<usize>,
    pub count: usize,
}

impl BadRow {
    pub fn note(&mut self, row: usize) {
        self.first.get_or_insert(row);
        self.count += 1;
    }
}

fn convert(series: &Series) -> PolarsResult<Cells> {
    if let Some(list) = ListColumn::from_series(series)? {
        return Ok(Cells::List(Box::new(list)));
    }
    let cast = |to: &DataType| series.cast(to);
    Ok(match series.dtype() {
        DataType::Boolean => Cells::Bool(series.bool()?.clone()),
        DataType::String => Cells::Text(series.str()?.clone()),
        DataType::Null | DataType::Categorical(..) | DataType::Enum(..) => {
            Cells::Text(cast(&DataType::String)?.str()?.clone())
        }
        // Numbers beyond i64 are identifiers, such as hashes, not quantities.
        DataType::UInt64 if series.max::<u64>()?.is_some_and(|largest| largest > i64::MAX as u64) => {
            Cells::Text(cast(&DataType::String)?.str()?.clone())
        }
        other if other.is_integer() => Cells::Int(cast(&DataType::Int64)?.i64()?.clone()),
        DataType::Float64 => Cells::Float { values: series.f64()?.clone(), single: false },
        other if other.is_float() => {
            Cells::Float { values: cast(&DataType::Float64)?.f64()?.clone(), single: true }
        }
        DataType::Binary => Cells::Binary(series.binary()?.clone()),
        DataType::Date | DataType::Datetime(..) | DataType::Duration(_) | DataType::Time => {
            Cells::Time(series.to_physical_repr().cast(&DataType::Int64)?.i64()?.clone())
        }
        other => Cells::Other { name: series.name().clone(), found: other.to_string(), rows: series.len() },
    })
}

/// The text in Unicode normalization form C: `e` followed by a combining accent becomes `é`.
pub(in crate::data) fn composed(text: &str) -> Cow<'_, str> {
    match text.is_ascii() || is_nfc(text) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfc().collect()),
    }
}

/// Writes into a reused buffer, which saves an allocation per cell.
fn write(buffer: &mut String, value: impl std::fmt::Display) -> &str {
    use std::fmt::Write;
    buffer.clear();
    // Writing to a String cannot fail.
    let _ = write!(buffer, "{value}");
    buffer
}

/// The shortest text that parses to the same float; whole numbers have no decimal point.
fn write_float(buffer: &mut String, value: f64, single: bool) -> &str {
    // Adding 0 turns -0 into 0.
    if single { write(buffer, value as f32 + 0.0) } else { write(buffer, value + 0.0) }
}
