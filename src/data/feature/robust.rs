//! The input kind `robust`: see [`RobustConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::scale::{NumberFit, ScaledInput};
use crate::data::feature::{Feature, FeaturePart, MissingNumber};
use crate::domain::choice_config::Settings;
use crate::domain::quantile::quantile;

/// A number scaled as (x - median) / interquartile range of the training rows, so that outliers do not decide
/// the scale: scikit-learn's `RobustScaler`. Where the range is 0, the standard deviation takes its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RobustConfig {
    /// Replacement of missing values: mean (default), median, zero, or error.
    #[serde(default)]
    pub missing: MissingNumber,
    /// Adds a second feature: 1 where the value is missing, else 0. Default false.
    #[serde(default)]
    pub indicator: bool,
}

impl Settings for RobustConfig {
    const BARE: Option<&'static str> = Some("missing");
    const EXAMPLE: &'static str = "{robust: {missing: median}}";
}

impl RobustConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let scaled = ScaledInput { name, missing: self.missing, indicator: self.indicator };
        scaled.fit(parts, |present, x| {
            present.sort_unstable_by(f64::total_cmp);
            let range = quantile(present, 0.75) - quantile(present, 0.25);
            NumberFit::scale(x.median, x.valid_scale(if range > 0.0 { range } else { x.deviation }))
        })
    }
}
