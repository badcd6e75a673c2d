//! The sampling `proportional`: see [`ProportionalConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::{Sampling, TableSize};
use crate::domain::choice_config::Settings;

/// Draws tables in proportion to their rows: every epoch contains every training row exactly once.
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

    /// One pass over each table, even if its last batch is not full.
    fn batches(&self, tables: &[TableSize], _: f64) -> Vec<usize> {
        tables.iter().map(|table| table.batches).collect()
    }
}
