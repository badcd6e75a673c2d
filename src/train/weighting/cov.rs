//! The weighting `cov`: see [`CovConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::weighting::method::count_present;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Coefficient-of-variation weighting (CoV; Groenendijk et al., WACV 2021): a task whose loss still varies
/// gets more weight.
///
/// l_k = L_k / mean of all earlier L_k; w_k = K c_k / sum c, c_k the standard deviation of l_k divided by
/// its mean, both over all steps so far. While no loss has varied yet, the weights are equal. (The paper's
/// weights sum to 1; these sum to K, the number of tasks in the batch.)
///
/// `weighting: cov`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CovConfig {}

impl Settings for CovConfig {
    const EXAMPLE: &'static str = "cov";
}

impl BuildWeighting for CovConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(Cov { tasks: vec![RunningStatistics::default(); context.tasks.len()] })
    }
}

struct Cov {
    tasks: Vec<RunningStatistics>,
}

/// Running statistics of one task (Welford).
#[derive(Clone, Copy, Debug, Default)]
struct RunningStatistics {
    steps: f64,
    /// Mean of the losses.
    mean: f64,
    /// Mean of the ratios.
    mean_ratio: f64,
    /// Sum of the squared deviations of the ratios from their mean.
    squares: f64,
}

impl RunningStatistics {
    fn update(&mut self, loss: f64) {
        let ratio = if self.steps == 0.0 || self.mean == 0.0 { 1.0 } else { loss / self.mean };
        self.steps += 1.0;
        let deviation = ratio - self.mean_ratio;
        self.mean_ratio += deviation / self.steps;
        self.squares += deviation * (ratio - self.mean_ratio);
        self.mean += (loss - self.mean) / self.steps;
    }

    /// The coefficient of variation of the ratios; 0 before the first step.
    fn coefficient(&self) -> f64 {
        if self.steps == 0.0 { 0.0 } else { (self.squares / self.steps).sqrt() / self.mean_ratio }
    }
}

impl Weighting for Cov {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        for (task, loss) in self.tasks.iter_mut().zip(losses) {
            loss.iter().for_each(|loss| task.update(*loss));
        }
        let tasks = self.tasks.iter().zip(losses);
        let coefficients: Vec<f64> =
            tasks.map(|(task, loss)| if loss.is_some() { task.coefficient() } else { 0.0 }).collect();
        let (count, sum) = (count_present(losses) as f64, coefficients.iter().sum::<f64>());
        match sum > 0.0 {
            true => coefficients.iter().map(|coefficient| count * coefficient / sum).collect(),
            false => losses.iter().map(|loss| f64::from(u8::from(loss.is_some()))).collect(),
        }
    }

    fn state(&self) -> Vec<f64> {
        self.tasks.iter().flat_map(|task| [task.steps, task.mean, task.mean_ratio, task.squares]).collect()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        if state.len() != 4 * self.tasks.len() {
            return false;
        }
        for (task, saved) in self.tasks.iter_mut().zip(state.chunks_exact(4)) {
            *task = RunningStatistics {
                steps: saved[0],
                mean: saved[1],
                mean_ratio: saved[2],
                squares: saved[3],
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::cov::CovConfig;
    use crate::train::weighting::method::{assert_near, build};

    /// python3 -c "
    /// import numpy as np
    /// def c(L):
    ///   l = [1.0] + [L[t] / np.mean(L[:t]) for t in range(1, len(L))]
    ///   return np.std(l) / np.mean(l)
    /// a, b = c([1, .5, .4]), c([2, 1.8, 1.7]); print(2*a/(a+b), 2*b/(a+b))"
    #[test]
    fn against_numpy() {
        let mut cov = build(&CovConfig {}, 2);
        assert_near(&cov.weights(0, &[Some(1.0), Some(2.0)]), &[1.0, 1.0]);
        cov.weights(1, &[Some(0.5), Some(1.8)]);
        assert_near(&cov.weights(2, &[Some(0.4), Some(1.7)]), &[1.732_550, 0.267_450]);
    }

    #[test]
    fn an_absent_task_has_weight_zero() {
        let mut cov = build(&CovConfig {}, 2);
        assert_eq!(cov.weights(0, &[Some(1.0), None]), [1.0, 0.0]);
        cov.weights(1, &[Some(0.5), None]);
        assert_eq!(cov.weights(2, &[Some(0.4), None]), [1.0, 0.0]);
    }
}
