//! Where a row stood, in words that a person finds it by.

use std::path::PathBuf;

/// Where a row stood, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    pub position: Position,
}

/// A row's number in its file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Line(usize),
    Row(usize),
    /// The whole file.
    File,
    /// A row of the query's result.
    Result(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.display();
        match self.position {
            Position::Line(line) => write!(f, "`{file}`, line {line}"),
            Position::File => write!(f, "`{file}`"),
            Position::Row(row) => write!(f, "`{file}`, row {row}"),
            Position::Result(row) => write!(f, "row {row} of the query over `{file}`"),
        }
    }
}
