//! The shelf of splits: how rows are divided into train, valid and test.

pub mod column;
pub(in crate::data) mod error;
pub mod files;
mod fill;
mod format;
pub mod group;
mod grouping;
mod moment;
mod order;
pub mod random;
mod rows;
mod shares;
pub mod stratified;
pub mod time;

use crate::data::error::Error;
use crate::data::frame::Frame;
pub use crate::data::split::error::SplitError;
pub use crate::data::split::rows::Rows;
pub(in crate::data) use crate::data::split::shares::Shares;
use crate::domain::diagnostic::Path as Node;
use crate::domain::kinds::{Choice, kinds};

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

/// Divides a table's rows. The same seed gives the same rows, whatever the machine or its threads. `parts`: rows of
/// the training, validation and test files, where the table has such. Problems stand at nodes below `data.<table>`.
pub fn divide(spec: &SplitSpec, frame: &Frame, parts: Option<[usize; 3]>, seed: u64) -> Result<Rows, Error> {
    let divided = divided(spec, frame, parts, seed).and_then(|rows| {
        refuse_empty(spec, &rows, frame.rows())?;
        Ok(rows)
    });
    divided.map_err(|error| {
        let node = Node::of("split").key(spec.name());
        let node = if matches!(error, Error::UnknownColumn { .. }) { node.key("by") } else { node };
        Error::Many(vec![error.at(node)])
    })
}

fn divided(spec: &SplitSpec, frame: &Frame, parts: Option<[usize; 3]>, seed: u64) -> Result<Rows, Error> {
    let mut rows = match spec {
        SplitSpec::Random(spec) => spec.divide(frame.rows(), seed),
        SplitSpec::Stratified(spec) => spec.divide(frame, seed),
        SplitSpec::Group(spec) => spec.divide(frame, seed),
        SplitSpec::Time(spec) => spec.divide(frame),
        SplitSpec::Column(spec) => spec.divide(frame, seed),
        SplitSpec::Files(spec) => spec.divide(parts.unwrap_or([frame.rows(), 0, 0]), seed),
    }?;
    for split in [&mut rows.train, &mut rows.valid, &mut rows.test] {
        split.sort_unstable();
    }
    Ok(rows)
}

/// Refuses a split that was asked for and has no rows.
fn refuse_empty(spec: &SplitSpec, rows: &Rows, total: usize) -> Result<(), Error> {
    let (valid, test) = match spec {
        SplitSpec::Random(spec) => (spec.valid.get() > 0.0, spec.test.get() > 0.0),
        SplitSpec::Stratified(spec) => (spec.valid.get() > 0.0, spec.test.get() > 0.0),
        SplitSpec::Group(spec) => (spec.valid.get() > 0.0, spec.test.get() > 0.0),
        SplitSpec::Time(spec) => (spec.valid.get() > 0.0, spec.test.get() > 0.0),
        SplitSpec::Column(_) => (false, true),
        SplitSpec::Files(spec) => (spec.wants_valid(), true),
    };
    let splits = [("train", true, &rows.train), ("valid", valid, &rows.valid), ("test", test, &rows.test)];
    let empty = splits.into_iter().find(|(_, wanted, rows)| *wanted && rows.is_empty());
    empty.map_or(Ok(()), |(split, ..)| {
        let reason = format!("the table has {total} rows, too few for this share");
        Err(Error::EmptySplit { split, reason })
    })
}

#[cfg(test)]
mod tests;
