//! The input kind `number`: see [`NumberConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::scale::{NumberFit, ScaledInput};
use crate::data::feature::{Feature, FeaturePart, MissingNumber};
use crate::domain::choice_config::Settings;

/// A number without scaling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberConfig {
    /// Replacement of missing values: mean (default), median, zero, or error.
    #[serde(default)]
    pub missing: MissingNumber,
    /// Adds a second feature: 1 where the value is missing, else 0. Default false.
    #[serde(default)]
    pub indicator: bool,
}

impl Settings for NumberConfig {
    const BARE: Option<&'static str> = Some("missing");
    const EXAMPLE: &'static str = "{number: {missing: zero}}";
}

impl NumberConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let scaled = ScaledInput { name, missing: self.missing, indicator: self.indicator };
        scaled.fit(parts, |_, _| NumberFit::scale(0.0, Some(1.0)))
    }
}
