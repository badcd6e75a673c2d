//! The weighting `dynamic_priority`: see [`DynamicPriorityConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{NonNegative, Rate};
use crate::train::weighting::method::restore_values;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Dynamic task prioritization (Guo et al., ECCV 2018): difficult tasks get more weight.
///
/// w_k = -(1 - q_k)^gamma ln q_k, where q_k in (0, 1) measures the performance on the task: the moving
/// average q_k <- smoothing q_k + (1 - smoothing) exp(-L_k). For a loss that is a mean of -ln p, exp(-L) is
/// the geometric mean of the probabilities of the labels; the paper uses the accuracy or a similar metric.
/// (A negative loss counts as 0.)
///
/// `weighting: {dynamic_priority: {gamma: 1.0, smoothing: 0.9}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DynamicPriorityConfig {
    /// How strongly easy tasks are down-weighted. Default 1.
    #[serde(default = "default_gamma")]
    pub gamma: NonNegative,
    /// Share of the moving average that is kept in each step. Default 0.9.
    #[serde(default = "default_smoothing")]
    pub smoothing: Rate,
}

impl Settings for DynamicPriorityConfig {
    const BARE: Option<&'static str> = Some("gamma");
    const EXAMPLE: &'static str = "{dynamic_priority: {gamma: 1.0, smoothing: 0.9}}";
}

fn default_gamma() -> NonNegative {
    NonNegative::constant(1.0)
}

fn default_smoothing() -> Rate {
    Rate::constant(0.9)
}

impl BuildWeighting for DynamicPriorityConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(DynamicPriority {
            gamma: self.gamma.get(),
            smoothing: self.smoothing.get(),
            performance: vec![f64::NAN; context.tasks.len()],
        })
    }
}

struct DynamicPriority {
    gamma: f64,
    smoothing: f64,
    /// q of every task; NaN before its first label.
    performance: Vec<f64>,
}

impl Weighting for DynamicPriority {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        for (average, loss) in self.performance.iter_mut().zip(losses) {
            let Some(now) = loss.map(|loss| (-loss.max(0.0)).exp().clamp(1e-12, 1.0)) else { continue };
            *average =
                if average.is_nan() { now } else { self.smoothing * *average + (1.0 - self.smoothing) * now };
        }
        let weight = |q: &f64| if q.is_nan() { 0.0 } else { -(1.0 - q).powf(self.gamma) * q.ln() };
        // q = 1 gives -0; max makes it 0.
        self.performance.iter().map(|q| weight(q).max(0.0)).collect()
    }

    fn state(&self) -> Vec<f64> {
        self.performance.clone()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        restore_values(&mut self.performance, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::NonNegative;
    use crate::train::weighting::dynamic_priority::{DynamicPriorityConfig, default_smoothing};
    use crate::train::weighting::method::{assert_near, build};

    /// By hand: q = exp(-ln 2) = 1/2 -> (1/2)^2 ln 2; then .9 / 2 + .1 * 1 = .55 -> .45^2 * -ln .55.
    #[test]
    fn by_hand() {
        let mut weighting = build(
            &DynamicPriorityConfig { gamma: NonNegative::constant(2.0), smoothing: default_smoothing() },
            2,
        );
        assert_near(&weighting.weights(0, &[Some(2.0_f64.ln()), None]), &[0.25 * 2.0_f64.ln(), 0.0]);
        assert_near(&weighting.weights(1, &[Some(0.0), Some(0.0)]), &[0.2025 * -0.55_f64.ln(), 0.0]);
    }
}
