//! The weighting `imtl_l`: see [`ImtlLSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Finite, Positive};
use crate::train::weighting::learned::Learned;
use crate::train::weighting::{Method, Setting, Weighting, WeightingWords};

/// Impartial learning by losses (IMTL-L; Liu et al., ICLR 2021): every loss is brought to the size 1 by a learned scale.
///
/// L = sum_k exp(s_k) L_k - s_k, so w_k = exp(s_k) and dL/ds_k = exp(s_k) L_k - 1: at rest exp(s_k) L_k = 1. It is twice
/// `uncertainty` with s of the other sign. s has its own Adam, follows the schedule, and is never decayed.
///
/// `weighting: {imtl_l: {initial: 0.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImtlLSpec {
    /// First value of every s. Default 0.
    #[serde(default = "nothing")]
    pub initial: Finite,
    /// Learning rate of s (Adam, no decay). Default: the optimizer's.
    #[serde(default)]
    pub rate: Option<Positive>,
}

impl Settings for ImtlLSpec {
    const EXAMPLE: &'static str = "{imtl_l: {initial: 0.0}}";
}

fn nothing() -> Finite {
    Finite::constant(0.0)
}

impl WeightingWords for ImtlLSpec {
    fn build(&self, setting: &Setting) -> Method {
        let rate = self.rate.map_or(setting.rate, Positive::get);
        Method::losses(ImtlL::new(rate, self.initial.get(), setting.tasks.len()))
    }
}

pub struct ImtlL {
    rate: f64,
    /// s of every task.
    scales: Vec<Learned>,
}

impl ImtlL {
    pub fn new(rate: f64, initial: f64, tasks: usize) -> Self {
        Self { rate, scales: vec![Learned::new(initial); tasks] }
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
        Learned::state(&self.scales)
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        Learned::restore(&mut self.scales, state)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Finite, Positive};
    use crate::train::weighting::imtl_l::{ImtlLSpec, nothing};
    use crate::train::weighting::method::build;
    use crate::train::weighting::uncertainty::UncertaintySpec;

    const LOSSES: [Option<f64>; 3] = [Some(1.0), Some(2.0), Some(4.0)];

    /// methods.md 5: at s = 0 -> 7, gradient (0, 1, 3): the first has nothing to change.
    #[test]
    fn golden_values() {
        let mut weighting = build(&ImtlLSpec { initial: nothing(), rate: None }, 3);
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
    fn twice_the_uncertainty_of_the_other_sign() {
        let s = 0.7;
        let mut one = build(&ImtlLSpec { initial: Finite::constant(s), rate: None }, 3);
        let form = crate::train::weighting::uncertainty::Form::Standard;
        let words = UncertaintySpec {
            form,
            initial: Finite::constant(-s),
            rate: None,
            temperature: Positive::constant(1.0),
        };
        let mut other = build(&words, 3);
        for (a, b) in one.weights(0, &LOSSES).iter().zip(other.weights(0, &LOSSES)) {
            assert!((a - 2.0 * b).abs() < 1e-15);
        }
        assert!((one.penalty(&LOSSES) - 2.0 * other.penalty(&LOSSES)).abs() < 1e-15);
    }

    #[test]
    fn settles_at_losses_of_one() {
        let mut weighting = build(&ImtlLSpec { initial: nothing(), rate: Some(Positive::constant(0.01)) }, 3);
        (0..5000).for_each(|_| weighting.learn(&LOSSES, 1.0));
        for (weight, loss) in weighting.weights(0, &LOSSES).iter().zip([1.0, 2.0, 4.0]) {
            assert!((weight * loss - 1.0).abs() < 1e-3);
        }
    }
}
