//! The weighting `scale_invariant`: see [`ScaleInvariantConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// The sum of the log losses (the scale-invariant baseline of Navon et al., ICML 2022).
///
/// L = sum_k ln(L_k + e), so w_k = 1 / (L_k + e): scaling a loss by a constant changes nothing. e is 1e-8.
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

/// Weights 1 / loss; `db_mtl` uses it too.
pub struct ScaleInvariant;

/// Keeps the weight of a zero loss finite.
const EPSILON: f64 = 1e-8;

impl Weighting for ScaleInvariant {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        losses.iter().map(|loss| loss.map_or(0.0, |loss| 1.0 / (loss + EPSILON))).collect()
    }

    /// Replaces the weighted losses by the logarithms.
    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        losses.iter().flatten().map(|loss| (loss + EPSILON).ln() - loss / (loss + EPSILON)).sum()
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::method::{assert_near, build, joint_loss};
    use crate::train::weighting::scale_invariant::ScaleInvariantConfig;

    /// methods.md 5: L = (1, 2, 4) -> 2.079442.
    #[test]
    fn golden_values() {
        let mut weighting = build(&ScaleInvariantConfig {}, 3);
        let losses = [Some(1.0), Some(2.0), Some(4.0)];
        assert_near(&weighting.weights(0, &losses), &[1.0, 0.5, 0.25]);
        assert!((joint_loss(&mut *weighting, &losses) - 2.079_442).abs() < 1e-6);
    }
}
