//! The split `files`: see [`FilesConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::sampling::{shuffle, split_generator};
use crate::data::split::{SplitRows, SplitShares};
use crate::domain::choice_config::Settings;
use crate::domain::number::Fraction;

/// Reads validation and test rows from separate files with the same columns; the source holds the training
/// rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// The file of validation rows, relative to the pipeline file. Default: `valid_share` of the training
    /// rows.
    #[serde(default)]
    pub valid: Option<String>,
    /// The file of test rows, relative to the pipeline file.
    pub test: String,
    /// Share of training rows drawn at random for validation when `valid` is not set. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid_share: Fraction,
}

impl Settings for FilesConfig {
    const BARE: Option<&'static str> = Some("test");
    const EXAMPLE: &'static str = "{files: {valid: data/valid.csv, test: data/test.csv}}";
}

impl FilesConfig {
    /// `parts` holds the number of rows of the training, validation and test files.
    pub(in crate::data) fn divide(&self, parts: [usize; 3], seed: u64) -> Result<SplitRows, DataError> {
        let [train, valid, test] = parts.map(|rows| rows as u32);
        if self.valid.is_some() {
            return Ok(SplitRows {
                train: (0..train).collect(),
                valid: (train..train + valid).collect(),
                test: (train + valid..train + valid + test).collect(),
                notes: vec![],
            });
        }
        let shares = SplitShares::new(self.valid_share, Fraction::constant(0.0))?;
        let mut order: Vec<u32> = (0..train).collect();
        shuffle(&mut order, &mut split_generator(seed));
        Ok(SplitRows { test: (train..train + test).collect(), ..shares.split_rows(&order) })
    }

    /// Whether validation rows are required.
    pub(in crate::data) fn wants_valid(&self) -> bool {
        self.valid.is_some() || self.valid_share.get() > 0.0
    }
}
