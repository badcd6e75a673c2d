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

/// Excess risks (ExcessMTL; He et al., ICML 2024): a task is weighted by its distance from its optimum, not
/// by its noise.
///
/// S_k += g_k^2, element-wise; e_k = sum g_k^2 / sqrt(S_k + 1e-7) estimates the excess risk; v_k <- v_k
/// exp(rate e_k / e_k(first)), scaled to sum 1. (`relative: false` omits the division, like the authors'
/// code in its first step.) d = J^T v. S is as large as the shared parameters, once per task. The S of a
/// task that is absent from a batch does not change.
///
/// `weighting: {excess_mtl: {rate: 1.0}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExcessMtlConfig {
    /// Learning rate of the weights. Default 0.01.
    #[serde(default = "default_rate")]
    pub rate: Positive,
    /// Is each excess risk divided by the task's first one? Default true.
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
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        let tasks = context.tasks.len();
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
    /// The first excess risk of every task; NaN before it.
    first: Vec<f64>,
    /// S of every task; empty before its first step.
    squares: Vec<Vec<f32>>,
}

impl RowWeighting for ExcessMtl {
    fn compute_weights(&mut self, context: &GradientContext, rows: &mut GradientRows) -> GradientWeights {
        let mut regular = true;
        let mut exponents = vec![0.0; context.tasks.len()];
        for ((task, row), exponent) in context.tasks.iter().zip(&rows.values).zip(&mut exponents) {
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
            let scale = if self.relative && excess > 0.0 { *first } else { 1.0 };
            *exponent = self.rate * excess / scale;
        }
        // The largest exponent is subtracted so that no power overflows; the normalization cancels it.
        let largest = exponents.iter().copied().fold(0.0, f64::max);
        for (task, weight) in self.weights.iter_mut().enumerate() {
            let position = context.tasks.iter().position(|present| *present == task);
            let exponent = position.map_or(0.0, |position| exponents[position]);
            *weight *= (exponent - largest).exp();
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

    fn restore(&mut self, state: &[f64], buffers: Vec<Vec<f32>>) -> bool {
        let tasks = self.weights.len();
        let fits = state.len() == 2 * tasks && buffers.len() == tasks;
        if fits {
            (self.weights, self.first) = (state[..tasks].to_vec(), state[tasks..].to_vec());
            self.squares = buffers;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Positive;
    use crate::train::weighting::excess_mtl::ExcessMtlConfig;
    use crate::train::weighting::golden::{combine, rows};
    use crate::train::weighting::method::assert_near;

    fn config(relative: bool) -> ExcessMtlConfig {
        ExcessMtlConfig { rate: Positive::constant(1.0), relative }
    }

    /// methods.md 5: J = [[2, 0], [1, 0]], rate 1 -> (e^2, e) / (e^2 + e).
    #[test]
    fn golden_values() {
        let j = [vec![2.0, 0.0], vec![1.0, 0.0]];
        let (first, _) = combine(&mut *rows(&config(false), 2), &j, &[1.0; 2]);
        let e = std::f64::consts::E;
        assert_near(&first.weights, &[e / (e + 1.0), 1.0 / (e + 1.0)]);
    }

    /// By hand: the first step keeps equal weights, because e / e(first) is 1 for all. A repeated gradient
    /// doubles S, so e is divided by sqrt 2; a gradient of 4 after 2 has S = 20 and e = 16 / sqrt 20 after 4
    /// / 2.
    #[test]
    fn by_hand() {
        let mut method = rows(&config(true), 2);
        let (first, _) = combine(&mut *method, &[vec![2.0, 0.0], vec![1.0, 0.0]], &[1.0; 2]);
        assert_near(&first.weights, &[0.5, 0.5]);
        let (second, _) = combine(&mut *method, &[vec![4.0, 0.0], vec![1.0, 0.0]], &[1.0; 2]);
        let (a, b) = ((8.0 / 20.0_f64.sqrt()).exp(), (1.0 / 2.0_f64.sqrt()).exp());
        assert_near(&second.weights, &[a / (a + b), b / (a + b)]);
    }
}
