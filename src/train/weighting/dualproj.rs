//! The weighting `dualproj`: see [`DualProjConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::train::solver::cone;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::upgrad::with_ridge;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Projection onto the dual cone (DualProj; GEM, Lopez-Paz & Ranzato, NeurIPS 2017): the direction closest
/// to the mean gradient that conflicts with no task's gradient.
///
/// w = argmin v^T G v over v >= p, p = 1/K. Solved exactly on cosines; `ridge` as for `upgrad`.
///
/// `weighting: dualproj`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DualProjConfig {
    /// Added to the diagonal of the Gramian divided by its trace. Default 0.
    #[serde(default = "default_ridge")]
    pub ridge: NonNegative,
}

impl Settings for DualProjConfig {
    const BARE: Option<&'static str> = Some("ridge");
    const EXAMPLE: &'static str = "dualproj";
}

fn default_ridge() -> NonNegative {
    NonNegative::constant(0.0)
}

impl BuildWeighting for DualProjConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(DualProj { ridge: self.ridge.get() })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS)
    }
}

struct DualProj {
    ridge: f64,
}

impl GramianWeighting for DualProj {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let tasks = context.gramian.size();
        let solution =
            cone::project(&with_ridge(context.gramian, self.ridge), &vec![1.0 / tasks as f64; tasks]);
        GradientWeights::new(solution.x, solution.converged)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::NonNegative;
    use crate::train::weighting::dualproj::{DualProjConfig, default_ridge};
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::method::assert_near;

    /// methods.md 5: exact, and with TorchJD's ridge.
    #[test]
    fn golden_values() {
        let weights = weights_for(&DualProjConfig { ridge: default_ridge() }, &matrix_a()).weights;
        assert_near(&weights, &[0.611_111, 0.5]);
        assert_near(&direction(&matrix_a(), &weights), &[0.555_556, 1.111_111, 1.111_111]);
        assert_near(
            &weights_for(&DualProjConfig { ridge: NonNegative::constant(1e-4) }, &matrix_a()).weights,
            &[0.610_921, 0.5],
        );
        assert_near(
            &weights_for(&DualProjConfig { ridge: default_ridge() }, &matrix_b()).weights,
            &[1.0 / 3.0, 0.5, 1.0 / 3.0],
        );
    }
}
