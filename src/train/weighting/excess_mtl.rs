//! The weighting `excess_mtl`: see [`ExcessMtlConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{
    GradientContext, GradientRows, GradientWeights, RowWeighting, select_tasks,
};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Excess risks (ExcessMTL; He et al., ICML 2024): a task counts by how far it is from its best, not by its
/// noise.
///
/// S_k += g_k^2, number by number; e_k = sum g_k^2 / sqrt(S_k + 1e-7) estimates the excess risk; v_k <- v_k
/// exp(rate e_k / e_k(first)), scaled to sum 1. (`relative: false` leaves the division out, as the authors'
/// code does at the first step.) d = J^T v. S is as long as the shared weights, one per task. A task absent
/// from a batch keeps its own.
///
/// `weighting: {excess_mtl: {rate: 1.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExcessMtlConfig {
    /// Learning rate of the weights. Default 0.01.
    #[serde(default = "default_rate")]
    pub rate: Positive,
    /// Does each excess risk count in units of the task's first? Default true.
    #[serde(default = "default_relative")]
    pub relative: bool,
}

impl Settings for ExcessMtlConfig {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{excess_mtl: {rate: 0.01}}";
}

fn default_rate() -> Positive {
    Positive::constant(0.01)
}

fn default_relative() -> bool {
    true
}

impl BuildWeighting for ExcessMtlConfig {
    fn build(&self, setting: &WeightingContext) -> WeightingMethod {
        let tasks = setting.tasks.len();
        WeightingMethod::rows(ExcessMtl {
            rate: self.rate.get(),
            relative: self.relative,
            weights: vec![1.0 / tasks.max(1) as f64; tasks],
            first: vec![f64::NAN; tasks],
            squares: vec![Vec::new(); tasks],
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::WHOLE)
    }
}

struct ExcessMtl {
    rate: f64,
    relative: bool,
    weights: Vec<f64>,
    /// The first excess risk of every task; NaN before.
    first: Vec<f64>,
    /// S of every task; empty before its first step.
    squares: Vec<Vec<f32>>,
}

impl RowWeighting for ExcessMtl {
    fn compute_weights(&mut self, context: &GradientContext, rows: &mut GradientRows) -> GradientWeights {
        let mut regular = true;
        let mut gains = vec![0.0; context.tasks.len()];
        for ((task, row), gain) in context.tasks.iter().zip(&rows.values).zip(&mut gains) {
            let squares = &mut self.squares[*task];
            squares.resize(row.len(), 0.0);
            let mut excess = 0.0;
            for (sum, value) in squares.iter_mut().zip(row) {
                let square = f64::from(*value) * f64::from(*value);
                *sum += square as f32;
                excess += square / (f64::from(*sum) + 1e-7).sqrt();
            }
            regular &= excess > 0.0;
            let first = &mut self.first[*task];
            if first.is_nan() && excess > 0.0 {
                *first = excess;
            }
            let unit = if self.relative && excess > 0.0 { *first } else { 1.0 };
            *gain = self.rate * excess / unit;
        }
        // The greatest gain is taken out, so that no power overflows; what tasks have in common goes with the
        // sum.
        let greatest = gains.iter().copied().fold(0.0, f64::max);
        for (task, weight) in self.weights.iter_mut().enumerate() {
            let gain =
                context.tasks.iter().position(|present| *present == task).map_or(0.0, |index| gains[index]);
            *weight *= (gain - greatest).exp();
        }
        let sum: f64 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|weight| *weight /= sum);
        GradientWeights::new(select_tasks(&self.weights, context.tasks), regular)
    }

    fn state(&self) -> Vec<f64> {
        [self.weights.as_slice(), &self.first].concat()
    }

    fn buffers(&self) -> Vec<Vec<f32>> {
        self.squares.clone()
    }

    fn restore(&mut self, state: &[f64], kept: Vec<Vec<f32>>) -> bool {
        let tasks = self.weights.len();
        let fits = state.len() == 2 * tasks && kept.len() == tasks;
        if fits {
            (self.weights, self.first) = (state[..tasks].to_vec(), state[tasks..].to_vec());
            self.squares = kept;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Positive;
    use crate::train::weighting::excess_mtl::ExcessMtlConfig;
    use crate::train::weighting::golden::{combine, rows};
    use crate::train::weighting::method::near;

    fn config(relative: bool) -> ExcessMtlConfig {
        ExcessMtlConfig { rate: Positive::constant(1.0), relative }
    }

    /// methods.md 5: J = [[2, 0], [1, 0]], rate 1 -> (e^2, e) / (e^2 + e).
    #[test]
    fn golden_values() {
        let j = [vec![2.0, 0.0], vec![1.0, 0.0]];
        let (first, _) = combine(&mut *rows(&config(false), 2), &j, &[1.0; 2]);
        let e = std::f64::consts::E;
        near(&first.weights, &[e / (e + 1.0), 1.0 / (e + 1.0)]);
    }

    /// By hand: the first step leaves equal weights, e / e(first) being 1 for all. Then S doubles where the
    /// gradient comes again, so e falls to 1 / sqrt 2 of it; a gradient of 4 after 2 has S = 20 and e = 16 /
    /// sqrt 20 after 4 / 2.
    #[test]
    fn by_hand() {
        let mut method = rows(&config(true), 2);
        let (first, _) = combine(&mut *method, &[vec![2.0, 0.0], vec![1.0, 0.0]], &[1.0; 2]);
        near(&first.weights, &[0.5, 0.5]);
        let (second, _) = combine(&mut *method, &[vec![4.0, 0.0], vec![1.0, 0.0]], &[1.0; 2]);
        let (a, b) = ((8.0 / 20.0_f64.sqrt()).exp(), (1.0 / 2.0_f64.sqrt()).exp());
        near(&second.weights, &[a / (a + b), b / (a + b)]);
    }
}
