//! The weighting `gradnorm`: see [`GradNormConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{NonNegative, Positive};
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities, GradientLocation};
use crate::train::weighting::gradient_method::{
    GradientContext, GradientWeights, GramianWeighting, select_tasks,
};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Gradient normalization (GradNorm; Chen et al., ICML 2018): all tasks train at the same speed.
///
/// n_k = |g_k| at the last shared layer (or at the shared representation), G_k = w_k n_k, r_k = (L_k /
/// L_k(0)) / their mean, and t_k = mean(G) r_k^alpha. w minimizes sum_k |G_k - t_k| with t held constant:
/// dw_k = n_k sign(G_k - t_k), one SGD step of size `rate`, then w is scaled to sum T. L_k(0) is the task's
/// first loss; relative losses are clamped to [1e-6, 1e6]. The step is along sum_k w_k g_k with the weights
/// before their update, for the task-specific layers too.
///
/// `weighting: {gradnorm: {alpha: 1.5}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GradNormConfig {
    /// Strength of the pull towards equal training speed. Default 1.5.
    #[serde(default = "default_alpha")]
    pub alpha: NonNegative,
    /// Learning rate of the weights. Default 0.025.
    #[serde(default = "default_rate")]
    pub rate: Positive,
}

impl Settings for GradNormConfig {
    const BARE: Option<&'static str> = Some("alpha");
    const EXAMPLE: &'static str = "{gradnorm: {alpha: 1.5}}";
}

fn default_alpha() -> NonNegative {
    NonNegative::constant(1.5)
}

fn default_rate() -> Positive {
    Positive::constant(0.025)
}

impl BuildWeighting for GradNormConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let tasks = context.tasks.len();
        WeightingMethod::gramian(GradNorm {
            alpha: self.alpha.get(),
            rate: self.rate.get(),
            weights: vec![1.0; tasks],
            first: vec![f64::NAN; tasks],
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities {
            location: GradientLocation::LastLayerOrRepresentation,
            weights_heads: true,
            ..GradientCapabilities::DOT_PRODUCTS
        })
    }
}

struct GradNorm {
    alpha: f64,
    rate: f64,
    weights: Vec<f64>,
    /// L(0) of every task; NaN before its first label.
    first: Vec<f64>,
}

/// Lower bound of a weight.
const MIN_WEIGHT: f64 = 1e-4;

impl GradNorm {
    /// The gradient by w, and the objective it minimizes.
    fn gradient(&self, weights: &[f64], norms: &[f64], relative: &[f64]) -> (Vec<f64>, f64) {
        let count = norms.len() as f64;
        let weighted: Vec<f64> = weights.iter().zip(norms).map(|(weight, norm)| weight * norm).collect();
        let (mean_norm, mean_relative) =
            (weighted.iter().sum::<f64>() / count, relative.iter().sum::<f64>() / count);
        let targets = relative.iter().map(|relative| mean_norm * (relative / mean_relative).powf(self.alpha));
        let gaps: Vec<f64> = weighted.iter().zip(targets).map(|(norm, target)| norm - target).collect();
        let sign = |gap: f64| f64::from(i8::from(gap > 0.0)) - f64::from(i8::from(gap < 0.0));
        let gradient = norms.iter().zip(&gaps).map(|(norm, gap)| norm * sign(*gap)).collect();
        (gradient, gaps.iter().map(|gap| gap.abs()).sum())
    }
}

impl GramianWeighting for GradNorm {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let weights = select_tasks(&self.weights, context.tasks);
        let relative: Vec<f64> = context
            .tasks
            .iter()
            .zip(context.losses)
            .map(|(task, loss)| {
                let first = &mut self.first[*task];
                *first = if first.is_nan() { *loss } else { *first };
                if *first == 0.0 { 1.0 } else { (loss / *first).clamp(1e-6, 1e6) }
            })
            .collect();
        let norms = context.gramian.norms();
        let (gradient, _) = self.gradient(&weights, &norms, &relative);
        for (task, gradient) in context.tasks.iter().zip(gradient) {
            self.weights[*task] = (self.weights[*task] - self.rate * gradient).max(MIN_WEIGHT);
        }
        let scale = self.weights.len() as f64 / self.weights.iter().sum::<f64>();
        self.weights.iter_mut().for_each(|weight| *weight *= scale);
        GradientWeights::new(weights, norms.iter().any(|norm| *norm > 0.0))
    }

    fn state(&self) -> Vec<f64> {
        [self.weights.as_slice(), &self.first].concat()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let tasks = self.weights.len();
        let fits = state.len() == 2 * tasks;
        if fits {
            (self.weights, self.first) = (state[..tasks].to_vec(), state[tasks..].to_vec());
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::Matrix;
    use crate::train::weighting::gradient_method::{GradientContext, GramianWeighting};
    use crate::train::weighting::gradnorm::GradNorm;
    use crate::train::weighting::method::assert_near;

    /// methods.md 5: n = (2, .5), w = (1, 1), L / L(0) = (.5, 1), alpha = 1.5 -> objective 2.744087, gradient
    /// (2, -.5), then .968153 1.031847.
    #[test]
    fn golden_values() {
        let mut method = GradNorm { alpha: 1.5, rate: 0.025, weights: vec![1.0; 2], first: vec![1.0, 4.0] };
        let (gradient, objective) = method.gradient(&[1.0, 1.0], &[2.0, 0.5], &[0.5, 1.0]);
        assert_near(&gradient, &[2.0, -0.5]);
        assert!((objective - 2.744_087).abs() < 1e-6, "{objective}");
        let gramian = Matrix::from_fn(2, |i, j| if i == j { [4.0, 0.25][i] } else { 0.0 });
        let context = GradientContext { step: 0, tasks: &[0, 1], losses: &[0.5, 4.0], gramian: &gramian };
        assert_eq!(method.compute_weights(&context).weights, [1.0, 1.0]);
        assert_near(&method.compute_weights(&context).weights, &[0.968_153, 1.031_847]);
    }
}
