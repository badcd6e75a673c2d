//! The weighting `sdmgrad`: see [`SdmGradConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, NonNegative, Positive};
use crate::train::solver::simplex::project;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities, GradientView};
use crate::train::weighting::gradient_method::{
    GradientContext, GradientWeights, GramianWeighting, select_tasks,
};
use crate::train::weighting::method::restore_values;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Stochastic direction-oriented multi-objective gradient (SDMGrad; Xiao, Ban & Ji, NeurIPS 2023): between
/// the mean gradient and the shortest convex combination, estimated from two independent batches.
///
/// A = J_1 J_2^T / s^2, s the mean of the square roots of its diagonal (negative entries count as 0).
/// `iterations` steps of SGD (momentum 0.5) on v with the gradient A (v + lambda e), e = 1/K, each projected
/// onto the simplex, starting from the v of the previous step; w = (v + lambda e) / (1 + lambda), d = J_3^T
/// w. Batches are split as for `modo`.
///
/// `weighting: {sdmgrad: {lambda: 0.3, iterations: 20}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SdmGradConfig {
    /// Weight of the mean gradient; 0 is MGDA. Default 0.3.
    #[serde(default = "default_lambda")]
    pub lambda: NonNegative,
    /// Learning rate of the weights. Default 10.
    #[serde(default = "default_rate")]
    pub rate: Positive,
    /// SGD steps on the weights per training step. Default 20.
    #[serde(default = "default_iterations")]
    pub iterations: Count,
}

impl Settings for SdmGradConfig {
    const EXAMPLE: &'static str = "{sdmgrad: {lambda: 0.3, iterations: 20}}";
}

fn default_lambda() -> NonNegative {
    NonNegative::constant(0.3)
}

fn default_rate() -> Positive {
    Positive::constant(10.0)
}

fn default_iterations() -> Count {
    Count::constant(20)
}

impl BuildWeighting for SdmGradConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let tasks = context.tasks.len();
        WeightingMethod::gramian(SdmGrad {
            lambda: self.lambda.get(),
            rate: self.rate.get(),
            iterations: self.iterations.get(),
            weights: vec![1.0 / tasks.max(1) as f64; tasks],
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities {
            view: GradientView::DotProducts { parts: 3 },
            ..GradientCapabilities::DOT_PRODUCTS
        })
    }
}

struct SdmGrad {
    lambda: f64,
    rate: f64,
    iterations: usize,
    /// v of every task.
    weights: Vec<f64>,
}

const MOMENTUM: f64 = 0.5;

impl GramianWeighting for SdmGrad {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let tasks = context.tasks.len();
        let uniform = 1.0 / tasks as f64;
        let total: f64 = select_tasks(&self.weights, context.tasks).iter().sum();
        let mut v = project(&select_tasks(&self.weights, context.tasks));
        let scale = context.gramian.norms().iter().sum::<f64>() / tasks as f64;
        let regular = scale > 0.0;
        let cross = context.gramian.scaled(&vec![if regular { 1.0 / scale } else { 0.0 }; tasks]);
        let mut velocity = vec![0.0; tasks];
        for _ in 0..self.iterations {
            let mixed: Vec<f64> = v.iter().map(|v| v + self.lambda * uniform).collect();
            for (velocity, gradient) in velocity.iter_mut().zip(cross.matvec(&mixed)) {
                *velocity = MOMENTUM * *velocity + gradient;
            }
            let moved: Vec<f64> =
                v.iter().zip(&velocity).map(|(v, velocity)| v - self.rate * velocity).collect();
            v = project(&moved);
        }
        context.tasks.iter().zip(&v).for_each(|(task, v)| self.weights[*task] = v * total);
        let weights = v.iter().map(|v| (v + self.lambda * uniform) / (1.0 + self.lambda)).collect();
        GradientWeights::new(weights, regular)
    }

    fn state(&self) -> Vec<f64> {
        self.weights.clone()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        restore_values(&mut self.weights, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Count;
    use crate::train::solver::Matrix;
    use crate::train::weighting::golden::{gramian, weights_from_gramian};
    use crate::train::weighting::method::assert_near;
    use crate::train::weighting::sdmgrad::{SdmGradConfig, default_lambda, default_rate};

    /// methods.md 5: one iteration; A = diag(1, .25, 0) -> 1/13 1/13 11/13, then A = I -> 6/13 6/13 1/13. The
    /// division by s removes the mean root of the diagonal, (1 + .5 + 0) / 3 = .5.
    #[test]
    fn golden_values() {
        let config =
            SdmGradConfig { lambda: default_lambda(), rate: default_rate(), iterations: Count::constant(1) };
        let mut method = gramian(&config, 3);
        let diagonal = |cells: [f64; 3]| Matrix::from_fn(3, |i, j| if i == j { cells[i] } else { 0.0 });
        assert_near(
            &weights_from_gramian(&mut *method, &diagonal([1.0, 0.25, 0.0])).weights,
            &[1.0 / 13.0, 1.0 / 13.0, 11.0 / 13.0],
        );
        assert_near(
            &weights_from_gramian(&mut *method, &diagonal([1.0; 3])).weights,
            &[6.0 / 13.0, 6.0 / 13.0, 1.0 / 13.0],
        );
    }
}
