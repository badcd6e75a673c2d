//! The weighting `fairgrad`: see [`FairGradConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::train::solver::fair::solve_bargaining;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Fair resource allocation (FairGrad; Ban & Ji, ICML 2024): the benefit of the step is distributed
/// alpha-fairly among the tasks.
///
/// w > 0 with G w = w^(-1/alpha), element-wise. alpha = 1 is the Nash bargaining solution (without its step
/// length limit), small alpha is close to equal weights, large alpha to max-min fairness. Solved by a damped
/// Newton method; see `nash_mtl` for gradients that cancel.
///
/// `weighting: {fairgrad: {alpha: 1.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FairGradConfig {
    /// Degree of fairness: a small value is close to equal weights, 1 is the Nash bargaining solution, a
    /// large value is close to max-min fairness. Default 1.
    #[serde(default = "default_alpha")]
    pub alpha: Positive,
}

impl Settings for FairGradConfig {
    const BARE: Option<&'static str> = Some("alpha");
    const EXAMPLE: &'static str = "{fairgrad: {alpha: 1.0}}";
}

fn default_alpha() -> Positive {
    Positive::constant(1.0)
}

impl BuildWeighting for FairGradConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(FairGrad { alpha: self.alpha.get() })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS)
    }
}

struct FairGrad {
    alpha: f64,
}

impl GramianWeighting for FairGrad {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let solution = solve_bargaining(context.gramian, self.alpha);
        GradientWeights::new(solution.weights, solution.is_solved)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Positive;
    use crate::train::weighting::fairgrad::FairGradConfig;
    use crate::train::weighting::golden::{matrix_a, matrix_b, weights_for};
    use crate::train::weighting::method::assert_near;

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let weights = |alpha: f64, rows: &[Vec<f64>]| {
            weights_for(&FairGradConfig { alpha: Positive::constant(alpha) }, rows).weights
        };
        assert_near(&weights(0.5, &matrix_a()), &[0.742_828, 0.525_393]);
        assert_near(&weights(1.0, &matrix_a()), &[0.591_461, 0.407_071]);
        assert_near(&weights(2.0, &matrix_a()), &[0.471_363, 0.319_454]);
        assert_near(&weights(2.0, &matrix_b()), &[1.105_159, 2.122_062, 1.226_248]);
        // alpha -> 0 is equal weights, if these decrease all losses.
        let agreeing = [vec![1.0, 0.0], vec![1.0, 1.0]];
        assert!(weights(0.001, &agreeing).iter().all(|weight| (weight - 1.0).abs() < 0.01));
    }
}
