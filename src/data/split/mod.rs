//! The shelf of splits: how rows are divided into train, valid and test.

pub mod column;
pub mod files;
pub mod group;
pub mod random;
pub mod stratified;
pub mod time;

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
