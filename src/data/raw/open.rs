//! A file of new rows, opened as the training file was: its table's reading, its source's settings, its
//! cells' kinds.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use polars::prelude::{Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn, StringChunked};

use crate::data::error::DataError;
use crate::data::frame::{Frame, SourceFile};
use crate::data::raw::ReadingError;
use crate::data::reading::stored;
use crate::data::source::{CellType, OpenedFile, SourceConfig, of_ending};
use crate::domain::choice_config::Choice;
use crate::domain::name::{ColumnName, TableName};
use crate::domain::reading::{CellKind, TableSchema};

/// The reading of the table that the rows of a file belong to; `table` names it. None where the model's card
/// tells of no reading.
pub(super) fn reading_of<'a>(
    readings: &'a IndexMap<TableName, TableSchema>,
    file: &Path,
    table: Option<&str>,
) -> Result<Option<&'a TableSchema>, DataError> {
    let tables = || readings.keys().map(ToString::to_string).collect::<Vec<_>>();
    if let Some(table) = table {
        let result = readings.iter().find(|(name, _)| name.as_str() == table);
        let (_, reading) =
            result.ok_or_else(|| ReadingError::NoTable { table: table.to_owned(), tables: tables() })?;
        return Ok(Some(reading));
    }
    let all: Vec<&TableSchema> = readings.values().collect();
    let named = |reading: &&&TableSchema| {
        let path = source_of(reading).ok().map(|source| PathBuf::from(source.path()));
        path.is_some_and(|path| path.file_name() == file.file_name())
    };
    let of_kind = |reading: &&&TableSchema| {
        let own = source_of(reading).ok();
        match (own, of_ending(file)) {
            (Some(SourceConfig::Images(_)), _) if file.is_dir() => true,
            (Some(own), Ok(other)) => own.name() == other.name(),
            _ => false,
        }
    };
    let by_name: Vec<&TableSchema> = all.iter().filter(named).copied().collect();
    let by_kind: Vec<&TableSchema> = all.iter().filter(of_kind).copied().collect();
    let fitting = [by_name, by_kind, all].into_iter().find(|some| !some.is_empty()).unwrap_or_default();
    match fitting.as_slice() {
        [] => Ok(None),
        [first, others @ ..] if others.iter().all(|other| is_read_alike(first, other)) => Ok(Some(*first)),
        _ => Err(ReadingError::WhichTable { tables: tables() }.into()),
    }
}

/// Does it make no difference which of two readings is taken?
fn is_read_alike(one: &TableSchema, other: &TableSchema) -> bool {
    let settings = |reading: &TableSchema| {
        let mut reading = reading.clone();
        let config = reading.source.as_object_mut().and_then(|source| source.values_mut().next());
        if let Some(config) = config.and_then(serde_json::Value::as_object_mut) {
            config.remove("path");
        }
        reading
    };
    settings(one) == settings(other)
}

fn source_of(reading: &TableSchema) -> Result<SourceConfig, DataError> {
    serde_json::from_value(reading.source.clone())
        .map_err(|cause| ReadingError::Card { reason: cause.to_string() }.into())
}

/// How the file is to be opened: with the settings of training where it is of the same kind.
pub(super) fn source_for(reading: Option<&TableSchema>, file: &Path) -> Result<SourceConfig, DataError> {
    let by_ending = of_ending(file);
    let Some(reading) = reading else { return by_ending };
    let own = source_of(reading)?;
    let ending = |path: &Path| path.extension().map(|ending| ending.to_ascii_lowercase());
    let same_ending = ending(Path::new(own.path())) == ending(file);
    let path = file.to_string_lossy().into_owned();
    Ok(match (own, by_ending) {
        (SourceConfig::Images(own), _) if file.is_dir() => SourceConfig::Images(own.of_folder(path)),
        (SourceConfig::Images(own), other) => match own.of_labels(file) {
            Some(own) => SourceConfig::Images(own),
            None => other?,
        },
        (own, _) if same_ending => own.at(path),
        (SourceConfig::Csv(own), Ok(SourceConfig::Csv(plain))) => {
            // A file that is separated by tabs says so by its name.
            let separator = if is_tabbed(file) { plain.separator } else { own.separator.clone() };
            SourceConfig::Csv(crate::data::source::csv::CsvConfig { path, separator, ..own })
        }
        (_, Ok(by_ending)) => by_ending,
        (own, Err(_)) if own.is_one_file() => own.at(path),
        (_, Err(error)) => return Err(error),
    })
}

fn is_tabbed(file: &Path) -> bool {
    let name = file.to_string_lossy().to_lowercase();
    [".tsv", ".tab"]
        .iter()
        .any(|ending| name.trim_end_matches(".gz").trim_end_matches(".zst").ends_with(ending))
}

/// The columns that must be of their kind in training, since a query computes with them; and those that are
/// read as they are written.
pub(super) struct RequiredColumns<'a> {
    pub computed: IndexMap<&'a str, CellKind>,
    pub texts: HashSet<&'a str>,
}

