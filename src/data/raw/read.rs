//! New rows, read as a model's training rows were: the values it is fed.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::raw::column;
use crate::data::raw::expression::check_row_expression;
use crate::data::raw::input_warnings::merged;
use crate::data::raw::open::{RequiredColumns, name_images, reading_of, source_for, table};
use crate::data::raw::values::RawColumn;
use crate::data::raw::{AnswerColumn, ReadingError};
use crate::data::source::{compute, kept_rows};
use crate::domain::array::{Array, ElementType};
use crate::domain::diagnostic::Path as Node;
use crate::domain::name::InputName;
use crate::domain::reading::{CellKind, Expression, InputReading, TableSchema};
use crate::domain::signature::{Encoding, InputSignature, Signature};

/// New rows, checked against a signature.
#[derive(Clone, Debug)]
pub struct RawTable {
    pub rows: usize,
    /// What a person should know of the rows.
    pub notes: Vec<String>,
    inputs: Vec<(InputName, RawColumn)>,
    frame: Frame,
}

/// Which rows to read, and how.
#[derive(Clone, Debug, Default)]
pub struct RawRows {
    pub file: PathBuf,
    /// The table of the pipeline as whose rows they are read, where there are several.
    pub table: Option<String>,
    /// Are they as the pipeline's query and `rename` give them?
    pub prepared: bool,
}

impl RawRows {
    pub fn from_file(file: &Path) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }
}

/// Reads the columns a model needs, as its card says that the training rows were read; the file's kind is
/// told by its ending. Label columns are not needed. All problems at once, at `inputs.<input>`.
pub fn read(rows: &RawRows, signature: &Signature) -> Result<RawTable, DataError> {
    let file = &rows.file;
    let reading = reading_of(&signature.readings, file, rows.table.as_deref())?;
    if let Some(reason) = reading.and_then(|reading| reading.not_row_wise.as_ref()).filter(|_| !rows.prepared)
    {
        let wanted = signature.inputs.iter().map(|input| input.name.to_string()).collect();
        return Err(ReadingError::NotRowWise { file: file.clone(), reason: reason.clone(), wanted }.into());
    }
    let sources: Vec<InputSource<'_>> = signature
        .inputs
        .iter()
        .map(|input| InputSource::from_reading(input, reading, rows.prepared))
        .collect();
    let filters = reading.filter(|_| !rows.prepared).map_or(&[][..], |reading| &reading.filters);
    sources.iter().filter_map(|one| one.expression).chain(filters).try_for_each(check_row_expression)?;
    let mut source = source_for(reading, file)?;
    let is_image = |input: &&InputSignature| matches!(input.encoding, Encoding::Image { .. });
    name_images(&mut source, signature.inputs.iter().find(is_image).map(|input| input.name.as_str()));
    let expressions = sources.iter().filter_map(|one| one.expression);
    let computed = expressions
        .chain(filters)
        .flat_map(|one| &one.columns)
        .filter_map(|name| Some((name.as_str(), *reading?.columns.get(name)?)));
    let texts = sources.iter().filter(|one| one.is_text).filter_map(|one| one.column).collect();
    let (frame, mut notes) =
        table(&source, file, reading, &RequiredColumns { computed: computed.collect(), texts })?;
    let frame = chosen(frame, filters, &mut notes, file)?;
    let made = computed_columns(&frame, &sources)?;
    let (mut inputs, mut message, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (input, source) in signature.inputs.iter().zip(&sources) {
        let cells = match (source.expression, source.column) {
            (Some(expression), _) => match lacking(&frame, expression) {
                None => made.cells(input.name.as_str()),
                Some(column) => Err(no_column(file, &frame, column, input, expression)),
            },
            // A table that lacked the column in training may have it now.
            (None, None) if !frame.has(input.name.as_str()) => {
                inputs.push((input.name.clone(), column::missing(input, frame.rows())));
                continue;
            }
            (None, column) => frame.cells(column.unwrap_or(input.name.as_str())),
        };
        match cells.and_then(|cells| column::read(input, source.kind, &cells, &frame)) {
            Ok((column, text)) => {
                inputs.push((input.name.clone(), column));
                message.extend(text);
            }
            Err(error) => problems.push(error.at(Node::from_key("inputs").key(&input.name))),
        }
    }
    DataError::unless_empty(problems)?;
    notes.extend(merged(message));
    Ok(RawTable { rows: frame.rows(), notes, inputs, frame })
}

/// Where an input's cells come from in the file at hand.
struct InputSource<'a> {
    input: &'a str,
    column: Option<&'a str>,
    expression: Option<&'a Expression>,
    /// What its cells were in training; unknown to the cards of earlier versions.
    kind: Option<CellKind>,
    is_text: bool,
}

