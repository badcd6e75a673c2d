//! The shelf of splits: how rows are divided into train, valid and test.

pub mod column;
pub mod files;
pub mod group;
pub mod random;
pub mod stratified;
pub mod time;

use crate::data::error::Error;
use crate::data::fit::Note;
use crate::data::load::Loaded;
use crate::domain::kinds::kinds;

kinds! {
    /// How rows are divided into train, valid and test.
    pub enum SplitSpec: "split" {
        Random: "random" => random::RandomSpec,
        Stratified: "stratified" => stratified::StratifiedSpec,
        Group: "group" => group::GroupSpec,
        Time: "time" => time::TimeSpec,
        Column: "column" => column::ColumnSpec,
        Files: "files" => files::FilesSpec,
    }
}

impl Default for SplitSpec {
    fn default() -> Self {
        Self::Random(random::RandomSpec { valid: tenth(), test: tenth() })
    }
}

fn tenth() -> crate::domain::number::Fraction {
    crate::domain::number::Fraction::constant(0.1)
}

/// Which rows belong to which split, each ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub train: Vec<u32>,
    pub valid: Vec<u32>,
    pub test: Vec<u32>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// Divides a table's rows. The same seed gives the same rows, whatever the machine or its threads.
/// Problems stand at nodes below `data.<table>`.
pub fn divide(spec: &SplitSpec, loaded: &Loaded, seed: u64) -> Result<Rows, Error> {
    let _ = (spec, loaded, seed);
    todo!()
}
