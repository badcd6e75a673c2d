//! Opens a file of new rows as the training file was opened: with the same source settings and cell kinds.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use polars::prelude::{Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn, StringChunked};

use crate::data::error::DataError;
use crate::data::frame::{Frame, SourceFile};
use crate::data::raw::ReadingError;
use crate::data::reading::stored;
use crate::data::source::csv::{CsvConfig, is_tsv};
use crate::data::source::{CellType, OpenedFile, SourceConfig, source_from_extension};
use crate::domain::choice_config::Choice;
use crate::domain::name::{ColumnName, TableName};
use crate::domain::table_schema::{CellKind, TableSchema};

/// The schema of the table that the rows of a file belong to: the one named `table`, else by file name or
/// source kind. `None` when the model's card has no schemas.
pub(super) fn reading_of<'a>(
    readings: &'a IndexMap<TableName, TableSchema>,
    file: &Path,
    table: Option<&str>,
) -> Result<Option<&'a TableSchema>, DataError> {
    let tables = || readings.keys().map(ToString::to_string).collect::<Vec<_>>();
    if let Some(table) = table {
        let named = readings.iter().find(|(name, _)| name.as_str() == table);
        let (_, reading) =
            named.ok_or_else(|| ReadingError::NoTable { table: table.to_owned(), tables: tables() })?;
        return Ok(Some(reading));
    }
    let all: Vec<&TableSchema> = readings.values().collect();
    let has_same_name = |reading: &&&TableSchema| {
        let path = source_of(reading).ok().map(|source| PathBuf::from(source.path()));
        path.is_some_and(|path| path.file_name() == file.file_name())
    };
    let has_same_kind = |reading: &&&TableSchema| {
        let own = source_of(reading).ok();
        match (own, source_from_extension(file)) {
            (Some(SourceConfig::Images(_)), _) if file.is_dir() => true,
            (Some(own), Ok(other)) => own.name() == other.name(),
            _ => false,
        }
    };
    let by_name: Vec<&TableSchema> = all.iter().filter(has_same_name).copied().collect();
    let by_kind: Vec<&TableSchema> = all.iter().filter(has_same_kind).copied().collect();
    let candidates =
        [by_name, by_kind, all].into_iter().find(|matching| !matching.is_empty()).unwrap_or_default();
    match candidates.as_slice() {
        [] => Ok(None),
        [first, others @ ..] if others.iter().all(|other| have_same_settings(first, other)) => {
            Ok(Some(*first))
        }
        _ => Err(ReadingError::WhichTable { tables: tables() }.into()),
    }
}

/// Are two schemas equal, except for the path of the source?
fn have_same_settings(first: &TableSchema, second: &TableSchema) -> bool {
    let settings = |reading: &TableSchema| {
        let mut reading = reading.clone();
        let config = reading.source.as_object_mut().and_then(|source| source.values_mut().next());
        if let Some(config) = config.and_then(serde_json::Value::as_object_mut) {
            config.remove("path");
        }
        reading
    };
    settings(first) == settings(second)
}

fn source_of(reading: &TableSchema) -> Result<SourceConfig, DataError> {
    serde_json::from_value(reading.source.clone())
        .map_err(|cause| ReadingError::Card { reason: cause.to_string() }.into())
}

/// The source for a new file: with the settings of the training source if it is of the same kind.
pub(super) fn source_for(reading: Option<&TableSchema>, file: &Path) -> Result<SourceConfig, DataError> {
    let by_extension = source_from_extension(file);
    let Some(reading) = reading else { return by_extension };
    let own = source_of(reading)?;
    let extension = |path: &Path| path.extension().map(|extension| extension.to_ascii_lowercase());
    let same_extension = extension(Path::new(own.path())) == extension(file);
    let path = file.to_string_lossy().into_owned();
    Ok(match (own, by_extension) {
        (SourceConfig::Images(own), _) if file.is_dir() => SourceConfig::Images(own.for_folder(path)),
        (SourceConfig::Images(own), other) => match own.for_labels(file) {
            Some(own) => SourceConfig::Images(own),
            None => other?,
        },
        (own, _) if same_extension => own.with_path(path),
        (SourceConfig::Csv(own), Ok(SourceConfig::Csv(plain))) => {
            // The extension decides about tabs.
            let separator = if is_tsv(file) { plain.separator } else { own.separator.clone() };
            SourceConfig::Csv(CsvConfig { path, separator, ..own })
        }
        (_, Ok(by_extension)) => by_extension,
        (own, Err(_)) if own.is_one_file() => own.with_path(path),
        (_, Err(error)) => return Err(error),
    })
}

/// Columns with requirements on their type.
pub(super) struct RequiredColumns<'a> {
    /// Columns that the query uses, with their kind in training, which they must have.
    pub computed: IndexMap<&'a str, CellKind>,
    /// Columns of keys or texts: read with their kind in training if it fits, else as text.
    pub texts: HashSet<&'a str>,
}

