//! The source `jsonl`: see [`JsonlConfig`].

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use polars::prelude::{Column, DataFrame, PolarsResult};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

use crate::data::error::DataError;
use crate::data::frame::{LineIndex, SourceFile};
use crate::data::source::bytes;
use crate::data::source::delimited::bad_name;
use crate::data::source::kind::{Builder, CellType};
use crate::data::source::list_builder::{ListItemKind, Lists};
use crate::domain::choice_config::Settings;
use crate::domain::name::ColumnName;

/// JSON lines: one object per line. Lists of numbers, of texts, and of lists of numbers become columns of
/// lists; other lists and nested objects are kept as JSON text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonlConfig {
    /// The file, relative to the pipeline file.
    pub path: String,
}

impl Settings for JsonlConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{jsonl: {path: data/rows.jsonl}}";
}

/// A file of JSON lines whose lines have all been checked.
pub(in crate::data) struct Jsonl {
    file: PathBuf,
    text: String,
    /// The byte range of each row.
    rows: Vec<(usize, usize)>,
    pub names: Vec<String>,
    pub kinds: Vec<CellType>,
    origin: SourceFile,
}

/// The number of rows in a chunk, which one thread reads.
const CHUNK_ROWS: usize = 4096;

impl Jsonl {
    /// Reads and checks the file.
    pub fn open(file: &Path) -> Result<Self, DataError> {
        let text = bytes::text(file)?;
        let (mut rows, mut numbers) = (vec![], vec![]);
        let mut start = 0;
        for (number, line) in text.split_inclusive(bytes::line_end(&text)).enumerate() {
            if !line.trim().is_empty() {
                rows.push((start, start + line.len()));
                numbers.push(number as u32 + 1);
            }
            start += line.len();
        }
        let scans: Vec<JsonScan> = rows
            .par_chunks(CHUNK_ROWS)
            .zip(numbers.par_chunks(CHUNK_ROWS))
            .map(|(rows, numbers)| JsonScan::scan(&text, rows, numbers))
            .collect();
        let count = scans.iter().map(|scan| scan.bad).sum();
        let mut columns: IndexMap<String, CellType> = IndexMap::new();
        for scan in scans {
            if let Some((line, reason)) = scan.first_bad {
                let help = likely_format(&text, rows.len(), count);
                return Err(DataError::BadJson {
                    file: file.to_owned(),
                    line: line as usize,
                    reason,
                    count,
                    help,
                });
            }
            for (name, kind) in scan.columns {
                let known = columns.entry(name).or_default();
                *known = known.join(kind);
            }
        }
        if let Some(name) = columns.keys().find(|name| ColumnName::new(name.as_str()).is_none()) {
            let reason = bad_name(name);
            return Err(DataError::BadHeading { file: file.to_owned(), name: name.clone(), reason });
        }
        let (names, kinds) = columns.into_iter().unzip();
        let lines = LineIndex::Each(Arc::from(numbers));
        let origin = SourceFile { file: file.to_owned(), rows: rows.len(), lines };
        Ok(Self { file: file.to_owned(), text, rows, names, kinds, origin })
    }

    /// Builds the table with these column types, which must include the inferred ones.
    pub fn build(self, kinds: &[CellType]) -> Result<(DataFrame, SourceFile), DataError> {
        let parts: Result<Vec<DataFrame>, DataError> =
            self.rows.par_chunks(CHUNK_ROWS).map(|rows| self.build_chunk(rows, kinds)).collect();
        let mut parts = parts?.into_iter();
        let mut table = match parts.next() {
            Some(first) => first,
            None => self.build_chunk(&[], kinds)?,
        };
        for part in parts {
            table.vstack_mut_owned(part).map_err(|cause| self.refuse(cause.to_string()))?;
        }
        table.rechunk_mut_par();
        Ok((table, self.origin))
    }

    fn build_chunk(&self, rows: &[(usize, usize)], kinds: &[CellType]) -> Result<DataFrame, DataError> {
        let mut builders: Vec<JsonColumnBuilder> = self
            .names
            .iter()
            .zip(kinds)
            .map(|(name, kind)| JsonColumnBuilder::new(name, *kind, rows.len()))
            .collect();
        for &(start, end) in rows {
            let row: Map<String, Value> = serde_json::from_str(&self.text[start..end])
                .map_err(|cause| self.refuse(cause.to_string()))?;
            for (name, builder) in self.names.iter().zip(&mut builders) {
                builder.push(row.get(name)).map_err(|cause| self.refuse(cause.to_string()))?;
            }
        }
        let columns: Vec<_> = builders.into_iter().map(JsonColumnBuilder::finish).collect();
        DataFrame::new_infer_height(columns).map_err(|cause| self.refuse(cause.to_string()))
    }

