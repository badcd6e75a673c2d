//! The weighting `upgrad`: see [`UpGradConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::train::solver::Matrix;
use crate::train::solver::cone;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Unconflicting projection of gradients (UPGrad; Quinton & Rey, arXiv 2406.16232): each gradient is
/// projected onto the dual cone, the directions that conflict with no task's gradient; the step is the mean
/// of the projections.
///
/// For each i, v_i = argmin v^T G v over v >= p_i e_i; w = sum_i v_i, p = 1/K. Solved exactly on cosines.
/// With a `ridge`, G is replaced by G / tr G + ridge I, as TorchJD does with 1e-4: steps become shorter
/// where gradients nearly cancel, and may conflict slightly.
///
/// `weighting: upgrad`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpGradConfig {
    /// Added to the diagonal of the Gramian divided by its trace. Default 0.
    #[serde(default = "default_ridge")]
    pub ridge: NonNegative,
}

impl Settings for UpGradConfig {
    const BARE: Option<&'static str> = Some("ridge");
    const EXAMPLE: &'static str = "upgrad";
}

fn default_ridge() -> NonNegative {
    NonNegative::constant(0.0)
}

impl BuildWeighting for UpGradConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(UpGrad { ridge: self.ridge.get() })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS)
    }
}

struct UpGrad {
    ridge: f64,
}

/// G for a ridge of 0, otherwise G / tr G + ridge I.
pub fn with_ridge(gramian: &Matrix, ridge: f64) -> Matrix {
    let trace: f64 = gramian.diagonal().iter().sum();
    if ridge == 0.0 || trace <= 0.0 {
        return gramian.clone();
    }
    let root = 1.0 / trace.sqrt();
    gramian.scaled(&vec![root; gramian.size()]).add_ridge(ridge)
}

impl GramianWeighting for UpGrad {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let gramian = with_ridge(context.gramian, self.ridge);
        let tasks = gramian.size();
        let (mut weights, mut reached) = (vec![0.0; tasks], true);
        for task in 0..tasks {
            let mut lower_bounds = vec![0.0; tasks];
            lower_bounds[task] = 1.0 / tasks as f64;
            let solution = cone::project(&gramian, &lower_bounds);
            reached &= solution.converged;
            weights.iter_mut().zip(solution.x).for_each(|(weight, share)| *weight += share);
        }
        GradientWeights::new(weights, reached)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::NonNegative;
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::method::assert_near;
    use crate::train::weighting::upgrad::{UpGradConfig, default_ridge};

    /// methods.md 5: exact, and with TorchJD's ridge.
    #[test]
    fn golden_values() {
        let weights = weights_for(&UpGradConfig { ridge: default_ridge() }, &matrix_a()).weights;
        assert_near(&weights, &[1.111_111, 0.789_474]);
        assert_near(&direction(&matrix_a(), &weights), &[0.292_398, 1.900_585, 1.900_585]);
        let weights = weights_for(&UpGradConfig { ridge: NonNegative::constant(1e-4) }, &matrix_a()).weights;
        assert_near(&weights, &[1.110_921, 0.789_431]);
        assert_near(
            &weights_for(&UpGradConfig { ridge: default_ridge() }, &matrix_b()).weights,
            &[0.683_761, 1.194_444, 0.737_179],
        );
    }
}
