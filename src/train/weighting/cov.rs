//! The weighting `cov`: see [`CovConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::weighting::method::present;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// Coefficient-of-variations weighting (Groenendijk et al., WACV 2021): a task whose loss still moves counts
/// more.
///
/// l_k = L_k / mean of all earlier L_k; w_k = K c_k / sum c, c_k the standard deviation of l_k over its mean,
/// both over all steps so far. While nothing moves yet the weights are equal. (The paper's weights sum to 1;
/// these to the K tasks of the batch.)
///
/// `weighting: cov`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CovConfig {}

impl Settings for CovConfig {
    const EXAMPLE: &'static str = "cov";
}

impl BuildWeighting for CovConfig {
    fn build(&self, setting: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(Cov { tasks: vec![RunningStatistics::default(); setting.tasks.len()] })
    }
}

struct Cov {
    tasks: Vec<RunningStatistics>,
}

/// One task's running numbers (Welford).
#[derive(Clone, Copy, Debug, Default)]
struct RunningStatistics {
    steps: f64,
    /// Of the losses.
    mean: f64,
    /// Of the ratios.
    ratio: f64,
    /// Sum of the squared differences of the ratios from their mean.
    squares: f64,
}

impl RunningStatistics {
    fn update(&mut self, loss: f64) {
        let ratio = if self.steps == 0.0 || self.mean == 0.0 { 1.0 } else { loss / self.mean };
        self.steps += 1.0;
        let before = ratio - self.ratio;
        self.ratio += before / self.steps;
        self.squares += before * (ratio - self.ratio);
        self.mean += (loss - self.mean) / self.steps;
    }

    fn variation(&self) -> f64 {
        if self.steps == 0.0 { 0.0 } else { (self.squares / self.steps).sqrt() / self.ratio }
    }
}

impl Weighting for Cov {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        for (task, loss) in self.tasks.iter_mut().zip(losses) {
            loss.iter().for_each(|loss| task.update(*loss));
        }
        let tasks = self.tasks.iter().zip(losses);
        let variations: Vec<f64> =
            tasks.map(|(task, loss)| if loss.is_some() { task.variation() } else { 0.0 }).collect();
        let (count, sum) = (present(losses) as f64, variations.iter().sum::<f64>());
        match sum > 0.0 {
            true => variations.iter().map(|variation| count * variation / sum).collect(),
            false => losses.iter().map(|loss| f64::from(u8::from(loss.is_some()))).collect(),
        }
    }

    fn state(&self) -> Vec<f64> {
        self.tasks.iter().flat_map(|task| [task.steps, task.mean, task.ratio, task.squares]).collect()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        if state.len() != 4 * self.tasks.len() {
            return false;
        }
        for (task, kept) in self.tasks.iter_mut().zip(state.chunks_exact(4)) {
            *task = RunningStatistics { steps: kept[0], mean: kept[1], ratio: kept[2], squares: kept[3] };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::cov::CovConfig;
    use crate::train::weighting::method::{build, near};

    /// python3 -c "
    /// import numpy as np
    /// def c(L):
    ///   l = [1.0] + [L[t] / np.mean(L[:t]) for t in range(1, len(L))]
    ///   return np.std(l) / np.mean(l)
    /// a, b = c([1, .5, .4]), c([2, 1.8, 1.7]); print(2*a/(a+b), 2*b/(a+b))"
    #[test]
    fn against_numpy() {
        let mut cov = build(&CovConfig {}, 2);
        near(&cov.weights(0, &[Some(1.0), Some(2.0)]), &[1.0, 1.0]);
        cov.weights(1, &[Some(0.5), Some(1.8)]);
        near(&cov.weights(2, &[Some(0.4), Some(1.7)]), &[1.732_550, 0.267_450]);
    }

    #[test]
    fn an_absent_task_weighs_nothing() {
        let mut cov = build(&CovConfig {}, 2);
        assert_eq!(cov.weights(0, &[Some(1.0), None]), [1.0, 0.0]);
        cov.weights(1, &[Some(0.5), None]);
        assert_eq!(cov.weights(2, &[Some(0.4), None]), [1.0, 0.0]);
    }
}
