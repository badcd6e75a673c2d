//! The weighting `cagrad`: see [`CaGradConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::train::solver::matrix::{CosineGramian, Matrix};
use crate::train::solver::program::QuadraticProgram;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{GradientContext, GradientWeights, GramianWeighting};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Conflict-averse gradient descent (CAGrad; Liu et al., NeurIPS 2021): near the mean gradient, the direction
/// that is best for the task it serves worst.
///
/// g0 = mean g_k; v = argmin over the simplex of v^T G b + c |g0| sqrt(v^T G v), b = 1/K; d = g0 + (c |g0| /
/// |J^T v|) J^T v, so w = b + (c |g0| / |J^T v|) v. `rescale` divides by 1 + c^2, by 1 + c, or by nothing. c
/// = 0 is the mean; from c = 1 on no task's gradient points against d. Where the gradients cancel, J^T v is
/// nothing and so is d; such steps are counted. So it is with a gradient of nothing, unless another points
/// against g0 by more than c |g0|.
///
/// For each length t of J^T v the minimum is a quadratic program; t is sought where both agree.
///
/// `weighting: {cagrad: {c: 0.4}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaGradConfig {
    /// How far from the mean gradient, in units of its length. Default 0.5.
    #[serde(default = "default_c")]
    pub c: NonNegative,
    /// What the result is divided by: square (1 + c^2, the default), linear (1 + c) or none.
    #[serde(default)]
    pub rescale: Rescale,
}

impl Settings for CaGradConfig {
    const BARE: Option<&'static str> = Some("c");
    const EXAMPLE: &'static str = "{cagrad: {c: 0.4}}";
}

fn default_c() -> NonNegative {
    NonNegative::constant(0.5)
}

/// What the result is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rescale {
    None,
    /// 1 + c^2
    #[default]
    Square,
    /// 1 + c
    Linear,
}

impl BuildWeighting for CaGradConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::gramian(CaGrad { c: self.c.get(), rescale: self.rescale })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::DOT_PRODUCTS)
    }
}

struct CaGrad {
    c: f64,
    rescale: Rescale,
}

/// What was found of v: its weights, and the length of J^T v in units of |g0|; `None` when that is nothing.
fn minimize_conflict(gramian: &Matrix, c: f64) -> Option<(Vec<f64>, f64)> {
    let n = gramian.size();
    let mean = vec![1.0 / n as f64; n];
    let length = gramian.between(&mean, &mean).max(0.0).sqrt();
    let longest = gramian.norms().into_iter().fold(0.0, f64::max);
    if length <= 1e-10 * longest {
        return None;
    }
    // In units of |g0|, and each row in units of its own length.
    let cosines = CosineGramian::from_gramian(&gramian.scaled(&vec![1.0 / length; n]));
    let along = gramian.times(&mean);
    let linear: Vec<f64> = cosines
        .rows
        .iter()
        .zip(&cosines.norms)
        .map(|(row, norm)| along[*row] / length / length / norm)
        .collect();
    let total: Vec<f64> = cosines.norms.iter().map(|norm| 1.0 / norm).collect();
    let at = |t: f64| {
        let quadratic = Matrix::from_fn(cosines.rows.len(), |i, j| cosines.matrix[(i, j)] * c / t);
        let x = QuadraticProgram { quadratic: &quadratic, linear: &linear, total: Some(&total) }.solve().x;
        let solution = cosines.matrix.between(&x, &x).max(0.0).sqrt();
        (x, solution)
    };
    // The length found for t, over t, falls as t grows: it is 1 where both agree.
    let (mut low, mut high) = (0.0, cosines.norms.iter().copied().fold(0.0, f64::max));
    let mut t = 1.0_f64.min(high);
    let mut best = at(t);
    for _ in 0..200 {
        let (_, solution) = &best;
        if (solution - t).abs() <= 1e-13 * t || high - low <= 1e-15 * high {
            break;
        }
        if *solution > t {
            low = t
        } else {
            high = t
        }
        // The found length is a better guess than the middle, while it lies inside.
        t = if *solution > low && *solution < high { *solution } else { 0.5 * (low + high) };
        if t <= 1e-12 * cosines.norms.iter().copied().fold(f64::INFINITY, f64::min) {
            return None;
        }
        best = at(t);
    }
    let (x, solution) = best;
    // All weight on a row of nothing costs nothing, and J^T v is nothing; only what costs less is better.
    let cost = linear.iter().zip(&x).map(|(along, x)| along * x).sum::<f64>() + c * solution;
    let best = !cosines.misses_rows() || cost < 0.0;
    (solution > 1e-10 && best).then(|| (cosines.weights(&x, 0.0), solution))
}

