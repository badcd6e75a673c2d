//! The weighting `dwa`: see [`DwaConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::train::solver::simplex::softmax;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Dynamic weight average (Liu, Johns & Davison, CVPR 2019): a task whose loss decreases slowly gets more
/// weight.
///
/// r_k = L_k(e-1) / L_k(e-2), the ratio of the mean training losses of the last two epochs; w = T softmax(r
/// / temperature); w = 1 in the first two epochs. A task without a label in an epoch keeps its last mean
/// loss; a ratio that is not finite counts as 1.
///
/// `weighting: {dwa: {temperature: 2.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DwaConfig {
    /// The softmax temperature: the larger, the more even the weights. Default 2.
    #[serde(default = "default_temperature")]
    pub temperature: Positive,
}

impl Settings for DwaConfig {
    const BARE: Option<&'static str> = Some("temperature");
    const EXAMPLE: &'static str = "{dwa: {temperature: 2.0}}";
}

fn default_temperature() -> Positive {
    Positive::constant(2.0)
}

impl BuildWeighting for DwaConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let tasks = context.tasks.len();
        WeightingMethod::losses(Dwa {
            temperature: self.temperature.get(),
            last: vec![f64::NAN; tasks],
            weights: vec![1.0; tasks],
        })
    }
}

struct Dwa {
    temperature: f64,
    /// Mean losses of the previous epoch; NaN where there is none yet.
    last: Vec<f64>,
    weights: Vec<f64>,
}

/// `now / before`; 1 if that is not finite.
fn ratio(now: f64, before: f64) -> f64 {
    let ratio = now / before;
    if ratio.is_finite() { ratio } else { 1.0 }
}

impl Weighting for Dwa {
    fn weights(&mut self, _: u64, _: &[Option<f64>]) -> Vec<f64> {
        self.weights.clone()
    }

    fn after_epoch(&mut self, losses: &[Option<f64>]) {
        let now: Vec<f64> = losses.iter().zip(&self.last).map(|(loss, last)| loss.unwrap_or(*last)).collect();
        let ratios: Vec<f64> = now.iter().zip(&self.last).map(|(now, last)| ratio(*now, *last)).collect();
        let scaled: Vec<f64> = ratios.iter().map(|ratio| ratio / self.temperature).collect();
        self.weights = softmax(&scaled).iter().map(|share| ratios.len() as f64 * share).collect();
        self.last = now;
    }

    fn state(&self) -> Vec<f64> {
        [self.last.as_slice(), self.weights.as_slice()].concat()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let tasks = self.weights.len();
        if state.len() != 2 * tasks {
            return false;
        }
        self.last = state[..tasks].to_vec();
        self.weights = state[tasks..].to_vec();
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::Weighting;
    use crate::train::weighting::dwa::{DwaConfig, default_temperature};
    use crate::train::weighting::method::{self, assert_near};

    fn build(tasks: usize) -> Box<dyn Weighting> {
        method::build(&DwaConfig { temperature: default_temperature() }, tasks)
    }

    fn weights_after(epochs: &[&[Option<f64>]]) -> Vec<f64> {
        let mut dwa = build(epochs[0].len());
        epochs.iter().for_each(|losses| dwa.after_epoch(losses));
        dwa.weights(0, epochs[0])
    }

    /// methods.md 5: ratios (1, 4) -> .364851 1.635149; (.9, .5, .7) -> 1.101496 .901829 .996675.
    #[test]
    fn golden_values() {
        assert_near(
            &weights_after(&[&[Some(2.0), Some(0.5)], &[Some(2.0), Some(2.0)]]),
            &[0.364_851, 1.635_149],
        );
        let three = weights_after(&[&[Some(1.0), Some(2.0), Some(10.0)], &[Some(0.9), Some(1.0), Some(7.0)]]);
        assert_near(&three, &[1.101_496, 0.901_829, 0.996_675]);
    }

    #[test]
    fn weights_are_one_in_the_first_two_epochs() {
        assert_eq!(build(2).weights(0, &[Some(1.0), Some(9.0)]), [1.0, 1.0]);
        assert_eq!(weights_after(&[&[Some(1.0), Some(9.0)]]), [1.0, 1.0]);
    }

    #[test]
    fn ratios_that_are_not_finite_count_as_one() {
        assert_near(&weights_after(&[&[Some(0.0), Some(1.0)], &[Some(0.0), Some(1.0)]]), &[1.0, 1.0]);
        assert_near(&weights_after(&[&[None, Some(1.0)], &[Some(3.0), Some(1.0)]]), &[1.0, 1.0]);
    }

    #[test]
    fn a_restored_state_continues_exactly() {
        let (mut one, mut two) = (build(2), build(2));
        one.after_epoch(&[Some(1.0), Some(2.0)]);
        assert!(two.restore(&one.state()));
        for dwa in [&mut one, &mut two] {
            dwa.after_epoch(&[Some(0.3), Some(1.9)]);
        }
        assert_eq!(one.state(), two.state());
    }
}
