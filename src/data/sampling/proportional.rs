//! The sampling `proportional`: see [`ProportionalSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::{Sampling, Size};
use crate::domain::kinds::Settings;

/// Each table in proportion to its rows: in every epoch every training row is seen exactly once.
///
/// p ~ n
///
/// `sampling: proportional`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProportionalSpec {}

impl Settings for ProportionalSpec {
    const EXAMPLE: &'static str = "proportional";
}

impl Sampling for ProportionalSpec {
    fn weight(&self, rows: usize, _: f64) -> f64 {
        rows as f64
    }

    /// Its own, however the last batches are filled.
    fn batches(&self, tables: &[Size], _: f64) -> Vec<usize> {
        tables.iter().map(|table| table.batches).collect()
    }
}
