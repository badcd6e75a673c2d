//! A table as read: polars columns, and the file and line of each row.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, PolarsResult};

use crate::data::cells::{Cells, composed};
use crate::data::error::DataError;
use crate::data::location::{DataLocation, RowPosition};

/// A table as read. Rows of several files follow one another, file by file.
#[derive(Clone, Debug)]
pub struct Frame {
    table: DataFrame,
    origins: Vec<SourceFile>,
}

/// A file that rows of a frame come from.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path of the file.
    pub file: PathBuf,
    /// Number of rows read from it.
    pub rows: usize,
    /// The line of each row.
    pub lines: LineIndex,
}

/// Maps a row number to its position in the file.
#[derive(Clone, Debug)]
pub enum LineIndex {
    /// The file has rows, but no lines.
    Rows,
    /// One line per row, starting at this one-based line.
    From(usize),
    /// The line on which each row begins.
    Each(Arc<[u32]>),
    /// Each row is a separate file.
    Files(Arc<[PathBuf]>),
    /// Rows, some columns of which are in other files: column names and their files.
    Beside(Arc<[(String, PathBuf)]>),
    /// Rows of a query result.
    Query,
    /// A selection of rows, as zero-based row numbers of the index before it.
    Picked(Arc<[u32]>, Box<LineIndex>),
}

impl Frame {
    pub(in crate::data) fn new(table: DataFrame, origins: Vec<SourceFile>) -> Self {
        Self { table, origins }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.table.height()
    }

    /// Column names, in order.
    pub fn columns(&self) -> Vec<String> {
        self.table.get_column_names().into_iter().map(ToString::to_string).collect()
    }

    /// Whether there is a column `name`.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The position of a row in its file.
    pub fn location(&self, row: usize) -> DataLocation {
        match self.origin(row) {
            Some((origin, row)) => origin.location(row),
            None => {
                let file = self.origins.first().map(|origin| origin.file.clone()).unwrap_or_default();
                DataLocation { file, position: RowPosition::Row(row + 1) }
            }
        }
    }

    /// The position of a cell, which may be in another file than the other cells of the row.
    pub fn cell_location(&self, row: usize, column: &str) -> DataLocation {
        let DataLocation { file, position } = self.location(row);
        let column_file = self.origin(row).and_then(|(origin, _)| origin.lines.file(column));
        DataLocation { file: column_file.cloned().unwrap_or(file), position }
    }

    /// The file of a row, and the zero-based number of the row within that file.
    fn origin(&self, mut row: usize) -> Option<(&SourceFile, usize)> {
        for origin in &self.origins {
            if row < origin.rows {
                return Some((origin, row));
            }
            row -= origin.rows;
        }
        None
    }

    /// The name of the table in messages: its first file, in backquotes.
    pub fn called(&self) -> String {
        self.origins.first().map_or_else(String::new, |origin| format!("`{}`", origin.file.display()))
    }

    /// The frame of these rows only; row numbers must be ascending.
    pub(in crate::data) fn pick(&self, rows: &[u32]) -> Result<Self, DataError> {
        let mut origins = Vec::with_capacity(self.origins.len());
        let mut start = 0;
        for origin in &self.origins {
            let file_rows = start..start + origin.rows as u32;
            let picked: Vec<u32> =
                rows.iter().filter(|row| file_rows.contains(row)).map(|row| row - start).collect();
            start = file_rows.end;
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

    /// The cells of a column.
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`] when there is no such column.
    pub(in crate::data) fn cells(&self, name: &str) -> Result<Cells, DataError> {
        match self.find(name) {
            Some(column) => Cells::from_column(column),
            None => Err(self.unknown(name)),
        }
    }

    /// The error for a column that does not exist.
    pub fn unknown(&self, name: &str) -> DataError {
        DataError::UnknownColumn { table: self.called(), column: name.to_owned(), known: self.columns() }
    }

    /// The same rows with other columns; `table` must have as many rows.
    pub(in crate::data) fn with_columns(&self, table: DataFrame) -> Self {
        Self { table, origins: self.origins.clone() }
    }

    pub(in crate::data) fn table(&self) -> &DataFrame {
        &self.table
    }

    fn find(&self, name: &str) -> Option<&Column> {
        let columns = self.table.columns();
        let exact = self.table.get_column_index(name).and_then(|index| columns.get(index));
        // Unicode has two spellings of accented letters: composed, and with combining accents.
        exact.or_else(|| columns.iter().find(|column| composed(column.name()) == composed(name)))
    }
}

impl SourceFile {
    fn location(&self, row: usize) -> DataLocation {
        self.lines.location(row, &self.file)
    }
}

impl LineIndex {
    /// The file of a column that has a separate file.
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
