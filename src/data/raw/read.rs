//! Reads new rows with the settings of the training rows: the model's input values.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::load::LoadedTable;
use crate::data::raw::column::{self, ReadCells};
use crate::data::raw::expression::check_row_expression;
use crate::data::raw::input_warnings::merged;
use crate::data::raw::open::{RequiredColumns, name_images, read_table, reading_of, source_for};
use crate::data::raw::values::RawColumn;
use crate::data::raw::{PredictionColumn, ReadingError};
use crate::data::source::{compute, kept_rows};
use crate::domain::array::{Array, ElementType};
use crate::domain::diagnostic::Path as Node;
use crate::domain::name::InputName;
use crate::domain::signature::{Encoding, InputSignature, Signature, TokenPlane};
use crate::domain::table_schema::{CellKind, Expression, InputReading, TableSchema};

/// New rows that match a signature.
#[derive(Clone, Debug)]
pub struct RawTable {
    /// Number of rows.
    pub rows: usize,
    /// Warnings about the rows.
    pub notes: Vec<String>,
    inputs: Vec<(InputName, RawColumn)>,
    frame: Frame,
}

/// The file of new rows, and how to read it.
#[derive(Clone, Debug, Default)]
pub struct RawRows {
    /// Path of the file.
    pub file: PathBuf,
    /// The table of the pipeline whose settings apply, if there are several.
    pub table: Option<String>,
    /// Are the rows already the result of the pipeline's query and `rename`?
    pub prepared: bool,
}

impl RawRows {
    /// Reads the format that the file's extension names.
    pub fn from_file(file: &Path) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }
}

/// Reads the columns that a model needs, with the settings in its card. The file extension determines the
/// source kind. Label columns are not needed.
///
/// # Errors
///
/// The problems of all inputs together, at `inputs.<input>`; or why the file cannot be read.
pub fn read(rows: &RawRows, signature: &Signature) -> Result<RawTable, DataError> {
    let file = &rows.file;
    let reading = reading_of(&signature.readings, file, rows.table.as_deref())?;
    if let Some(reason) = reading.and_then(|reading| reading.not_row_wise.as_ref()).filter(|_| !rows.prepared)
    {
        let wanted: Vec<String> = signature.inputs.iter().map(|input| input.name.to_string()).collect();
        return Err(ReadingError::NotRowWise { file: file.clone(), reason: reason.clone(), wanted }.into());
    }
    let sources: Vec<InputSource<'_>> = signature
        .inputs
        .iter()
        .map(|input| InputSource::from_reading(input, reading, rows.prepared))
        .collect();
    let seconds: Vec<Option<InputSource<'_>>> =
        signature.inputs.iter().map(|input| InputSource::of_second(input, reading, rows.prepared)).collect();
    let all = || sources.iter().chain(seconds.iter().flatten());
    let filters = reading.filter(|_| !rows.prepared).map_or(&[][..], |reading| &reading.filters);
    let expressions = || all().filter_map(|source| source.expression).chain(filters);
    expressions().try_for_each(check_row_expression)?;
    let mut source = source_for(reading, file)?;
    let is_image = |input: &&InputSignature| matches!(input.encoding, Encoding::Image { .. });
    name_images(&mut source, signature.inputs.iter().find(is_image).map(|input| input.name.as_str()));
    let computed = expressions()
        .flat_map(|expression| &expression.columns)
        .filter_map(|name| Some((name.as_str(), *reading?.columns.get(name)?)));
    let texts = all().filter(|source| source.is_text).filter_map(|source| source.column).collect();
    let (frame, mut notes) =
        read_table(&source, file, reading, &RequiredColumns { computed: computed.collect(), texts })?;
    let frame = filtered(frame, filters, &mut notes, file)?;
    let computed = computed_columns(&frame, all())?;
    let (mut inputs, mut warnings, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for ((input, source), second) in signature.inputs.iter().zip(&sources).zip(&seconds) {
        // A column that was missing in training may be present now.
        if source.expression.is_none() && source.column.is_none() && !frame.has(source.input) {
            inputs.push((input.name.clone(), column::missing(input, frame.rows())));
            continue;
        }
        let cells = |source: &InputSource<'_>| match source.expression {
            Some(expression) => match missing_column(&frame, expression) {
                None => computed.cells(source.input),
                Some(column) => Err(no_column(file, &frame, column, source.input, expression)),
            },
            None => frame.cells(source.column.unwrap_or(source.input)),
        };
        let read = cells(source).and_then(|first| {
            let second = second.as_ref().map(|second| Ok::<_, DataError>((cells(second)?, second.kind)));
            let second = second.transpose()?;
            let second = second.as_ref().map(|(cells, kind)| ReadCells { cells, kind: *kind });
            column::read(input, ReadCells { cells: &first, kind: source.kind }, second, &frame)
        });
        match read {
            Ok((column, own)) => {
                inputs.push((input.name.clone(), column));
                warnings.extend(own);
            }
            Err(error) => problems.push(error.at(Node::from_key("inputs").key(&input.name))),
        }
    }
    DataError::unless_empty(problems)?;
    notes.extend(merged(warnings));
    Ok(RawTable { rows: frame.rows(), notes, inputs, frame })
}

