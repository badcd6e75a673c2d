//! The sampling `uniform`: see [`UniformConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::Sampling;
use crate::domain::choice_config::Settings;

/// Every table as often as any other, whatever its rows. An epoch has as many batches as all tables together;
/// a small table is gone through more than once in it, of a large one a part is seen.
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
