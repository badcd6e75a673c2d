//! The input kind `piecewise`: see [`PiecewiseConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::quantiles::distinct_quantiles;
use crate::data::feature::scale::{NumberFit, ScaledInput};
use crate::data::feature::{Feature, FeaturePart, MissingNumber};
use crate::domain::choice_config::Settings;
use crate::domain::number::Bins;
use crate::domain::piecewise::PiecewiseFeatures;

/// A number as its share of each of several bins, whose edges are quantiles of the training rows: the
/// piecewise linear encoding. A share is 0 below the bin, 1 above it, and linear inside, so that a network
/// can treat each range of the number in its own way. Helps most networks on tables (Gorishniy et al. 2022,
/// arXiv 2203.05556). With an `encoder` of one dense layer it is their learned embedding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PiecewiseConfig {
    /// Number of bins; fewer where quantiles are equal. Default 48.
    #[serde(default = "default_bins")]
    pub bins: Bins,
    /// Replacement of missing values: mean (default), median, zero, or error.
    #[serde(default)]
    pub missing: MissingNumber,
    /// Adds a last feature: 1 where the value is missing, else 0. Default false.
    #[serde(default)]
    pub indicator: bool,
}

fn default_bins() -> Bins {
    Bins::constant(48)
}

impl Settings for PiecewiseConfig {
    const BARE: Option<&'static str> = Some("bins");
    const EXAMPLE: &'static str = "{piecewise: {bins: 32, missing: median, indicator: true}}";
}

impl PiecewiseConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let scaled = ScaledInput { name, missing: self.missing, indicator: self.indicator };
        scaled.fit(parts, |present, statistics| {
            let (edges, _) = distinct_quantiles(present, self.bins.get());
            match edges.len() {
                0 | 1 => NumberFit::constant(statistics),
                _ => NumberFit::Pieces { edges, features: PiecewiseFeatures::Bins },
            }
        })
    }
}
