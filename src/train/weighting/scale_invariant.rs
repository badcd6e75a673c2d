//! The weighting `scale_invariant`: see [`ScaleInvariantConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// The sum of the losses' logarithms (the scale-invariant baseline of Navon et al., ICML 2022).
///
/// L = sum_k ln(L_k + e), so w_k = 1 / (L_k + e): multiplying a loss by a number changes nothing. e is 1e-8.
///
/// `weighting: scale_invariant`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleInvariantConfig {}

impl Settings for ScaleInvariantConfig {
    const EXAMPLE: &'static str = "scale_invariant";
}

impl BuildWeighting for ScaleInvariantConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(ScaleInvariant)
    }
}

pub struct ScaleInvariant;

/// Keeps the weight of a loss of 0 finite.
const LEAST: f64 = 1e-8;

impl Weighting for ScaleInvariant {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        losses.iter().map(|loss| loss.map_or(0.0, |loss| 1.0 / (loss + LEAST))).collect()
    }

    /// The logarithms in place of the weighted losses.
    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        losses.iter().flatten().map(|loss| (loss + LEAST).ln() - loss / (loss + LEAST)).sum()
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::method::{build, near};
    use crate::train::weighting::scale_invariant::ScaleInvariantConfig;

    /// methods.md 5: L = (1, 2, 4) -> 2.079442.
    #[test]
    fn golden_values() {
        let mut weighting = build(&ScaleInvariantConfig {}, 3);
        let losses = [Some(1.0), Some(2.0), Some(4.0)];
        let weights = weighting.weights(0, &losses);
        near(&weights, &[1.0, 0.5, 0.25]);
        let sum: f64 = losses.iter().flatten().zip(&weights).map(|(loss, weight)| loss * weight).sum();
        assert!((sum + weighting.penalty(&losses) - 2.079_442).abs() < 1e-6);
    }
}
