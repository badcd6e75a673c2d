//! The registry of splits: how rows are divided into train, valid and test.

pub mod column;
mod datetime;
pub(in crate::data) mod error;
pub mod files;
mod format;
pub mod group;
mod group_assignment;
mod grouping;
mod order;
pub mod random;
mod rows;
mod shares;
pub mod stratified;
pub mod time;

use crate::data::error::DataError;
use crate::data::frame::Frame;
pub use crate::data::split::error::SplitError;
pub use crate::data::split::rows::SplitRows;
pub(in crate::data) use crate::data::split::shares::SplitShares;
use crate::domain::choice_config::{Choice, kinds};
use crate::domain::diagnostic::Path as Node;

kinds! {
    /// How rows are divided into train, valid and test.
    pub enum SplitConfig: "split" {
        Random: "random" => random::RandomSplitConfig,
        Stratified: "stratified" => stratified::StratifiedConfig,
        Group: "group" => group::GroupConfig,
        Time: "time" => time::TimeConfig,
        Column: "column" => column::ColumnConfig,
        Files: "files" => files::FilesConfig,
    }
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self::Random(random::RandomSplitConfig { valid: tenth(), test: tenth() })
    }
}

fn tenth() -> crate::domain::number::Fraction {
    crate::domain::number::Fraction::constant(0.1)
}

/// Divides the rows of a table. The result depends on the seed, but not on the machine or its threads.
/// `parts` holds the number of rows of the training, validation and test files, if the table has separate
/// files.
///
/// # Errors
/// Problems of the data, with paths relative to `data.<table>`.
pub fn split_rows(
    config: &SplitConfig,
    frame: &Frame,
    parts: Option<[usize; 3]>,
    seed: u64,
) -> Result<SplitRows, DataError> {
    let divided = divide_rows(config, frame, parts, seed).and_then(|rows| {
        refuse_empty(config, &rows, frame.rows())?;
        Ok(rows)
    });
    divided.map_err(|error| {
        let node = Node::from_key("split").key(config.name());
        let node = if matches!(error, DataError::UnknownColumn { .. }) { node.key("by") } else { node };
        DataError::Many(vec![error.at(node)])
    })
}

fn divide_rows(
    config: &SplitConfig,
    frame: &Frame,
    parts: Option<[usize; 3]>,
    seed: u64,
) -> Result<SplitRows, DataError> {
    let mut rows = match config {
        SplitConfig::Random(config) => config.divide(frame.rows(), seed),
        SplitConfig::Stratified(config) => config.divide(frame, seed),
        SplitConfig::Group(config) => config.divide(frame, seed),
        SplitConfig::Time(config) => config.divide(frame),
        SplitConfig::Column(config) => config.divide(frame, seed),
        SplitConfig::Files(config) => config.divide(parts.unwrap_or([frame.rows(), 0, 0]), seed),
    }?;
    for split in [&mut rows.train, &mut rows.valid, &mut rows.test] {
        split.sort_unstable();
    }
    Ok(rows)
}

/// Refuses a split that should have rows, but is empty.
fn refuse_empty(config: &SplitConfig, rows: &SplitRows, total: usize) -> Result<(), DataError> {
    let (valid, test) = match config {
        SplitConfig::Random(config) => (config.valid.get() > 0.0, config.test.get() > 0.0),
        SplitConfig::Stratified(config) => (config.valid.get() > 0.0, config.test.get() > 0.0),
        SplitConfig::Group(config) => (config.valid.get() > 0.0, config.test.get() > 0.0),
        SplitConfig::Time(config) => (config.valid.get() > 0.0, config.test.get() > 0.0),
        SplitConfig::Column(_) => (false, true),
        SplitConfig::Files(config) => (config.wants_valid(), true),
    };
    let splits = [("train", true, &rows.train), ("valid", valid, &rows.valid), ("test", test, &rows.test)];
    let empty = splits.into_iter().find(|(_, wanted, rows)| *wanted && rows.is_empty());
    empty.map_or(Ok(()), |(split, ..)| {
        let reason = format!("the table has {total} rows, which are too few for this share");
        Err(DataError::EmptySplit { split, reason })
    })
}

#[cfg(test)]
mod tests;
