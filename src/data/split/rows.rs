//! A table's rows, divided.

use crate::data::note::DataNote;

/// Which rows belong to which split, each ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitRows {
    pub train: Vec<u32>,
    pub valid: Vec<u32>,
    pub test: Vec<u32>,
    /// What a person should know.
    pub notes: Vec<DataNote>,
}