/// Reads the file: its rows, with the training source's missing-value texts applied whatever the file's
/// format, and notes.
pub(super) fn read_table(
    source: &SourceConfig,
    file: &Path,
    reading: Option<&TableSchema>,
    required: &RequiredColumns<'_>,
) -> Result<(Frame, Vec<String>), DataError> {
    let path = match source {
        SourceConfig::Images(images) => Path::new(&images.path),
        _ => file,
    };
    let opened = OpenedFile::open(source, path)?;
    let notes = opened.notes().into_iter().map(|note| note.text).collect();
    let trained = |name: &str| cell_type(*reading?.columns.get(name)?);
    let kind = |(name, own): (&String, &CellType)| {
        let (name, fits) = (name.as_str(), |kind: &CellType| own.join(*kind) == *kind);
        if required.computed.contains_key(name) {
            trained(name).filter(fits).unwrap_or(if trained(name).is_some() { CellType::Text } else { *own })
        } else if required.texts.contains(name) && !matches!(own, CellType::List(_)) {
            trained(name).filter(fits).unwrap_or(CellType::Text)
        } else {
            *own
        }
    };
    let kinds: Vec<CellType> =
        opened.kinds().map_or_else(Vec::new, |(names, own)| names.iter().zip(own).map(kind).collect());
    let (table, origin) = opened.build(&kinds)?;
    if table.height() == 0 {
        return Err(DataError::NoRows { file: file.to_owned() });
    }
    let missing = match reading.map(source_of).transpose()? {
        Some(SourceConfig::Csv(own)) if !matches!(source, SourceConfig::Csv(_)) => own.missing,
        _ => vec![],
    };
    let table = with_missing(table, &missing)?;
    Ok((typed(table, origin, required)?, notes))
}

/// The type that a text file's column of this kind is read as.
pub(super) fn cell_type(kind: CellKind) -> Option<CellType> {
    match kind {
        CellKind::Bool => Some(CellType::Bool),
        CellKind::Whole => Some(CellType::Int),
        CellKind::Number => Some(CellType::Float),
        CellKind::Text => Some(CellType::Text),
        CellKind::Time | CellKind::List | CellKind::Bytes | CellKind::Other => None,
    }
}

/// Replaces the texts and numbers that mean a missing value by nulls.
fn with_missing(table: DataFrame, missing: &[String]) -> Result<DataFrame, DataError> {
    if missing.is_empty() {
        return Ok(table);
    }
    let numbers: Vec<f64> = missing.iter().filter_map(|word| word.trim().parse().ok()).collect();
    let is_missing = |text: &str| missing.iter().any(|word| word.trim() == text.trim());
    let clean = |column: &Column| match column.str() {
        Ok(texts) => {
            let kept: StringChunked =
                texts.iter().map(|text| text.filter(|text| !is_missing(text))).collect();
            kept.with_name(column.name().clone()).into_column()
        }
        Err(_) => numbers_with_missing(column, &numbers),
    };
    let columns = table.columns().iter().map(clean).collect();
    DataFrame::new(table.height(), columns).map_err(DataError::query)
}

/// Replaces numbers that mean a missing value by nulls: the text `-999` is a number in a file with types.
fn numbers_with_missing(column: &Column, missing: &[f64]) -> Column {
    let name = column.name().clone();
    if let Ok(values) = column.i64() {
        let kept: Int64Chunked =
            values.iter().map(|value| value.filter(|value| !missing.contains(&(*value as f64)))).collect();
        return kept.with_name(name).into_column();
    }
    match column.f64() {
        Ok(values) => {
            let kept: Float64Chunked =
                values.iter().map(|value| value.filter(|value| !missing.contains(value))).collect();
            kept.with_name(name).into_column()
        }
        Err(_) => column.clone(),
    }
}

/// Casts the columns that a query uses to their kind in training.
fn typed(
    mut table: DataFrame,
    origin: SourceFile,
    required: &RequiredColumns<'_>,
) -> Result<Frame, DataError> {
    let frame = Frame::new(table.clone(), vec![origin]);
    for (name, kind) in &required.computed {
        let Ok(column) = table.column(name) else { continue };
        let own = stored(column.dtype());
        let to = match (own, kind) {
            (own, kind) if own == *kind => continue,
            (CellKind::Whole, CellKind::Number) => DataType::Float64,
            (CellKind::Whole | CellKind::Number | CellKind::Bool, CellKind::Text) => DataType::String,
            _ if column.null_count() == column.len() => data_type(*kind),
            _ => return Err(other_kind(&frame, name, *kind)),
        };
        let cast = column.cast(&to).map_err(DataError::query)?;
        table.with_column(cast).map_err(DataError::query)?;
    }
    Ok(frame.with_columns(table))
}

fn data_type(kind: CellKind) -> DataType {
    match kind {
        CellKind::Bool => DataType::Boolean,
        CellKind::Whole => DataType::Int64,
        CellKind::Number => DataType::Float64,
        CellKind::Text => DataType::String,
        _ => DataType::Null,
    }
}

/// The error for a column with cells of another kind than in training: names the first of them.
fn other_kind(frame: &Frame, name: &str, kind: CellKind) -> DataError {
    let expected = match kind {
        CellKind::Bool => "true or false",
        CellKind::Whole => "whole numbers",
        CellKind::Number => "numbers",
        CellKind::Time => "dates or times",
        _ => "of the same kind",
    };
    let (mut count, mut first, mut value) = (0, 0, String::new());
    let trained = cell_type(kind);
    let checked = frame.cells(name).and_then(|cells| {
        cells.for_each_text(|row, text| {
            let text = text.unwrap_or("");
            let fits =
                text.is_empty() || trained.is_some_and(|kind| CellType::parse(text).join(kind) == kind);
            if !fits {
                count += 1;
                if count == 1 {
                    (first, value) = (row, text.to_owned());
                }
            }
        })
    });
    if let Err(error) = checked {
        return error;
    }
    let (column, location) = (name.to_owned(), frame.cell_location(first, name));
    ReadingError::OtherKind { column, expected, value, place: location, count }.into()
}

/// Names the only column of an IDX file after the image input.
pub(super) fn name_images(source: &mut SourceConfig, input: Option<&str>) {
    if let SourceConfig::Idx(idx) = source {
        // Labels are not needed, and files named in a card are not read.
        idx.labels.clear();
        idx.column = input.and_then(ColumnName::new).or(idx.column.take());
    }
}
