//! The position of a row in its file, as messages show it.

use std::path::PathBuf;

/// A file and a position in it, as messages show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLocation {
    /// Path of the file.
    pub file: PathBuf,
    /// The line or row in it.
    pub position: RowPosition,
}

/// A one-based position in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowPosition {
    /// A line of a text file.
    Line(usize),
    /// A row of a file without lines, such as Parquet.
    Row(usize),
    /// The whole file.
    File,
    /// A row of the query result.
    Result(usize),
}

impl std::fmt::Display for DataLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.display();
        match self.position {
            RowPosition::Line(line) => write!(f, "`{file}`, line {line}"),
            RowPosition::File => write!(f, "`{file}`"),
            RowPosition::Row(row) => write!(f, "`{file}`, row {row}"),
            RowPosition::Result(row) => write!(f, "row {row} of the query over `{file}`"),
        }
    }
}
