//! What the columns of a file hold, for `mtl init`.

use std::path::Path;

use crate::data::error::Error;

/// What one column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnProfile {
    pub name: String,
    pub kind: ColumnKind,
    pub rows: usize,
    /// Different values, missing ones left out.
    pub distinct: usize,
    pub missing: usize,
    /// Smallest and largest, of numbers.
    pub range: Option<(f64, f64)>,
    /// The most frequent values, most frequent first, at most eight.
    pub examples: Vec<String>,
}

/// What a column is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Whole,
    Number,
    Boolean,
    Text,
    Time,
    Other,
}

/// Looks at every column of a file; its kind is told by its ending.
pub fn profile(path: &Path) -> Result<Vec<ColumnProfile>, Error> {
    let _ = path;
    todo!()
}
