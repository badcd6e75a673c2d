//! A table as read: polars columns, and where in which file each row stood.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, PolarsResult};

use crate::data::cells::{Cells, composed};
use crate::data::error::Error;
use crate::data::place::{Place, Position};

/// A table as read. Rows of several files stand one file after the other.
#[derive(Clone, Debug)]
pub struct Frame {
    table: DataFrame,
    origins: Vec<Origin>,
}

/// A file that gave rows to a frame.
#[derive(Clone, Debug)]
pub struct Origin {
    pub file: PathBuf,
    pub rows: usize,
    pub lines: Lines,
}

/// How a row's number leads to its place in the file.
#[derive(Clone, Debug)]
pub enum Lines {
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
    Picked(Arc<[u32]>, Box<Lines>),
}

impl Frame {
    /// Crate-private in spirit: only sources make frames, since only they name polars.
    pub(in crate::data) fn new(table: DataFrame, origins: Vec<Origin>) -> Self {
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
    pub fn place(&self, row: usize) -> Place {
        match self.origin(row) {
            Some((origin, row)) => origin.place(row),
            None => {
                let file = self.origins.first().map(|origin| origin.file.clone()).unwrap_or_default();
                Place { file, position: Position::Row(row + 1) }
            }
        }
    }

    /// Where a row's cell of a column stood, which may be in another file than the row's other cells.
    pub fn place_of(&self, row: usize, column: &str) -> Place {
        let Place { file, position } = self.place(row);
        let own = self.origin(row).and_then(|(origin, _)| origin.lines.file(column));
        Place { file: own.cloned().unwrap_or(file), position }
    }

    /// The file that gave a row, and the row's number among those it gave.
    fn origin(&self, row: usize) -> Option<(&Origin, usize)> {
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
    pub(in crate::data) fn pick(&self, rows: &[u32]) -> Result<Self, Error> {
        let mut origins = Vec::with_capacity(self.origins.len());
        let mut start = 0;
        for origin in &self.origins {
            let part = start..start + origin.rows as u32;
            let picked: Vec<u32> =
                rows.iter().filter(|row| part.contains(row)).map(|row| row - start).collect();
            start = part.end;
            origins.push(Origin {
                file: origin.file.clone(),
                rows: picked.len(),
                lines: Lines::Picked(Arc::from(picked), Box::new(origin.lines.clone())),
            });
        }
        let columns: PolarsResult<Vec<Column>> =
            self.table.columns().iter().map(|column| column.take_slice(rows)).collect();
        let table = columns.and_then(|columns| DataFrame::new(rows.len(), columns));
        Ok(Self { table: table.map_err(|cause| Error::Query { reason: cause.to_string() })?, origins })
    }

    /// A column's cells.
    pub(in crate::data) fn cells(&self, name: &str) -> Result<Cells, Error> {
        match self.find(name) {
            Some(column) => Cells::of(column),
            None => Err(self.unknown(name)),
        }
    }

    /// The problem of a column that is not there.
    pub fn unknown(&self, name: &str) -> Error {
        Error::UnknownColumn { table: self.called(), column: name.to_owned(), known: self.columns() }
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
        let exact = self.table.get_column_index(name).and_then(|place| columns.get(place));
        // The same letters may be written in two ways: composed, or with combining accents.
        exact.or_else(|| columns.iter().find(|column| composed(column.name()) == composed(name)))
    }
}

impl Origin {
    fn place(&self, row: usize) -> Place {
        self.lines.place(row, &self.file)
    }
}

impl Lines {
    /// The file of a column that has one of its own.
    fn file(&self, column: &str) -> Option<&PathBuf> {
        match self {
            Lines::Beside(columns) => columns.iter().find(|(name, _)| name == column).map(|(_, file)| file),
            Lines::Picked(_, before) => before.file(column),
            _ => None,
        }
    }

    fn place(&self, row: usize, file: &Path) -> Place {
        let position = match self {
            Lines::From(first) => Position::Line(first + row),
            Lines::Each(lines) => {
                lines.get(row).map_or(Position::Row(row + 1), |line| Position::Line(*line as usize))
            }
            Lines::Query => Position::Result(row + 1),
            Lines::Picked(rows, before) => {
                return before.place(rows.get(row).map_or(row, |picked| *picked as usize), file);
            }
            Lines::Files(files) if row < files.len() => {
                return Place { file: files[row].clone(), position: Position::File };
            }
            Lines::Rows | Lines::Beside(_) | Lines::Files(_) => Position::Row(row + 1),
        };
        Place { file: file.to_owned(), position }
    }
}
