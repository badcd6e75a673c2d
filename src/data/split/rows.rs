//! The rows of each split of a table.

use crate::data::note::DataNote;

/// The row numbers of each split, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitRows {
    pub train: Vec<u32>,
    pub valid: Vec<u32>,
    pub test: Vec<u32>,
    pub notes: Vec<DataNote>,
}
