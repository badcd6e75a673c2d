//! The split `random`: see [`RandomSplitConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::sampling::{shuffle, split_generator};
use crate::data::split::{SplitRows, SplitShares};
use crate::domain::choice_config::Settings;
use crate::domain::number::Fraction;

/// Draws rows at random.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomSplitConfig {
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
}

impl Settings for RandomSplitConfig {
    const EXAMPLE: &'static str = "{random: {valid: 0.1, test: 0.2}}";
}

impl RandomSplitConfig {
    pub(in crate::data) fn divide(&self, rows: usize, seed: u64) -> Result<SplitRows, DataError> {
        let shares = SplitShares::new(self.valid, self.test)?;
        let mut order: Vec<u32> = (0..rows as u32).collect();
        shuffle(&mut order, &mut split_generator(seed));
        Ok(shares.split_rows(&order))
    }
}