impl<'a> InputSource<'a> {
    fn from_reading(input: &'a InputSignature, reading: Option<&'a TableSchema>, prepared: bool) -> Self {
        let of_texts = matches!(input.encoding, Encoding::Tokens { .. } | Encoding::Registered { .. });
        let is_text = input.raw == ElementType::Text || of_texts;
        let own: Option<&InputReading> = reading.and_then(|reading| reading.inputs.get(&input.name));
        let (kind, input) = (own.map(|own| own.kind), input.name.as_str());
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

/// The rows for which the query's conditions are true; those whose columns the file lacks, such as labels,
/// are not asked.
fn chosen(
    frame: Frame,
    filters: &[Expression],
    notes: &mut Vec<String>,
    file: &Path,
) -> Result<Frame, DataError> {
    let (asked, left): (Vec<_>, Vec<_>) =
        filters.iter().partition(|filter| lacking(&frame, filter).is_none());
    for filter in left {
        let column = lacking(&frame, filter).unwrap_or_default();
        notes.push(format!(
            "the query's condition `{}` is not asked: there is no column `{column}`",
            filter.sql
        ));
    }
    if asked.is_empty() {
        return Ok(frame);
    }
    let rows = kept_rows(frame.table(), &asked)?;
    let dropped = frame.rows() - rows.len();
    if rows.is_empty() {
        return Err(DataError::NoRowsAfterQuery { file: file.to_owned() });
    }
    if dropped > 0 {
        let conditions: Vec<String> = asked.iter().map(|filter| format!("`{}`", filter.sql)).collect();
        notes.push(format!(
            "{dropped} of {} rows are left out, as the pipeline's query leaves them out: {}",
            frame.rows(),
            conditions.join(", ")
        ));
        return frame.pick(&rows);
    }
    Ok(frame)
}

/// The columns that the query computes, whose own columns are all there.
fn computed_columns(frame: &Frame, sources: &[InputSource<'_>]) -> Result<Frame, DataError> {
    let expressions: Vec<(String, &Expression)> = sources
        .iter()
        .filter_map(|source| Some((source.input.to_owned(), source.expression?)))
        .filter(|(_, expression)| lacking(frame, expression).is_none())
        .collect();
    Ok(frame.with_columns(compute(frame.table(), &expressions)?))
}

/// The first column of an expression that is not there.
fn lacking<'a>(frame: &Frame, expression: &'a Expression) -> Option<&'a str> {
    expression.columns.iter().find(|name| !frame.has(name)).map(String::as_str)
}

fn no_column(
    file: &Path,
    frame: &Frame,
    column: &str,
    input: &InputSignature,
    made: &Expression,
) -> DataError {
    ReadingError::NoColumnOf {
        file: file.to_owned(),
        column: column.to_owned(),
        input: input.name.to_string(),
        sql: made.sql.clone(),
        known: frame.columns(),
    }
    .into()
}

impl RawTable {
    /// The model's inputs for some of the rows, in the signature's order, each `[rows, 1]`, or sequences
    /// filled up to the longest of these rows.
    pub fn batch(&self, rows: Range<usize>) -> Vec<(InputName, Array)> {
        let rows = rows.start.min(self.rows)..rows.end.min(self.rows);
        self.inputs.iter().map(|(name, column)| (name.clone(), column.rows(rows.clone()))).collect()
    }

    /// The names of the file's own columns.
    pub fn columns(&self) -> Vec<String> {
        self.frame.columns()
    }

    /// The file's own columns, to stand beside the answers; nested ones are left out.
    pub fn originals(&self) -> Vec<(String, AnswerColumn)> {
        let columns = self.frame.table().columns().iter();
        columns
            .filter_map(|column| Some((column.name().to_string(), AnswerColumn::from_column(column)?)))
            .collect()
    }
}