/// Where an input's cells come from in the new file.
struct InputSource<'a> {
    input: &'a str,
    column: Option<&'a str>,
    expression: Option<&'a Expression>,
    /// The kind of its cells in training; `None` with cards of earlier versions.
    kind: Option<CellKind>,
    is_text: bool,
}

impl<'a> InputSource<'a> {
    fn from_reading(input: &'a InputSignature, reading: Option<&'a TableSchema>, prepared: bool) -> Self {
        let of_texts = matches!(input.encoding, Encoding::Tokens { .. } | Encoding::Registered { .. });
        let is_text = input.raw == ElementType::Text || of_texts;
        Self::of_column(input.name.as_str(), is_text, reading, prepared)
    }

    /// The source of the second text of an input of pairs.
    fn of_second(
        input: &'a InputSignature,
        reading: Option<&'a TableSchema>,
        prepared: bool,
    ) -> Option<Self> {
        match &input.encoding {
            Encoding::Tokens { plane: Some(TokenPlane::Segments { column }), .. } => {
                Some(Self::of_column(column.as_str(), true, reading, prepared))
            }
            _ => None,
        }
    }

    fn of_column(input: &'a str, is_text: bool, reading: Option<&'a TableSchema>, prepared: bool) -> Self {
        let inputs = reading.map(|reading| &reading.inputs).into_iter().flatten();
        let own: Option<&InputReading> =
            inputs.into_iter().find(|(name, _)| name.as_str() == input).map(|(_, own)| own);
        let kind = own.map(|own| own.kind);
        match own {
            Some(own) if !prepared => Self {
                input,
                column: own.column.as_deref(),
                expression: own.expression.as_ref(),
                kind,
                is_text,
            },
            _ => Self { input, column: Some(input), expression: None, kind, is_text },
        }
    }
}

/// The rows for which the query's conditions hold; skips conditions on columns that the file does not have,
/// such as labels.
fn filtered(
    frame: Frame,
    filters: &[Expression],
    notes: &mut Vec<String>,
    file: &Path,
) -> Result<Frame, DataError> {
    let mut applied = Vec::new();
    for filter in filters {
        match missing_column(&frame, filter) {
            None => applied.push(filter),
            Some(column) => notes.push(format!(
                "the query's condition `{}` is skipped: there is no column `{column}`",
                filter.sql
            )),
        }
    }
    if applied.is_empty() {
        return Ok(frame);
    }
    let rows = kept_rows(frame.table(), &applied)?;
    let dropped = frame.rows() - rows.len();
    if rows.is_empty() {
        return Err(DataError::NoRowsAfterQuery { file: file.to_owned() });
    }
    if dropped > 0 {
        let conditions: Vec<String> = applied.iter().map(|filter| format!("`{}`", filter.sql)).collect();
        notes.push(format!(
            "{dropped} of {} rows are dropped by the conditions of the pipeline's query: {}",
            frame.rows(),
            conditions.join(", ")
        ));
        return frame.pick(&rows);
    }
    Ok(frame)
}

