//! The rows of each split of a table.

use crate::data::note::DataNote;

/// The row numbers of each split, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitRows {
    /// Rows to train and to fit on.
    pub train: Vec<u32>,
    /// Rows to select epochs and settings on.
    pub valid: Vec<u32>,
    /// Rows to report scores on.
    pub test: Vec<u32>,
    /// What the user should know about the split.
    pub notes: Vec<DataNote>,
}
