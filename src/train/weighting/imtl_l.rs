//! The weighting `imtl_l`: see [`ImtlLConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Finite, Positive};
use crate::train::weighting::learned::LearnedScalar;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Impartial learning by losses (IMTL-L; Liu et al., ICLR 2021): a trained scale brings every loss to 1.
///
/// L = sum_k exp(s_k) L_k - s_k, so w_k = exp(s_k) and dL/ds_k = exp(s_k) L_k - 1; at the optimum exp(s_k)
/// L_k = 1. It is twice `uncertainty` with the sign of s flipped. s is trained by its own Adam, follows the
/// learning rate schedule, and has no weight decay.
///
/// `weighting: {imtl_l: {initial: 0.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImtlLConfig {
    /// Initial value of every s. Default 0.
    #[serde(default = "default_initial")]
    pub initial: Finite,
    /// Learning rate of s (Adam, no weight decay). Default: the optimizer's.
    #[serde(default)]
    pub rate: Option<Positive>,
}

impl Settings for ImtlLConfig {
    const EXAMPLE: &'static str = "{imtl_l: {initial: 0.0}}";
}

fn default_initial() -> Finite {
    Finite::constant(0.0)
}

impl BuildWeighting for ImtlLConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let rate = self.rate.map_or(context.rate, Positive::get);
        WeightingMethod::losses(ImtlL::new(rate, self.initial.get(), context.tasks.len()))
    }
}

/// One trained scale per task; `imtl` uses it too.
pub struct ImtlL {
    rate: f64,
    /// s of every task.
    scales: Vec<LearnedScalar>,
}

impl ImtlL {
    /// One scale per task, learned with the rate `rate` from `initial`.
    pub fn new(rate: f64, initial: f64, tasks: usize) -> Self {
        Self { rate, scales: vec![LearnedScalar::new(initial); tasks] }
    }
}

impl Weighting for ImtlL {
    fn weights(&mut self, _: u64, _: &[Option<f64>]) -> Vec<f64> {
        self.scales.iter().map(|s| s.value.exp()).collect()
    }

    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        let tasks = self.scales.iter().zip(losses).filter(|(_, loss)| loss.is_some());
        tasks.map(|(s, _)| -s.value).sum()
    }

    fn learn(&mut self, losses: &[Option<f64>], schedule: f64) {
        for (s, loss) in self.scales.iter_mut().zip(losses) {
            if let Some(loss) = loss {
                s.learn(s.value.exp() * loss - 1.0, self.rate * schedule);
            }
        }
    }

    fn state(&self) -> Vec<f64> {
        LearnedScalar::state(&self.scales)
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        LearnedScalar::restore(&mut self.scales, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Finite, Positive};
    use crate::train::weighting::imtl_l::{ImtlLConfig, default_initial};
    use crate::train::weighting::method::build;
    use crate::train::weighting::uncertainty::{UncertaintyConfig, UncertaintyForm};

    const LOSSES: [Option<f64>; 3] = [Some(1.0), Some(2.0), Some(4.0)];

    /// methods.md 5: at s = 0 -> 7, gradient (0, 1, 3): the first s stays.
    #[test]
    fn golden_values() {
        let mut weighting = build(&ImtlLConfig { initial: default_initial(), rate: None }, 3);
        assert_eq!(weighting.weights(0, &LOSSES), [1.0; 3]);
        assert_eq!(weighting.penalty(&LOSSES), 0.0);
        weighting.learn(&LOSSES, 1.0);
        let state = weighting.state();
        // Adam's first moment is a tenth of the gradient.
        for (task, gradient) in state.chunks(4).zip([0.0, 1.0, 3.0]) {
            assert!((task[1] - 0.1 * gradient).abs() < 1e-15, "{state:?}");
        }
    }

    /// methods.md 11: IMTL-L = 2 UW(-s), weights and penalty.
    #[test]
    fn is_twice_uncertainty_with_the_sign_flipped() {
        let s = 0.7;
        let mut imtl = build(&ImtlLConfig { initial: Finite::constant(s), rate: None }, 3);
        let config = UncertaintyConfig {
            form: UncertaintyForm::Standard,
            initial: Finite::constant(-s),
            rate: None,
            temperature: Positive::constant(1.0),
        };
        let mut uncertainty = build(&config, 3);
        for (a, b) in imtl.weights(0, &LOSSES).iter().zip(uncertainty.weights(0, &LOSSES)) {
            assert!((a - 2.0 * b).abs() < 1e-15);
        }
        assert!((imtl.penalty(&LOSSES) - 2.0 * uncertainty.penalty(&LOSSES)).abs() < 1e-15);
    }

    #[test]
    fn converges_to_scaled_losses_of_one() {
        let mut weighting =
            build(&ImtlLConfig { initial: default_initial(), rate: Some(Positive::constant(0.01)) }, 3);
        (0..5000).for_each(|_| weighting.learn(&LOSSES, 1.0));
        for (weight, loss) in weighting.weights(0, &LOSSES).iter().zip([1.0, 2.0, 4.0]) {
            assert!((weight * loss - 1.0).abs() < 1e-3);
        }
    }
}
