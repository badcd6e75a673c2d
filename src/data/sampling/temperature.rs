//! The sampling `temperature`: see [`TemperatureConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::Sampling;
use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;

/// Interpolates between `proportional` (T = 1) and `uniform` (T towards infinity). An epoch has as many
/// batches as all tables together.
///
/// p ~ n ^ (1 / T)
///
/// `sampling: {temperature: 2}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemperatureConfig {
    /// The temperature T: a table is drawn in proportion to its rows to the power of 1 / T.
    pub value: Positive,
}

impl Settings for TemperatureConfig {
    const BARE: Option<&'static str> = Some("value");
    const EXAMPLE: &'static str = "{temperature: 2}";
}

impl Sampling for TemperatureConfig {
    fn weight(&self, rows: usize, _: f64) -> f64 {
        (rows as f64).powf(1.0 / self.value.get())
    }
}
