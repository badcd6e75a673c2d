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

/// Gradient normalization (GradNorm; Chen et al., ICML 2018): tasks shall train at the same speed.
///
/// n_k = |g_k| of the last shared layer (or of the point that tasks read), G_k = w_k n_k, r_k = (L_k /
/// L_k(0)) / their mean, and t_k = mean(G) r_k^alpha. w learns from sum_k |G_k - t_k|, t held constant: dw_k
/// = n_k sign(G_k - t_k), a plain step of size `rate`, and is then scaled to sum T. L_k(0) is the task's
/// first loss; a relative loss counts between 1e-6 and 1e6. The step is along sum_k w_k g_k with the weights
/// before they learn, tasks' own layers too.
///
/// `weighting: {gradnorm: {alpha: 1.5}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GradNormConfig {
    /// How hard slow tasks are pulled along. Default 1.5.
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
    fn build(&self, setting: &WeightingContext) -> WeightingMethod {
        let tasks = setting.tasks.len();
        WeightingMethod::gramian(GradNorm {
            alpha: self.alpha.get(),
            rate: self.rate.get(),
            weights: vec![1.0; tasks],
            first: vec![f64::NAN; tasks],
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities {
            location: GradientLocation::LastLayerOrPoint,
            heads: true,
            ..GradientCapabilities::DOT_PRODUCTS
        })
    }
}

struct GradNorm {
    alpha: f64,
    rate: f64,
    weights: Vec<f64>,
    /// L(0) of every task; NaN before.
    first: Vec<f64>,
}

/// No task is forgotten: of the sum T.
const LEAST: f64 = 1e-4;

impl GradNorm {
    /// The gradient of w, and the sum it lowers.
    fn slope(&self, weights: &[f64], norms: &[f64], relative: &[f64]) -> (Vec<f64>, f64) {
        let count = norms.len() as f64;
        let pulls: Vec<f64> = weights.iter().zip(norms).map(|(weight, norm)| weight * norm).collect();
        let (update, mean) = (pulls.iter().sum::<f64>() / count, relative.iter().sum::<f64>() / count);
        let targets = relative.iter().map(|relative| update * (relative / mean).powf(self.alpha));
        let gaps: Vec<f64> = pulls.iter().zip(targets).map(|(update, target)| update - target).collect();
        let sign = |gap: f64| f64::from(i8::from(gap > 0.0)) - f64::from(i8::from(gap < 0.0));
        let slope = norms.iter().zip(&gaps).map(|(norm, gap)| norm * sign(*gap)).collect();
        (slope, gaps.iter().map(|gap| gap.abs()).sum())
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
        let (slope, _) = self.slope(&weights, &norms, &relative);
        for (task, slope) in context.tasks.iter().zip(slope) {
            self.weights[*task] = (self.weights[*task] - self.rate * slope).max(LEAST);
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
    use crate::train::weighting::method::near;

    /// methods.md 5: n = (2, .5), w = (1, 1), L / L(0) = (.5, 1), alpha = 1.5 -> objective 2.744087, gradient
    /// (2, -.5), then .968153 1.031847.
    #[test]
    fn golden_values() {
        let mut method = GradNorm { alpha: 1.5, rate: 0.025, weights: vec![1.0; 2], first: vec![1.0, 4.0] };
        let (slope, objective) = method.slope(&[1.0, 1.0], &[2.0, 0.5], &[0.5, 1.0]);
        near(&slope, &[2.0, -0.5]);
        assert!((objective - 2.744_087).abs() < 1e-6, "{objective}");
        let gramian = Matrix::from_fn(2, |i, j| if i == j { [4.0, 0.25][i] } else { 0.0 });
        let context = GradientContext { step: 0, tasks: &[0, 1], losses: &[0.5, 4.0], gramian: &gramian };
        assert_eq!(method.compute_weights(&context).weights, [1.0, 1.0]);
        near(&method.compute_weights(&context).weights, &[0.968_153, 1.031_847]);
    }
}
