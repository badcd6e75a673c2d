//! The sampling `round_robin`: see [`RoundRobinConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::{Sampling, TableSize};
use crate::domain::choice_config::Settings;

/// Takes one batch of each table in turn until the longest table is finished; shorter tables start again. An
/// epoch has as many batches as the longest table, times the number of tables.
///
/// `sampling: round_robin`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoundRobinConfig {}

impl Settings for RoundRobinConfig {
    const EXAMPLE: &'static str = "round_robin";
}

impl Sampling for RoundRobinConfig {
    fn weight(&self, _: usize, _: f64) -> f64 {
        1.0
    }

    fn batches(&self, tables: &[TableSize], _: f64) -> Vec<usize> {
        let longest = tables.iter().map(|table| table.batches).max().unwrap_or(0);
        tables.iter().map(|table| if table.rows == 0 { 0 } else { longest }).collect()
    }
}
