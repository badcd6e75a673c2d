//! The weighting `config`: see [`ConfigConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::solver::matrix::dot;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::imtl_g::impartial;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Conflict-free direction (ConFIG; Liu, Chu & Thuerey, arXiv 2408.11104): the direction that has the same
/// angle to all gradients.
///
/// With the unit gradients U and their cosines C: h = unit(U^+ 1) = U^T c / sqrt(c^T C c), c = C^+ 1; d =
/// (sum_k g_k . h) h, so w_k = (sum_j g_j . h) c_k / (n_k sqrt(c^T C c)). Zero gradients are left out. If C
/// is singular, its pseudo-inverse is used; such steps are counted.
///
/// `weighting: config`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigConfig {}

impl Settings for ConfigConfig {
    const EXAMPLE: &'static str = "config";
}

impl BuildWeighting for ConfigConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(ConFig)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS)
    }
}

struct ConFig;

impl GramianWeighting for ConFig {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let (cosines, coefficients, regular) = impartial(context.gramian);
        let products = cosines.matrix.matvec(&coefficients);
        let length = dot(&coefficients, &products).max(0.0).sqrt();
        if length <= 1e-12 * coefficients.iter().map(|value| value.abs()).fold(0.0, f64::max)
            || coefficients.is_empty()
        {
            return GradientWeights::new(vec![0.0; context.gramian.size()], false);
        }
        let projection = dot(&cosines.norms, &products) / length;
        let unit_weights: Vec<f64> = coefficients.iter().map(|value| projection * value / length).collect();
        GradientWeights::new(cosines.weights(&unit_weights, 0.0), regular)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::config::ConfigConfig;
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::method::assert_near;

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let direction_for = |rows: &[Vec<f64>]| direction(rows, &weights_for(&ConfigConfig {}, rows).weights);
        assert_near(&direction_for(&matrix_a()), &[0.158_809, 2.070_607, 2.070_607]);
        assert_near(&direction_for(&matrix_b()), &[-0.711_928, -0.278_334, 0.893_091, 0.698_751]);
    }

    #[test]
    fn zero_gradients_are_not_regular() {
        let result = weights_for(&ConfigConfig {}, &vec![vec![0.0; 2]; 2]);
        assert_eq!((result.weights.as_slice(), result.regular), ([0.0, 0.0].as_slice(), false));
    }
}
