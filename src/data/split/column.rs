//! The split `column`: see [`ColumnConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::frame::Frame;
use crate::data::note::DataNote;
use crate::data::sampling::{shuffle, split_generator};
use crate::data::split::SplitRows;
use crate::domain::choice_config::Settings;
use crate::domain::diagnostic::Severity;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// Reads the split of each row from a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnConfig {
    /// The column with the split names.
    pub by: ColumnName,
    /// The value of training rows. Default `train`.
    #[serde(default = "default_train")]
    pub train: String,
    /// The value of validation rows. Default `valid`.
    #[serde(default = "default_valid")]
    pub valid: String,
    /// When no row has the value of validation rows: the share of training rows drawn at random for
    /// validation. Default 0.
    #[serde(default = "default_validation_split", skip_serializing_if = "is_none")]
    pub validation_split: Fraction,
    /// The value of test rows. Default `test`.
    #[serde(default = "default_test")]
    pub test: String,
}

impl Settings for ColumnConfig {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{column: {by: part, train: train, valid: dev, test: test}}";
}

fn default_train() -> String {
    "train".to_owned()
}

fn default_valid() -> String {
    "valid".to_owned()
}

fn default_test() -> String {
    "test".to_owned()
}

fn default_validation_split() -> Fraction {
    Fraction::constant(0.0)
}

/// Zero is not serialized, so that splits without this setting keep their fingerprint.
fn is_none(share: &Fraction) -> bool {
    share.get() == 0.0
}

impl ColumnConfig {
    pub(in crate::data) fn divide(&self, frame: &Frame, seed: u64) -> Result<SplitRows, DataError> {
        let cells = frame.cells(self.by.as_str())?;
        let mut rows = SplitRows::default();
        let mut unknown = None;
        cells.for_each_text(|row, text| {
            let text = text.unwrap_or("").trim();
            let splits = [
                (&self.train, &mut rows.train),
                (&self.valid, &mut rows.valid),
                (&self.test, &mut rows.test),
            ];
            match splits.into_iter().find(|(name, _)| name.trim() == text) {
                Some((_, rows)) => rows.push(row as u32),
                None => unknown = unknown.or(Some(row)),
            }
        })?;
        if let Some(row) = unknown {
            let known = vec![self.train.clone(), self.valid.clone(), self.test.clone()];
            let value = cells.text(row).into_owned();
            return Err(DataError::UnmappedSplit {
                column: self.by.to_string(),
                value,
                place: frame.cell_location(row, self.by.as_str()),
                known,
            });
        }
        let required = [("train", &self.train, &rows.train), ("test", &self.test, &rows.test)];
        for (split, value, split_rows) in required {
            if split_rows.is_empty() {
                let reason = format!("no row has `{value}` in column `{}`", self.by);
                return Err(DataError::EmptySplit { split, reason });
            }
        }
        let drawn = (rows.train.len() as f64 * self.validation_split.get()).round() as usize;
        if rows.valid.is_empty() && (1..rows.train.len()).contains(&drawn) {
            shuffle(&mut rows.train, &mut split_generator(seed));
            rows.valid = rows.train.split_off(rows.train.len() - drawn);
        }
        if rows.valid.is_empty() {
            let (by, value) = (&self.by, &self.valid);
            let text = format!(
                "no row has `{value}` in column `{by}`: without validation rows, the best epoch cannot be \
                 chosen"
            );
            rows.notes.push(DataNote { severity: Severity::Warning, text });
        }
        Ok(rows)
    }
}
