//! The weighting `smooth_tchebycheff`: see [`SmoothTchebycheffConfig`].

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::TaskName;
use crate::domain::number::{Finite, Positive, Whole};
use crate::train::solver::simplex::softmax;
use crate::train::weighting::method::count_present;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// A smooth maximum of the losses (STCH; Lin et al., ICML 2024), which unlike a weighted sum can reach every
/// Pareto-optimal trade-off.
///
/// L = mu ln sum_k exp(p_k (L_k - z_k) / mu), so w_k = p_k softmax(p (L - z) / mu)_k. Small mu is close to
/// the maximum, large mu to the mean. With `warmup` epochs the scale of the losses is measured first, as in
/// the authors' multi-task recipe: during warmup sum_k ln L_k is minimized; n_k is the mean loss of its last
/// epoch; afterwards L = K mu ln sum_k exp(ln(L_k / n_k) / mu), so w_k = K softmax(ln(L / n) / mu)_k / L_k.
/// (mu = 1 would weight by 1 / n.)
///
/// `weighting: {smooth_tchebycheff: {mu: 0.1, warmup: 2}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmoothTchebycheffConfig {
    /// Smoothness: close to 0 only the worst task counts. Default 0.1.
    #[serde(default = "default_mu")]
    pub mu: Positive,
    /// Importance of a task's loss. Default: 1 over the number of tasks.
    #[serde(default)]
    pub preference: IndexMap<TaskName, Positive>,
    /// The lowest loss a task could reach. Default: 0 each.
    #[serde(default)]
    pub ideal: IndexMap<TaskName, Finite>,
    /// Warmup epochs, in which the scale of the losses is measured; afterwards losses are relative to it,
    /// and `preference` and `ideal` are ignored. Default 0.
    #[serde(default)]
    pub warmup: Whole,
}

impl Settings for SmoothTchebycheffConfig {
    const BARE: Option<&'static str> = Some("mu");
    const EXAMPLE: &'static str = "{smooth_tchebycheff: {mu: 0.1}}";
}

fn default_mu() -> Positive {
    Positive::constant(0.1)
}

impl BuildWeighting for SmoothTchebycheffConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let tasks = context.tasks.len();
        let even = Positive::constant(1.0 / tasks.max(1) as f64);
        let preference = context.by_task(&self.preference, even).into_iter().map(Positive::get).collect();
        let ideal =
            context.by_task(&self.ideal, Finite::constant(0.0)).into_iter().map(Finite::get).collect();
        let warmup = self.warmup.get();
        let nadir = if warmup > 0 { vec![f64::NAN; tasks] } else { Vec::new() };
        WeightingMethod::losses(SmoothTchebycheff {
            mu: self.mu.get(),
            preference,
            ideal,
            warmup,
            epochs: 0,
            nadir,
        })
    }

    fn task_settings(&self) -> Vec<(&'static str, Vec<&TaskName>)> {
        vec![("preference", self.preference.keys().collect()), ("ideal", self.ideal.keys().collect())]
    }
}

struct SmoothTchebycheff {
    mu: f64,
    preference: Vec<f64>,
    ideal: Vec<f64>,
    warmup: usize,
    /// Finished epochs, counted during warmup only.
    epochs: usize,
    /// Mean losses of the last warmup epoch; empty without warmup.
    nadir: Vec<f64>,
}

impl SmoothTchebycheff {
    /// For each task that has a loss: its index, its loss, and its exponent before the division by mu.
    fn terms(&self, losses: &[Option<f64>]) -> Vec<(usize, f64, f64)> {
        let losses = losses.iter().enumerate().filter_map(|(task, loss)| Some((task, (*loss)?)));
        let term = |(task, loss): (usize, f64)| match self.nadir.get(task) {
            // The scale of a task without a label during warmup is 1.
            Some(nadir) => (task, loss, (loss / if nadir.is_nan() { 1.0 } else { *nadir }).ln()),
            None => (task, loss, self.preference[task] * (loss - self.ideal[task])),
        };
        losses.map(term).collect()
    }

    fn is_warming_up(&self) -> bool {
        self.epochs < self.warmup
    }
}

