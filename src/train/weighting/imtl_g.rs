//! The weighting `imtl_g`: see [`ImtlGConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::solver::Matrix;
use crate::train::solver::eigen::Eigen;
use crate::train::solver::matrix::CosineGramian;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Impartial learning by gradients (IMTL-G; Liu et al., ICLR 2021): the step has the same projection onto
/// every task's gradient.
///
/// d . u_k is equal for all unit gradients u_k, and sum w = 1. With the cosines C and norms n: w = D^-1 C^+
/// 1 with D = diag(n), divided by its sum. Weights can be negative. Zero gradients are left out. If C is
/// singular, its pseudo-inverse is used; if the sum is 0, d is 0; such steps are counted.
///
/// `weighting: imtl_g`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImtlGConfig {}

impl Settings for ImtlGConfig {
    const EXAMPLE: &'static str = "imtl_g";
}

impl BuildWeighting for ImtlGConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(ImtlG)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS.or_at_representation())
    }
}

/// Balances projections; `imtl` uses it too.
pub struct ImtlG;

/// Relative to the largest eigenvalue of the cosines; smaller ones are rounding errors.
const TOLERANCE: f64 = 1e-10;

/// The cosines C, C^+ 1, and whether C is regular.
pub fn impartial(gramian: &Matrix) -> (CosineGramian, Vec<f64>, bool) {
    let cosines = CosineGramian::from_gramian(gramian);
    let eigen = Eigen::decompose(&cosines.matrix);
    let coefficients = eigen.inverse(&vec![1.0; cosines.rows.len()], TOLERANCE);
    let regular = !cosines.has_zero_rows() && eigen.rank(TOLERANCE) == cosines.rows.len();
    (cosines, coefficients, regular)
}

impl GramianWeighting for ImtlG {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let (cosines, coefficients, regular) = impartial(context.gramian);
        // Relative to the shortest gradient, so that no inverse overflows.
        let least = cosines.norms.iter().copied().fold(f64::INFINITY, f64::min);
        let scaled: Vec<f64> = coefficients.iter().map(|value| value * least).collect();
        let weights = cosines.weights(&scaled, 0.0);
        let (sum, size) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w.abs()).sum::<f64>());
        match sum.abs() > 1e-12 * size {
            true => GradientWeights::new(weights.iter().map(|weight| weight / sum).collect(), regular),
            false => GradientWeights::new(vec![0.0; weights.len()], false),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::imtl_g::ImtlGConfig;
    use crate::train::weighting::method::assert_near;

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let weights = weights_for(&ImtlGConfig {}, &matrix_a()).weights;
        assert_near(&weights, &[0.592_330, 0.407_670]);
        assert_near(&direction(&matrix_a(), &weights), &[0.076_697, 1.0, 1.0]);
        assert_near(&weights_for(&ImtlGConfig {}, &matrix_b()).weights, &[0.248_969, 0.471_665, 0.279_365]);
    }

    #[test]
    fn zero_and_identical_gradients_are_not_regular() {
        assert_eq!(weights_for(&ImtlGConfig {}, &vec![vec![0.0; 2]; 2]).weights, [0.0, 0.0]);
        let identical = weights_for(&ImtlGConfig {}, &[vec![1.0, 2.0], vec![1.0, 2.0]]);
        assert!(!identical.regular);
        assert_near(&identical.weights, &[0.5, 0.5]);
    }
}
