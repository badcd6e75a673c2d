//! The sampling `uniform`: see [`UniformConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::Sampling;
use crate::domain::choice_config::Settings;

/// Draws every table equally often, whatever its rows. An epoch has as many batches as all tables together:
/// it repeats the rows of small tables, and contains only a part of large ones.
///
/// p = 1 / K
///
/// `sampling: uniform`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UniformConfig {}

impl Settings for UniformConfig {
    const EXAMPLE: &'static str = "uniform";
}

impl Sampling for UniformConfig {
    fn weight(&self, _: usize, _: f64) -> f64 {
        1.0
    }
}