impl GramianWeighting for CaGrad {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let tasks = context.gramian.size();
        let even = 1.0 / tasks as f64;
        let divisor = match self.rescale {
            Rescale::None => 1.0,
            Rescale::Square => 1.0 + self.c * self.c,
            Rescale::Linear => 1.0 + self.c,
        };
        if self.c == 0.0 {
            return GradientWeights::new(vec![even / divisor; tasks], true);
        }
        match minimize_conflict(context.gramian, self.c) {
            Some((v, length)) => {
                let weight = |v: &f64| (even + self.c / length * v) / divisor;
                GradientWeights::new(v.iter().map(weight).collect(), true)
            }
            None => GradientWeights::new(vec![0.0; tasks], false),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::NonNegative;
    use crate::train::weighting::cagrad::{CaGradConfig, Rescale};
    use crate::train::weighting::golden::{direction, matrix_a, matrix_b, weights_for};
    use crate::train::weighting::method::near;

    fn config(c: f64, rescale: Rescale) -> CaGradConfig {
        CaGradConfig { c: NonNegative::constant(c), rescale }
    }

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let solution = weights_for(&config(0.5, Rescale::None), &matrix_a()).weights;
        near(&solution, &[0.704_124, 0.5]);
        near(&direction(&matrix_a(), &solution), &[0.183_503, 1.204_124, 1.204_124]);
        let solution = weights_for(&config(0.5, Rescale::Square), &matrix_a()).weights;
        near(&direction(&matrix_a(), &solution), &[0.146_803, 0.963_299, 0.963_299]);
        let solution = weights_for(&config(0.4, Rescale::Square), &matrix_a()).weights;
        near(&direction(&matrix_a(), &solution), &[0.298_968, 1.002_844, 1.002_844]);
        near(
            &weights_for(&config(0.5, Rescale::None), &matrix_b()).weights,
            &[0.333_333, 0.537_457, 0.333_333],
        );
    }

    #[test]
    fn no_distance_is_the_mean() {
        near(&weights_for(&config(0.0, Rescale::None), &matrix_b()).weights, &[1.0 / 3.0; 3]);
    }

    #[test]
    fn gradients_that_cancel_are_told() {
        let answer = weights_for(&config(0.5, Rescale::None), &[vec![1.0, 0.0], vec![-1.0, 0.0]]);
        assert_eq!((answer.weights.as_slice(), answer.regular), ([0.0, 0.0].as_slice(), false));
    }

    /// By hand: g0 = (3, 0) and (-1, 0) . g0 = -3 is below -c |g0| = -1.5, so v is there: w = 1/3 + (0, 1.5,
    /// 0). With c = 1 nothing costs less than the gradient of nothing.
    #[test]
    fn beside_a_gradient_of_nothing() {
        let rows = [vec![10.0, 0.0], vec![-1.0, 0.0], vec![0.0, 0.0]];
        let answer = weights_for(&config(0.5, Rescale::None), &rows);
        near(&answer.weights, &[0.333_333, 1.833_333, 0.333_333]);
        assert!(answer.regular);
        let answer = weights_for(&config(1.0, Rescale::None), &rows);
        assert_eq!((answer.weights.as_slice(), answer.regular), ([0.0; 3].as_slice(), false));
    }
}
