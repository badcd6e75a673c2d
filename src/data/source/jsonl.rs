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

/// One JSON object per line. Lists of numbers, of texts, and of lists of numbers are columns of lists; other
/// lists and objects inside a row are kept as their JSON text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonlConfig {
    /// Relative to the pipeline file.
    pub path: String,
}

impl Settings for JsonlConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{jsonl: {path: data/rows.jsonl}}";
}

/// A file of JSON lines whose every line has been checked.
pub(in crate::data) struct Jsonl {
    file: PathBuf,
    text: String,
    /// Byte range of each row.
    rows: Vec<(usize, usize)>,
    pub names: Vec<String>,
    pub kinds: Vec<CellType>,
    origin: SourceFile,
}

/// Rows that one thread reads in one go.
const STRETCH: usize = 4096;

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
        let surveys: Vec<JsonScan> = rows
            .par_chunks(STRETCH)
            .zip(numbers.par_chunks(STRETCH))
            .map(|(rows, numbers)| JsonScan::scan(&text, rows, numbers))
            .collect();
        let count = surveys.iter().map(|scan| scan.bad).sum();
        let mut columns: IndexMap<String, CellType> = IndexMap::new();
        for scan in surveys {
            if let Some((line, reason)) = scan.first_bad {
                let help = likely(&text, rows.len(), count);
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

    /// The table, its columns of these kinds, which must hold the file's own.
    pub fn build(self, kinds: &[CellType]) -> Result<(DataFrame, SourceFile), DataError> {
        let parts: Result<Vec<DataFrame>, DataError> =
            self.rows.par_chunks(STRETCH).map(|rows| self.part(rows, kinds)).collect();
        let mut parts = parts?.into_iter();
        let mut table = match parts.next() {
            Some(first) => first,
            None => self.part(&[], kinds)?,
        };
        for part in parts {
            table.vstack_mut_owned(part).map_err(|cause| self.refuse(cause.to_string()))?;
        }
        table.rechunk_mut_par();
        Ok((table, self.origin))
    }

    fn part(&self, rows: &[(usize, usize)], kinds: &[CellType]) -> Result<DataFrame, DataError> {
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
        DataError::NotOfForm { file: self.file.clone(), form: "a file of JSON lines", reason }
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

/// What a first pass over some rows finds.
#[derive(Default)]
struct JsonScan {
    /// In order of appearance.
    columns: IndexMap<String, CellType>,
    /// Line and reason of the first that is no row, and how many there are.
    first_bad: Option<(u32, String)>,
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

/// A line's object, or why it holds none.
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
        other => Err(format!("a row is one JSON object, such as {{\"age\": 41}}, not {}", found(&other))),
    }
}

/// What a value is, for people.
fn found(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Null | Value::Bool(_) => "null, true or false",
        Value::Object(_) => "an object",
    }
}

/// What a file that does not read most likely is.
fn likely(text: &str, rows: usize, bad: usize) -> Option<&'static str> {
    match text.trim_start().chars().next() {
        Some('[') => {
            Some("the file is one JSON list; write a line for each of its objects: jq -c '.[]' OLD > NEW")
        }
        Some('{') if bad == rows || bad > rows / 2 => {
            Some("an object must stand on one line: jq -c . OLD > NEW")
        }
        Some('{') => None,
        _ => Some("lines of fields with a separator between them are read by `csv`"),
    }
}

fn kind(value: &Value) -> CellType {
    match value {
        Value::Null => CellType::Empty,
        Value::Bool(_) => CellType::Bool,
        Value::Number(number) if number.is_i64() => CellType::Int,
        Value::Number(number) if number.is_f64() => CellType::Float,
        // Beyond i64: a hash or another name, not an amount.
        Value::Number(_) => CellType::Text,
        Value::String(text) if text.is_empty() => CellType::Empty,
        Value::Array(items) => ListItemKind::from_values(items).map_or(CellType::Text, CellType::List),
        Value::String(_) | Value::Object(_) => CellType::Text,
    }
}

/// A value as the text a builder of any kind that holds it can read.
fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
