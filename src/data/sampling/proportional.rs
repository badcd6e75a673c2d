//! The sampling `proportional`: see [`ProportionalConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::{Sampling, TableSize};
use crate::domain::choice_config::Settings;

/// Each table in proportion to its rows: in every epoch every training row is seen exactly once.
///
/// p ~ n
///
/// `sampling: proportional`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProportionalConfig {}

impl Settings for ProportionalConfig {
    const EXAMPLE: &'static str = "proportional";
}

impl Sampling for ProportionalConfig {
    fn weight(&self, rows: usize, _: f64) -> f64 {
        rows as f64
    }

    /// Its own, however the last batches are filled.
    fn batches(&self, tables: &[TableSize], _: f64) -> Vec<usize> {
        tables.iter().map(|table| table.batches).collect()
    }
}