/// Computes the query's expressions whose columns are all present.
fn computed_columns<'a>(
    frame: &Frame,
    sources: impl Iterator<Item = &'a InputSource<'a>>,
) -> Result<Frame, DataError> {
    let mut seen = HashSet::new();
    let expressions: Vec<(String, &Expression)> = sources
        .filter(|source| seen.insert(source.input))
        .filter_map(|source| Some((source.input.to_owned(), source.expression?)))
        .filter(|(_, expression)| missing_column(frame, expression).is_none())
        .collect();
    Ok(frame.with_columns(compute(frame.table(), &expressions)?))
}

/// The first column of an expression that the file does not have.
fn missing_column<'a>(frame: &Frame, expression: &'a Expression) -> Option<&'a str> {
    expression.columns.iter().find(|name| !frame.has(name)).map(String::as_str)
}

fn no_column(file: &Path, frame: &Frame, column: &str, input: &str, expression: &Expression) -> DataError {
    ReadingError::NoColumnOf {
        file: file.to_owned(),
        column: column.to_owned(),
        input: input.to_owned(),
        sql: expression.sql.clone(),
        known: frame.columns(),
    }
    .into()
}

/// The model's input values of a table that was loaded for training. A column that the table lacks is missing
/// on all rows, as in fitting.
///
/// # Errors
///
/// The problems of all inputs together, at `inputs.<input>`.
pub fn loaded_rows(table: &LoadedTable, signature: &Signature) -> Result<RawTable, DataError> {
    let frame = &table.frame;
    let (mut inputs, mut problems) = (Vec::new(), Vec::new());
    for input in &signature.inputs {
        let read = match frame.has(input.name.as_str()) {
            false => Ok(column::missing(input, frame.rows())),
            true => loaded_column(input, frame),
        };
        match read {
            Ok(column) => inputs.push((input.name.clone(), column)),
            Err(error) => problems.push(error.at(Node::from_key("inputs").key(&input.name))),
        }
    }
    DataError::unless_empty(problems)?;
    Ok(RawTable { rows: frame.rows(), notes: Vec::new(), inputs, frame: frame.clone() })
}

fn loaded_column(input: &InputSignature, frame: &Frame) -> Result<RawColumn, DataError> {
    let first = frame.cells(input.name.as_str())?;
    let second = match &input.encoding {
        Encoding::Tokens { plane: Some(TokenPlane::Segments { column }), .. } => {
            Some(frame.cells(column.as_str())?)
        }
        _ => None,
    };
    let with_kind = |cells| ReadCells { cells, kind: Some(CellKind::from_cells(cells)) };
    column::read(input, with_kind(&first), second.as_ref().map(with_kind), frame).map(|(column, _)| column)
}

impl RawTable {
    /// The model's inputs for these rows, in the signature's order; sequences are padded to the longest.
    pub fn pick(&self, rows: &[u32]) -> Vec<(InputName, Array)> {
        self.inputs.iter().map(|(name, column)| (name.clone(), column.pick(rows))).collect()
    }

    /// The model's inputs for a range of rows, in the signature's order: `[rows, 1]` each, or sequences
    /// padded to the longest of these rows.
    pub fn batch(&self, rows: Range<usize>) -> Vec<(InputName, Array)> {
        let rows = rows.start.min(self.rows)..rows.end.min(self.rows);
        self.inputs.iter().map(|(name, column)| (name.clone(), column.rows(rows.clone()))).collect()
    }

    /// The names of the file's columns.
    pub fn columns(&self) -> Vec<String> {
        self.frame.columns()
    }

    /// The file's columns, to be written beside the predictions; bytes and nested lists are left out.
    pub fn originals(&self) -> Vec<(String, PredictionColumn)> {
        let columns = self.frame.table().columns().iter();
        columns
            .filter_map(|column| Some((column.name().to_string(), PredictionColumn::from_column(column)?)))
            .collect()
    }
}
