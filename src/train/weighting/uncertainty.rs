//! Homoscedastic uncertainty (Kendall, Gal & Cipolla, CVPR 2018): each task's noise s = ln sigma^2 is
//! learned beside the network.
//!
//! L = sum_k 1/2 exp(-s_k) L_k + 1/2 s_k, so w_k = 1/2 exp(-s_k) and dL/ds_k = 1/2 (1 - exp(-s_k) L_k):
//! at rest exp(s_k) = L_k. A task absent from a batch leaves its s alone. s has its own Adam
//! (0.9, 0.999, 1e-8), follows the schedule, and is never decayed.
//!
//! `weighting: {uncertainty: {initial: 0.0}}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Finite, Positive};
use crate::train::weighting::{Setting, Weighting, WeightingWords};

/// Homoscedastic uncertainty (Kendall, Gal & Cipolla 2018): L = sum 1/2 exp(-s) L + 1/2 s with learned s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UncertaintySpec {
    /// First value of every s. Default 0.
    #[serde(default = "nothing")]
    pub initial: Finite,
    /// Learning rate of s (Adam, no decay). Default: the optimizer's.
    #[serde(default)]
    pub rate: Option<Positive>,
}

impl Settings for UncertaintySpec {
    const EXAMPLE: &'static str = "{uncertainty: {initial: 0.0}}";
}

fn nothing() -> Finite {
    Finite::constant(0.0)
}

impl WeightingWords for UncertaintySpec {
    fn build(&self, setting: &Setting) -> Box<dyn Weighting> {
        let task = Noise { s: self.initial.get(), first: 0.0, second: 0.0, steps: 0.0 };
        Box::new(Uncertainty {
            rate: self.rate.map_or(setting.rate, Positive::get),
            tasks: vec![task; setting.tasks.len()],
        })
    }
}

struct Uncertainty {
    rate: f64,
    tasks: Vec<Noise>,
}

/// One task's s and its Adam moments.
#[derive(Clone, Copy)]
struct Noise {
    s: f64,
    first: f64,
    second: f64,
    steps: f64,
}

impl Noise {
    fn gradient(&self, loss: f64) -> f64 {
        0.5 - 0.5 * (-self.s).exp() * loss
    }

    fn learn(&mut self, gradient: f64, rate: f64) {
        let (beta1, beta2, epsilon) = (0.9_f64, 0.999_f64, 1e-8);
        self.steps += 1.0;
        self.first = beta1 * self.first + (1.0 - beta1) * gradient;
        self.second = beta2 * self.second + (1.0 - beta2) * gradient * gradient;
        let first = self.first / (1.0 - beta1.powf(self.steps));
        let second = self.second / (1.0 - beta2.powf(self.steps));
        self.s -= rate * first / (second.sqrt() + epsilon);
    }
}

impl Weighting for Uncertainty {
    fn weights(&mut self, _: u64, _: &[Option<f64>]) -> Vec<f64> {
        self.tasks.iter().map(|task| 0.5 * (-task.s).exp()).collect()
    }

    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        self.tasks.iter().zip(losses).filter(|(_, loss)| loss.is_some()).map(|(task, _)| 0.5 * task.s).sum()
    }

    fn learn(&mut self, losses: &[Option<f64>], schedule: f64) {
        for (task, loss) in self.tasks.iter_mut().zip(losses) {
            if let Some(loss) = loss {
                task.learn(task.gradient(*loss), self.rate * schedule);
            }
        }
    }

    fn state(&self) -> Vec<f64> {
        self.tasks.iter().flat_map(|task| [task.s, task.first, task.second, task.steps]).collect()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        if state.len() != 4 * self.tasks.len() {
            return false;
        }
        for (task, kept) in self.tasks.iter_mut().zip(state.chunks_exact(4)) {
            *task = Noise { s: kept[0], first: kept[1], second: kept[2], steps: kept[3] };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::name::TaskName;
    use crate::domain::number::{Finite, Positive};
    use crate::train::weighting::uncertainty::{Noise, UncertaintySpec};
    use crate::train::weighting::{Setting, Weighting, WeightingWords};

    fn build(initial: f64, rate: f64) -> Box<dyn Weighting> {
        let tasks = ["a", "b", "c"].map(|name| TaskName::new(name).expect("a name"));
        UncertaintySpec { initial: Finite::constant(initial), rate: Some(Positive::constant(rate)) }
            .build(&Setting { tasks: &tasks, seed: 0, rate: 9.0 })
    }

    fn joint(weighting: &mut dyn Weighting, losses: &[Option<f64>]) -> f64 {
        let weights = weighting.weights(0, losses);
        let sum: f64 = weights.iter().zip(losses).map(|(w, loss)| w * loss.unwrap_or(0.0)).sum();
        sum + weighting.penalty(losses)
    }

    const LOSSES: [Option<f64>; 3] = [Some(1.0), Some(2.0), Some(4.0)];

    /// methods.md 5: s=0 -> 3.5 with gradient (0, -0.5, -1.5); s=-0.5 -> 5.020524 with w 0.824361.
    #[test]
    fn golden_values() {
        assert_eq!(joint(&mut *build(0.0, 0.1), &LOSSES), 3.5);
        let mut lower = build(-0.5, 0.1);
        assert!((joint(&mut *lower, &LOSSES) - 5.020_524).abs() < 1e-6);
        assert!(lower.weights(0, &LOSSES).iter().all(|w| (w - 0.824_361).abs() < 1e-6));
        let at_zero = Noise { s: 0.0, first: 0.0, second: 0.0, steps: 0.0 };
        assert_eq!([1.0, 2.0, 4.0].map(|loss| at_zero.gradient(loss)), [0.0, -0.5, -1.5]);
    }

    /// Adam's first step has the size of the rate, whatever the gradient.
    #[test]
    fn first_step_and_absent_task() {
        let mut weighting = build(0.0, 0.1);
        weighting.learn(&[Some(1.0), None, Some(4.0)], 0.5);
        let s: Vec<f64> = weighting.state().chunks(4).map(|task| task[0]).collect();
        assert_eq!(s[0], 0.0);
        assert_eq!(s[1], 0.0);
        assert!((s[2] - 0.05).abs() < 1e-6, "{s:?}");
    }

    /// At rest exp(s) = L.
    #[test]
    fn settles_where_the_gradient_is_nothing() {
        let mut weighting = build(0.0, 0.01);
        (0..5000).for_each(|_| weighting.learn(&LOSSES, 1.0));
        let s: Vec<f64> = weighting.state().chunks(4).map(|task| task[0]).collect();
        for (s, loss) in s.iter().zip([1.0_f64, 2.0, 4.0]) {
            assert!((s - loss.ln()).abs() < 1e-3, "{s} for {loss}");
        }
    }

    #[test]
    fn a_state_goes_on_exactly() {
        let (mut one, mut two) = (build(0.3, 0.01), build(0.0, 0.01));
        (0..7).for_each(|_| one.learn(&LOSSES, 1.0));
        assert!(two.restore(&one.state()));
        one.learn(&LOSSES, 1.0);
        two.learn(&LOSSES, 1.0);
        assert_eq!(one.state(), two.state());
        assert!(!two.restore(&[1.0]));
    }
}
