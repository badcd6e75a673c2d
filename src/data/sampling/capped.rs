//! The sampling `capped`: see [`CappedConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::Sampling;
use crate::domain::choice_config::Settings;
use crate::domain::number::Count;

/// Draws tables in proportion to their rows, capped at `rows` (examples-proportional mixing of T5, Raffel
/// et al. 2020). An epoch has as many batches as all tables together.
///
/// p ~ min(n, C)
///
/// `sampling: {capped: 10000}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CappedConfig {
    /// The cap: a table with more rows is drawn as often as a table with this many.
    pub rows: Count,
}

impl Settings for CappedConfig {
    const BARE: Option<&'static str> = Some("rows");
    const EXAMPLE: &'static str = "{capped: {rows: 10000}}";
}

impl Sampling for CappedConfig {
    fn weight(&self, rows: usize, _: f64) -> f64 {
        rows.min(self.rows.get()) as f64
    }
}
