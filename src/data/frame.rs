//! A table as read: polars columns, and where in which file each row stood.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, PolarsResult};

use crate::data::cells::{Cells, composed};
use crate::data::error::DataError;
use crate::data::location::{DataLocation, RowPosition};

/// A table as read. Rows of several files stand one file after the other.
#[derive(Clone, Debug)]
pub struct Frame {
    table: DataFrame,
    origins: Vec<SourceFile>,
}

/// A file that gave rows to a frame.
#[derive(Clone, Debug)]
pub struct SourceFile {
    pub file: PathBuf,
    pub rows: usize,
    pub lines: LineIndex,
}

/// How a row's number leads to its place in the file.
#[derive(Clone, Debug)]
pub enum LineIndex {
    /// The file knows rows, not lines.
    Rows,
    /// One line per row from this line on, counted from 1.
    From(usize),
    /// The line each row begins on.
    Each(Arc<[u32]>),
    /// Each row is a file of its own.
    Files(Arc<[PathBuf]>),
    /// Rows, of which some columns stand in files of their own: their names and files.
    Beside(Arc<[(String, PathBuf)]>),
    /// Rows of a query's result.
    Query,
    /// Some of the rows there were, by their numbers.
    Picked(Arc<[u32]>, Box<LineIndex>),
}

impl Frame {
    /// Crate-private in spirit: only sources make frames, since only they name polars.
    pub(in crate::data) fn new(table: DataFrame, origins: Vec<SourceFile>) -> Self {
        Self { table, origins }
    }

    pub fn rows(&self) -> usize {
        self.table.height()
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> Vec<String> {
        self.table.get_column_names().into_iter().map(ToString::to_string).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Where a row stood in its file.
    pub fn location(&self, row: usize) -> DataLocation {
        match self.origin(row) {
            Some((origin, row)) => origin.location(row),
            None => {
                let file = self.origins.first().map(|origin| origin.file.clone()).unwrap_or_default();
                DataLocation { file, position: RowPosition::Row(row + 1) }
            }
        }
    }

    /// Where a row's cell of a column stood, which may be in another file than the row's other cells.
    pub fn cell_location(&self, row: usize, column: &str) -> DataLocation {
        let DataLocation { file, position } = self.location(row);
        let own = self.origin(row).and_then(|(origin, _)| origin.lines.file(column));
        DataLocation { file: own.cloned().unwrap_or(file), position }
    }

    /// The file that gave a row, and the row's number among those it gave.
    fn origin(&self, row: usize) -> Option<(&SourceFile, usize)> {
        let mut row = row;
        for origin in &self.origins {
            if row < origin.rows {
                return Some((origin, row));
            }
            row -= origin.rows;
        }
        None
    }

    /// The files, as a message may call the table.
    pub fn called(&self) -> String {
        self.origins.first().map_or_else(String::new, |origin| format!("`{}`", origin.file.display()))
    }

    /// Some of the rows, ascending.
    pub(in crate::data) fn pick(&self, rows: &[u32]) -> Result<Self, DataError> {
        let mut origins = Vec::with_capacity(self.origins.len());
        let mut start = 0;
        for origin in &self.origins {
            let part = start..start + origin.rows as u32;
            let picked: Vec<u32> =
                rows.iter().filter(|row| part.contains(row)).map(|row| row - start).collect();
            start = part.end;
            origins.push(SourceFile {
                file: origin.file.clone(),
                rows: picked.len(),
                lines: LineIndex::Picked(Arc::from(picked), Box::new(origin.lines.clone())),
            });
        }
        let columns: PolarsResult<Vec<Column>> =
            self.table.columns().iter().map(|column| column.take_slice(rows)).collect();
        let table = columns.and_then(|columns| DataFrame::new(rows.len(), columns));
        Ok(Self { table: table.map_err(|cause| DataError::Query { reason: cause.to_string() })?, origins })
    }

    /// A column's cells.
    pub(in crate::data) fn cells(&self, name: &str) -> Result<Cells, DataError> {
        match self.find(name) {
            Some(column) => Cells::from_column(column),
            None => Err(self.unknown(name)),
        }
    }

    /// The problem of a column that is not there.
    pub fn unknown(&self, name: &str) -> DataError {
        DataError::UnknownColumn { table: self.called(), column: name.to_owned(), known: self.columns() }
    }

    /// The same rows with other columns, as many of each.
    pub(in crate::data) fn with_columns(&self, table: DataFrame) -> Self {
        Self { table, origins: self.origins.clone() }
    }

    pub(in crate::data) fn table(&self) -> &DataFrame {
        &self.table
    }

    fn find(&self, name: &str) -> Option<&Column> {
        // By the table's own index of names: it is asked once for every input.
        let columns = self.table.columns();
        let exact = self.table.get_column_index(name).and_then(|location| columns.get(location));
        // The same letters may be written in two ways: composed, or with combining accents.
        exact.or_else(|| columns.iter().find(|column| composed(column.name()) == composed(name)))
    }
}

impl SourceFile {
    fn location(&self, row: usize) -> DataLocation {
        self.lines.location(row, &self.file)
    }
}

impl LineIndex {
    /// The file of a column that has one of its own.
    fn file(&self, column: &str) -> Option<&PathBuf> {
        match self {
            LineIndex::Beside(columns) => {
                columns.iter().find(|(name, _)| name == column).map(|(_, file)| file)
            }
            LineIndex::Picked(_, before) => before.file(column),
            _ => None,
        }
    }

    fn location(&self, row: usize, file: &Path) -> DataLocation {
        let position = match self {
            LineIndex::From(first) => RowPosition::Line(first + row),
            LineIndex::Each(lines) => {
                lines.get(row).map_or(RowPosition::Row(row + 1), |line| RowPosition::Line(*line as usize))
            }
            LineIndex::Query => RowPosition::Result(row + 1),
            LineIndex::Picked(rows, before) => {
                return before.location(rows.get(row).map_or(row, |picked| *picked as usize), file);
            }
            LineIndex::Files(files) if row < files.len() => {
                return DataLocation { file: files[row].clone(), position: RowPosition::File };
            }
            LineIndex::Rows | LineIndex::Beside(_) | LineIndex::Files(_) => RowPosition::Row(row + 1),
        };
        DataLocation { file: file.to_owned(), position }
    }
}