/// The file's table: cells that mean a missing value are missing, whatever the file's form.
pub(super) fn table(
    source: &SourceConfig,
    file: &Path,
    reading: Option<&TableSchema>,
    wanted: &RequiredColumns<'_>,
) -> Result<(Frame, Vec<String>), DataError> {
    let location = match source {
        SourceConfig::Images(images) => Path::new(&images.path),
        _ => file,
    };
    let sheet = OpenedFile::open(source, location)?;
    let notes = sheet.notes().into_iter().map(|note| note.text).collect();
    let names: Vec<String> = sheet.kinds().map_or_else(Vec::new, |(names, _)| names.to_vec());
    let own: Vec<CellType> = sheet.kinds().map_or_else(Vec::new, |(_, kinds)| kinds.to_vec());
    let trained = |name: &str| of_cells(*reading?.columns.get(name)?);
    let kind = |(name, own): (&String, &CellType)| {
        let (name, fits) = (name.as_str(), |kind: &CellType| own.join(*kind) == *kind);
        if wanted.computed.contains_key(name) {
            trained(name).filter(fits).unwrap_or(if trained(name).is_some() { CellType::Text } else { *own })
        } else if wanted.texts.contains(name) && !matches!(own, CellType::List(_)) {
            trained(name).filter(fits).unwrap_or(CellType::Text)
        } else {
            *own
        }
    };
    let kinds: Vec<CellType> = names.iter().zip(&own).map(kind).collect();
    let (table, origin) = sheet.build(&kinds)?;
    if table.height() == 0 {
        return Err(DataError::NoRows { file: file.to_owned() });
    }
    let missing = match reading.map(source_of).transpose()? {
        Some(SourceConfig::Csv(own)) if !matches!(source, SourceConfig::Csv(_)) => own.missing,
        _ => vec![],
    };
    let table = without(table, &missing)?;
    Ok((typed(table, origin, wanted)?, notes))
}

/// The kind of a text file's column whose cells are these.
pub(super) fn of_cells(kind: CellKind) -> Option<CellType> {
    match kind {
        CellKind::Bool => Some(CellType::Bool),
        CellKind::Whole => Some(CellType::Int),
        CellKind::Number => Some(CellType::Float),
        CellKind::Text => Some(CellType::Text),
        CellKind::Time | CellKind::List | CellKind::Bytes | CellKind::Other => None,
    }
}

/// Texts that mean a missing value, missing.
fn without(table: DataFrame, missing: &[String]) -> Result<DataFrame, DataError> {
    if missing.is_empty() {
        return Ok(table);
    }
    let numbers: Vec<f64> = missing.iter().filter_map(|word| word.trim().parse().ok()).collect();
    let means = |text: &str| missing.iter().any(|word| word.trim() == text.trim());
    let clean = |column: &Column| match column.str() {
        Ok(texts) => {
            let kept: StringChunked = texts.iter().map(|text| text.filter(|text| !means(text))).collect();
            kept.with_name(column.name().clone()).into_column()
        }
        Err(_) => numbers_without(column, &numbers),
    };
    let columns = table.columns().iter().map(clean).collect();
    DataFrame::new(table.height(), columns).map_err(|cause| DataError::Query { reason: cause.to_string() })
}

/// Numbers that mean a missing value, missing: a word such as `-999` is a number where a file has types.
fn numbers_without(column: &Column, missing: &[f64]) -> Column {
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

/// The columns that a query computes with, of their kind in training.
fn typed(mut table: DataFrame, origin: SourceFile, wanted: &RequiredColumns<'_>) -> Result<Frame, DataError> {
    let frame = Frame::new(table.clone(), vec![origin]);
    for (name, kind) in &wanted.computed {
        let Ok(column) = table.column(name) else { continue };
        let own = stored(column.dtype());
        let to = match (own, kind) {
            (own, kind) if own == *kind => continue,
            (CellKind::Whole, CellKind::Number) => DataType::Float64,
            (CellKind::Whole | CellKind::Number | CellKind::Bool, CellKind::Text) => DataType::String,
            _ if column.null_count() == column.len() => target(*kind).unwrap_or(DataType::Null),
            _ => return Err(other_kind(&frame, name, *kind)),
        };
        let cast = column.cast(&to).map_err(|cause| DataError::Query { reason: cause.to_string() })?;
        table.with_column(cast).map_err(|cause| DataError::Query { reason: cause.to_string() })?;
    }
    Ok(frame.with_columns(table))
}

fn target(kind: CellKind) -> Option<DataType> {
    match kind {
        CellKind::Bool => Some(DataType::Boolean),
        CellKind::Whole => Some(DataType::Int64),
        CellKind::Number => Some(DataType::Float64),
        CellKind::Text => Some(DataType::String),
        _ => None,
    }
}

/// Names the first cell that is of another kind than in training.
fn other_kind(frame: &Frame, name: &str, kind: CellKind) -> DataError {
    let expected = match kind {
        CellKind::Bool => "true or false",
        CellKind::Whole => "whole numbers",
        CellKind::Number => "numbers",
        CellKind::Time => "dates or times",
        _ => "of the same kind",
    };
    let (mut count, mut first, mut value) = (0, 0, String::new());
    let wanted = of_cells(kind);
    let looked = frame.cells(name).and_then(|cells| {
        cells.for_each_text(|row, text| {
            let text = text.unwrap_or("");
            let fits = text.is_empty() || wanted.is_some_and(|kind| CellType::parse(text).join(kind) == kind);
            if !fits {
                count += 1;
                if count == 1 {
                    (first, value) = (row, text.to_owned());
                }
            }
        })
    });
    if let Err(error) = looked {
        return error;
    }
    let (column, location) = (name.to_owned(), frame.cell_location(first, name));
    ReadingError::OtherKind { column, expected, value, place: location, count }.into()
}

/// A file of nothing but images is the input of images, whatever its name.
pub(super) fn name_images(source: &mut SourceConfig, input: Option<&str>) {
    if let SourceConfig::Idx(idx) = source {
        // Files that a card names are not read: labels are not needed.
        idx.labels.clear();
        idx.column = input.and_then(ColumnName::new).or(idx.column.take());
    }
}