impl Weighting for SmoothTchebycheff {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        if self.is_warming_up() {
            return losses.iter().map(|loss| loss.map_or(0.0, |loss| 1.0 / loss)).collect();
        }
        let terms = self.terms(losses);
        let shares = softmax(&terms.iter().map(|(.., term)| term / self.mu).collect::<Vec<_>>());
        let mut weights = vec![0.0; losses.len()];
        for ((task, loss, _), share) in terms.iter().zip(shares) {
            weights[*task] = match self.nadir.is_empty() {
                true => self.preference[*task] * share,
                false => terms.len() as f64 * share / loss,
            };
        }
        weights
    }

    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        if self.is_warming_up() {
            return losses.iter().flatten().map(|loss| loss.ln() - 1.0).sum();
        }
        let tasks = self.terms(losses);
        let terms: Vec<f64> = tasks.iter().map(|(.., term)| *term).collect();
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = terms.iter().map(|term| ((term - largest) / self.mu).exp()).sum();
        let shares = softmax(&terms.iter().map(|term| term / self.mu).collect::<Vec<_>>());
        let smooth_maximum = largest + self.mu * sum.ln();
        if !self.nadir.is_empty() {
            let count = count_present(losses) as f64;
            return count * (smooth_maximum - 1.0);
        }
        let weighted =
            tasks.iter().zip(shares).map(|((task, loss, _), share)| self.preference[*task] * share * loss);
        smooth_maximum - weighted.sum::<f64>()
    }

    fn after_epoch(&mut self, losses: &[Option<f64>]) {
        if !self.is_warming_up() {
            return;
        }
        self.epochs += 1;
        for (nadir, loss) in self.nadir.iter_mut().zip(losses) {
            *nadir = loss.unwrap_or(*nadir);
        }
    }

    fn state(&self) -> Vec<f64> {
        match self.nadir.is_empty() {
            true => Vec::new(),
            false => [&[self.epochs as f64], self.nadir.as_slice()].concat(),
        }
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        match (state.split_first(), self.nadir.len()) {
            (None, 0) => true,
            (Some((epochs, nadir)), tasks) if tasks > 0 && nadir.len() == tasks => {
                (self.epochs, self.nadir) = (*epochs as usize, nadir.to_vec());
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::train::weighting::Weighting;
    use crate::train::weighting::method::{self, assert_near, joint_loss};
    use crate::train::weighting::smooth_tchebycheff::SmoothTchebycheffConfig;

    const LOSSES: [Option<f64>; 3] = [Some(1.0), Some(2.0), Some(4.0)];

    fn build(config: serde_json::Value) -> Box<dyn Weighting> {
        method::build(&serde_json::from_value::<SmoothTchebycheffConfig>(config).expect("a configuration"), 3)
    }

    /// methods.md 5: p = 1/3, mu = 1 -> 1.965295, w .065182 .090969 .177183; mu = .1 -> 1.333465.
    #[test]
    fn golden_values() {
        let mut smooth = build(json!({"mu": 1.0}));
        assert!((joint_loss(&mut *smooth, &LOSSES) - 1.965_295).abs() < 1e-6);
        assert_near(&smooth.weights(0, &LOSSES), &[0.065_182, 0.090_969, 0.177_183]);
        assert!((joint_loss(&mut *build(json!({"mu": 0.1})), &LOSSES) - 1.333_465).abs() < 1e-6);
    }

    /// methods.md 1: after warmup, mu = 1 gives K / (n_k sum_j L_j / n_j).
    #[test]
    fn warmup_measures_the_scale_of_the_losses() {
        let mut smooth = build(json!({"mu": 1.0, "warmup": 2}));
        assert_near(&smooth.weights(0, &LOSSES), &[1.0, 0.5, 0.25]);
        assert!((joint_loss(&mut *smooth, &LOSSES) - 2.079_442).abs() < 1e-6);
        smooth.after_epoch(&[Some(9.0); 3]);
        let mut later = build(json!({"mu": 1.0, "warmup": 2}));
        assert!(later.restore(&smooth.state()));
        later.after_epoch(&[Some(1.0), Some(4.0), Some(2.0)]);
        let sum = 1.0 + 0.5 + 2.0;
        assert_near(&later.weights(0, &LOSSES), &[3.0 / sum, 3.0 / (4.0 * sum), 3.0 / (2.0 * sum)]);
        assert!((joint_loss(&mut *later, &LOSSES) - 3.0 * f64::ln(sum)).abs() < 1e-12);
    }
}
