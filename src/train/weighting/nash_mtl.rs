//! The weighting `nash_mtl`: see [`NashMtlConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Positive};
use crate::train::solver::fair::solve_bargaining;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{
    GradientContext, GradientWeights, GramianWeighting, select_tasks,
};
use crate::train::weighting::method::restore_values;
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Nash bargaining (Nash-MTL; Navon et al., ICML 2022): the step is the Nash bargaining solution of the
/// tasks, which does not depend on the scale of the losses.
///
/// w > 0 with G w = 1 / w, element-wise; then |J^T w| = sqrt(K), and longer steps are scaled to `max_norm`.
/// Solved by a damped Newton method on cosines, so that gradient norms do not matter. If gradients cancel,
/// no w is finite: 1e-8 I is added to the cosines, and such steps are counted. Zero gradients are left out,
/// and their steps are counted too.
///
/// `weighting: {nash_mtl: {every: 1}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NashMtlConfig {
    /// Steps between two solutions; in between, the weights are kept. Default 1.
    #[serde(default = "default_every")]
    pub every: Count,
    /// Maximum norm of the step. Default 1.
    #[serde(default = "default_max_norm")]
    pub max_norm: Positive,
}

impl Settings for NashMtlConfig {
    const EXAMPLE: &'static str = "nash_mtl";
}

fn default_every() -> Count {
    Count::constant(1)
}

fn default_max_norm() -> Positive {
    Positive::constant(1.0)
}

impl BuildWeighting for NashMtlConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(NashMtl {
            every: self.every.get() as u64,
            max_norm: self.max_norm.get(),
            last: vec![f64::NAN; context.tasks.len()],
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS)
    }
}

struct NashMtl {
    every: u64,
    max_norm: f64,
    /// The last weights; NaN for tasks without any yet.
    last: Vec<f64>,
}

impl GramianWeighting for NashMtl {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let mut weights = select_tasks(&self.last, context.tasks);
        let mut regular = true;
        if context.step.is_multiple_of(self.every) || weights.iter().any(|weight| weight.is_nan()) {
            let solution = solve_bargaining(context.gramian, 1.0);
            (weights, regular) = (solution.weights, solution.is_solved);
            context.tasks.iter().zip(&weights).for_each(|(task, weight)| self.last[*task] = *weight);
        }
        let length = context.gramian.bilinear(&weights, &weights).max(0.0).sqrt();
        let scale = if length > self.max_norm { self.max_norm / length } else { 1.0 };
        GradientWeights::new(weights.iter().map(|weight| weight * scale).collect(), regular)
    }

    fn state(&self) -> Vec<f64> {
        self.last.clone()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        restore_values(&mut self.last, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Count, Positive};
    use crate::train::solver::Matrix;
    use crate::train::weighting::golden::{direction, gramian, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::gradient_method::GradientContext;
    use crate::train::weighting::method::assert_near;
    use crate::train::weighting::nash_mtl::{NashMtlConfig, default_every, default_max_norm};

    fn unlimited() -> NashMtlConfig {
        NashMtlConfig { every: default_every(), max_norm: Positive::constant(1e9) }
    }

    /// methods.md 5: without limit, and scaled to norm 1.
    #[test]
    fn golden_values() {
        assert_near(&weights_for(&unlimited(), &matrix_a()).weights, &[0.591_461, 0.407_071]);
        let weights =
            weights_for(&NashMtlConfig { every: default_every(), max_norm: default_max_norm() }, &matrix_a())
                .weights;
        assert_near(&direction(&matrix_a(), &weights), &[0.054_153, 0.706_069, 0.706_069]);
        let weights = weights_for(&unlimited(), &matrix_b()).weights;
        assert_near(&weights, &[1.023_836, 1.897_746, 1.122_358]);
        let d = direction(&matrix_b(), &weights);
        assert!((d.iter().map(|d| d * d).sum::<f64>() - 3.0).abs() < 1e-6);
    }

    #[test]
    fn weights_are_kept_between_solutions() {
        let config = NashMtlConfig { every: Count::constant(2), max_norm: Positive::constant(1e9) };
        let mut method = gramian(&config, 2);
        let mut at = |step, scale: f64| {
            let g = Matrix::gramian(&matrix_a()).scaled(&[scale, scale]);
            method
                .compute_weights(&GradientContext { step, tasks: &[0, 1], losses: &[1.0; 2], gramian: &g })
                .weights
        };
        let first = at(0, 1.0);
        assert_eq!(at(1, 0.5), first);
        assert!((at(2, 0.5)[0] - 2.0 * first[0]).abs() < 1e-9);
    }
}
