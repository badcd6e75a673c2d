//! The weighting `geometric`: see [`GeometricConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::weighting::method::count_present;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// The geometric mean of the losses (GLS; Chennupati et al., CVPR Workshops 2019): relative improvements
/// count, not absolute ones.
///
/// L = (prod_k L_k)^(1/K) over the K tasks of the batch, so w_k = L / (K L_k). Losses must be greater than
/// 0; otherwise the weights are NaN and training stops with an error that names the task.
///
/// `weighting: geometric`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeometricConfig {}

impl Settings for GeometricConfig {
    const EXAMPLE: &'static str = "geometric";
}

impl BuildWeighting for GeometricConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(Geometric)
    }
}

struct Geometric;

impl Weighting for Geometric {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        let count = count_present(losses) as f64;
        let mean = (losses.iter().flatten().map(|loss| loss.ln()).sum::<f64>() / count).exp();
        losses.iter().map(|loss| loss.map_or(0.0, |loss| mean / (count * loss))).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::geometric::GeometricConfig;
    use crate::train::weighting::method::{assert_near, build, joint_loss};

    /// methods.md 5: L = (1, 2, 4) -> 2, w = 2/3 1/3 1/6.
    #[test]
    fn golden_values() {
        let mut geometric = build(&GeometricConfig {}, 3);
        let losses = [Some(1.0), Some(2.0), Some(4.0)];
        assert_near(&geometric.weights(0, &losses), &[2.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0]);
        assert!((joint_loss(&mut *geometric, &losses) - 2.0).abs() < 1e-12);
        assert_near(&geometric.weights(0, &[Some(4.0), None, Some(9.0)]), &[0.75, 0.0, 1.0 / 3.0]);
    }

    #[test]
    fn a_negative_loss_yields_nan() {
        let weights = build(&GeometricConfig {}, 2).weights(0, &[Some(-1.0), Some(1.0)]);
        assert!(weights.iter().all(|weight| weight.is_nan()));
    }
}