    fn refuse(&self, reason: String) -> DataError {
        DataError::InvalidFormat { file: self.file.clone(), form: "a file of JSON lines", reason }
    }
}

/// A column being built, value by value.
enum JsonColumnBuilder {
    Single(Builder),
    Lists(Lists),
}

impl JsonColumnBuilder {
    fn new(name: &str, kind: CellType, rows: usize) -> Self {
        match kind {
            CellType::List(items) => Self::Lists(Lists::new(name, items, rows)),
            other => Self::Single(Builder::new(name, other, rows)),
        }
    }

    fn push(&mut self, value: Option<&Value>) -> PolarsResult<()> {
        match self {
            Self::Single(builder) => {
                let cell = value.map(cell);
                builder.push(cell.as_deref().filter(|text| !text.is_empty()));
                Ok(())
            }
            Self::Lists(builder) => builder.push(value),
        }
    }

    fn finish(self) -> Column {
        match self {
            Self::Single(builder) => builder.finish(),
            Self::Lists(builder) => builder.finish(),
        }
    }
}

/// The result of the first pass over a chunk.
#[derive(Default)]
struct JsonScan {
    /// In order of appearance.
    columns: IndexMap<String, CellType>,
    /// Line and reason of the first invalid row.
    first_bad: Option<(u32, String)>,
    /// The number of invalid rows.
    bad: usize,
}

impl JsonScan {
    fn scan(text: &str, rows: &[(usize, usize)], numbers: &[u32]) -> Self {
        let mut scan = Self::default();
        for (&(start, end), &number) in rows.iter().zip(numbers) {
            match row(text, start, end) {
                Ok(row) => scan.take(row),
                Err(reason) => {
                    scan.first_bad.get_or_insert((number, reason));
                    scan.bad += 1;
                }
            }
        }
        scan
    }

    fn take(&mut self, row: Map<String, Value>) {
        for (name, value) in row {
            let kind = kind(&value);
            match self.columns.get_mut(&name) {
                Some(known) => *known = known.join(kind),
                None => {
                    self.columns.insert(name, kind);
                }
            }
        }
    }
}

/// The object on a line, or why there is none.
fn row(text: &str, start: usize, end: usize) -> Result<Map<String, Value>, String> {
    let value = serde_json::from_str(&text[start..end]).map_err(|cause| {
        if cause.is_eof() && end == text.len() {
            return "the file ends in the middle of a row".to_owned();
        }
        let full = cause.to_string();
        let reason = full.split(" at line ").next().unwrap_or_default();
        format!("column {}: {reason}", cause.column())
    })?;
    match value {
        Value::Object(row) => Ok(row),
        other => Err(format!("a row is one JSON object, such as {{\"age\": 41}}, not {}", describe(&other))),
    }
}

/// The type of a value, for messages.
fn describe(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Null | Value::Bool(_) => "null, true or false",
        Value::Object(_) => "an object",
    }
}

/// Help that depends on what an invalid file most likely is.
fn likely_format(text: &str, rows: usize, bad: usize) -> Option<&'static str> {
    match text.trim_start().chars().next() {
        Some('[') => {
            Some("the file is one JSON list; convert it to one object per line: jq -c '.[]' OLD > NEW")
        }
        Some('{') if bad == rows || bad > rows / 2 => {
            Some("write each object on one line: jq -c . OLD > NEW")
        }
        Some('{') => None,
        _ => Some("for delimited text use the source `csv`"),
    }
}

fn kind(value: &Value) -> CellType {
    match value {
        Value::Null => CellType::Empty,
        Value::Bool(_) => CellType::Bool,
        Value::Number(number) if number.is_i64() => CellType::Int,
        Value::Number(number) if number.is_f64() => CellType::Float,
        // Beyond i64: a hash or another identifier, not a quantity.
        Value::Number(_) => CellType::Text,
        Value::String(text) if text.is_empty() => CellType::Empty,
        Value::Array(items) => ListItemKind::from_values(items).map_or(CellType::Text, CellType::List),
        Value::String(_) | Value::Object(_) => CellType::Text,
    }
}

/// A value as text that a builder of any matching type can parse.
fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
