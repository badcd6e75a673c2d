//! The weighting `pcgrad`: see [`PcGradConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::solver::Matrix;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::random_draw::orders;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Gradient surgery (PCGrad; Yu et al., NeurIPS 2020): conflicting components are projected out of each
/// gradient.
///
/// For each i, p = g_i; for the others j in random order: if p . g_j < 0, p -= (p . g_j) / |g_j|^2 g_j. d =
/// sum_i p (or their mean). In terms of dot products: c = e_i; s = (G c)_j; if s < 0, c_j -= s / G_jj; w =
/// sum_i c. The order depends on the trial's seed and the step number.
///
/// `weighting: pcgrad`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PcGradConfig {
    /// sum (the default) or mean of the projected gradients.
    #[serde(default)]
    pub reduction: Reduction,
}

impl Settings for PcGradConfig {
    const BARE: Option<&'static str> = Some("reduction");
    const EXAMPLE: &'static str = "pcgrad";
}

/// How the projected gradients are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Their sum.
    #[default]
    Sum,
    /// Their mean.
    Mean,
}

impl BuildWeighting for PcGradConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(PcGrad { reduction: self.reduction, seed: context.seed })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS)
    }
}

struct PcGrad {
    reduction: Reduction,
    seed: u64,
}

/// The weights if task i is projected onto the others in the order `orders[i]`.
fn project_conflicts(gramian: &Matrix, orders: &[Vec<usize>]) -> Vec<f64> {
    let mut weights = vec![0.0; gramian.size()];
    for (task, others) in orders.iter().enumerate() {
        let mut c = vec![0.0; gramian.size()];
        c[task] = 1.0;
        for other in others {
            let product = gramian.matvec(&c)[*other];
            // A zero gradient conflicts with nothing.
            if product < 0.0 && gramian[(*other, *other)] > 0.0 {
                c[*other] -= product / gramian[(*other, *other)];
            }
        }
        weights.iter_mut().zip(c).for_each(|(weight, c)| *weight += c);
    }
    weights
}

impl GramianWeighting for PcGrad {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let tasks = context.tasks.len();
        let mut weights = project_conflicts(context.gramian, &orders(self.seed, context.step, tasks));
        if self.reduction == Reduction::Mean {
            weights.iter_mut().for_each(|weight| *weight /= tasks as f64);
        }
        GradientWeights::new(weights, true)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::Matrix;
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::method::assert_near;
    use crate::train::weighting::pcgrad::{PcGradConfig, Reduction, project_conflicts};

    /// methods.md 5: K = 2 has one order; for B, the orders 0, 1, 2 and 2, 1, 0.
    #[test]
    fn golden_values() {
        let weights = weights_for(&PcGradConfig { reduction: Reduction::Sum }, &matrix_a()).weights;
        assert_near(&weights, &[2.222_222, 1.578_947]);
        assert_near(&direction(&matrix_a(), &weights), &[0.584_795, 3.801_170, 3.801_170]);
        assert_near(
            &weights_for(&PcGradConfig { reduction: Reduction::Mean }, &matrix_a()).weights,
            &[1.111_111, 0.789_474],
        );
        let gramian = Matrix::gramian(&matrix_b());
        assert_near(&project_conflicts(&gramian, &[vec![1, 2], vec![0, 2], vec![0, 1]]), &[1.6, 2.7, 1.9]);
        assert_near(
            &project_conflicts(&gramian, &[vec![2, 1], vec![2, 0], vec![1, 0]]),
            &[1.933_333, 2.833_333, 1.666_667],
        );
    }
}
