//! The input kind `standardize`: see [`StandardizeConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::scale::{NumberFit, ScaledInput};
use crate::data::feature::{Feature, FeaturePart, MissingNumber};
use crate::domain::choice_config::Settings;

/// A number scaled as (x - mean) / standard deviation of the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StandardizeConfig {
    /// Replacement of missing values: mean (default), median, zero, or error.
    #[serde(default)]
    pub missing: MissingNumber,
    /// Adds a second feature: 1 where the value is missing, else 0. Default false.
    #[serde(default)]
    pub indicator: bool,
}

impl Settings for StandardizeConfig {
    const BARE: Option<&'static str> = Some("missing");
    const EXAMPLE: &'static str = "{standardize: {missing: median, indicator: true}}";
}

impl StandardizeConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let scaled = ScaledInput { name, missing: self.missing, indicator: self.indicator };
        scaled.fit(parts, |_, x| NumberFit::scale(x.mean, x.valid_scale(x.deviation)))
    }
}
