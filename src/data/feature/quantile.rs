//! The input kind `quantile`: see [`QuantileConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::quantiles::{distinct_quantiles, normal_quantile};
use crate::data::feature::scale::{NumberFit, ScaledInput};
use crate::data::feature::{Feature, FeaturePart, MissingNumber};
use crate::domain::choice_config::Settings;
use crate::domain::number::Quantiles;
use crate::domain::piecewise::PiecewiseFeatures;

/// A number mapped by its rank among the training rows to a normal (or uniform) distribution, linear between
/// quantiles: outliers and skewed distributions lose their weight. scikit-learn's `QuantileTransformer`,
/// except that a value which many rows share gets the middle of its ranks without a jump beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuantileConfig {
    /// The distribution of the training rows afterwards: normal (default), or uniform from 0 to 1.
    #[serde(default)]
    pub output: QuantileOutput,
    /// Number of quantiles, with the minimum and the maximum; at most the number of training rows. Default
    /// 1000.
    #[serde(default = "default_quantiles")]
    pub quantiles: Quantiles,
    /// Replacement of missing values: mean (default), median, zero, or error.
    #[serde(default)]
    pub missing: MissingNumber,
    /// Adds a second feature: 1 where the value is missing, else 0. Default false.
    #[serde(default)]
    pub indicator: bool,
}

/// The distribution that numbers are mapped to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuantileOutput {
    /// The standard normal distribution; the extremes of the training rows become -5.2 and 5.2.
    #[default]
    Normal,
    /// The uniform distribution from 0 to 1.
    Uniform,
}

fn default_quantiles() -> Quantiles {
    Quantiles::constant(1000)
}

impl Settings for QuantileConfig {
    const BARE: Option<&'static str> = Some("output");
    const EXAMPLE: &'static str = "{quantile: {output: normal, missing: median}}";
}

impl QuantileConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let scaled = ScaledInput { name, missing: self.missing, indicator: self.indicator };
        scaled.fit(parts, |present, statistics| {
            let (edges, ranks) = distinct_quantiles(present, self.quantiles.get() - 1);
            let values = match self.output {
                QuantileOutput::Normal => ranks.into_iter().map(normal_quantile).collect(),
                QuantileOutput::Uniform => ranks,
            };
            match edges.len() {
                0 | 1 => NumberFit::constant(statistics),
                _ => NumberFit::Pieces { edges, features: PiecewiseFeatures::Values(values) },
            }
        })
    }
}
