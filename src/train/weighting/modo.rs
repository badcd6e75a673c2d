//! The weighting `modo`: see [`MoDoConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{NonNegative, Positive};
use crate::train::solver::simplex::project;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities, GradientView};
use crate::train::weighting::gradient_method::{
    GradientContext, GradientWeights, GramianWeighting, select_tasks,
};
use crate::train::weighting::method::restore_values;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Multi-objective gradient with double sampling (MoDo; Chen et al., NeurIPS 2023): the weights are updated
/// with two independent batches, so that gradient noise does not bias them.
///
/// v <- P(v - gamma (J_1 J_2^T v + rho v)), P the projection onto the simplex, v = 1/K initially; d = J_3^T
/// v. Each batch is split into three parts, row by row in turn, for J_1, J_2 and J_3: increase `batch_size`
/// accordingly. A task without a label in one of the parts is absent from the step; task-specific layers are
/// trained on the mean over the parts.
///
/// `weighting: {modo: {gamma: 0.1, rho: 0.1}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoDoConfig {
    /// Learning rate of the weights. Default 0.1.
    #[serde(default = "default_gamma")]
    pub gamma: Positive,
    /// Pulls the weights towards each other. Default 0.1.
    #[serde(default = "default_rho")]
    pub rho: NonNegative,
}

impl Settings for MoDoConfig {
    const EXAMPLE: &'static str = "{modo: {gamma: 0.1, rho: 0.1}}";
}

fn default_gamma() -> Positive {
    Positive::constant(0.1)
}

fn default_rho() -> NonNegative {
    NonNegative::constant(0.1)
}

impl BuildWeighting for MoDoConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let tasks = context.tasks.len();
        let weights = vec![1.0 / tasks.max(1) as f64; tasks];
        WeightingMethod::gramian(MoDo { gamma: self.gamma.get(), rho: self.rho.get(), weights })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities {
            view: GradientView::DotProducts { parts: 3 },
            ..GradientCapabilities::DOT_PRODUCTS
        })
    }
}

struct MoDo {
    gamma: f64,
    rho: f64,
    weights: Vec<f64>,
}

impl GramianWeighting for MoDo {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let current = select_tasks(&self.weights, context.tasks);
        // The present tasks keep their total weight.
        let total: f64 = current.iter().sum();
        let v: Vec<f64> = match total > 0.0 {
            true => current.iter().map(|v| v / total).collect(),
            false => vec![1.0 / current.len() as f64; current.len()],
        };
        let update = context.gramian.matvec(&v);
        let moved: Vec<f64> =
            v.iter().zip(update).map(|(v, update)| v - self.gamma * (update + self.rho * v)).collect();
        let v = project(&moved);
        context.tasks.iter().zip(&v).for_each(|(task, v)| self.weights[*task] = v * total);
        GradientWeights::new(v, true)
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
    use crate::train::solver::Matrix;
    use crate::train::weighting::golden::{gramian, weights_from_gramian};
    use crate::train::weighting::method::assert_near;
    use crate::train::weighting::modo::{MoDoConfig, default_gamma, default_rho};

    /// methods.md 5: gamma = rho = .1, J_1 J_2^T = diag(1, 2), even weights -> .525 .475.
    #[test]
    fn golden_values() {
        let mut method = gramian(&MoDoConfig { gamma: default_gamma(), rho: default_rho() }, 2);
        let cross = Matrix::from_fn(2, |i, j| if i == j { (i + 1) as f64 } else { 0.0 });
        assert_near(&weights_from_gramian(&mut *method, &cross).weights, &[0.525, 0.475]);
        assert_near(&method.state(), &[0.525, 0.475]);
    }
}
