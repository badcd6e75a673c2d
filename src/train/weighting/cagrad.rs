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

/// Conflict-averse gradient descent (CAGrad; Liu et al., NeurIPS 2021): near the mean gradient, the
/// direction that maximizes the worst task's improvement.
///
/// g0 = mean g_k; v = argmin over the simplex of v^T G b + c |g0| sqrt(v^T G v), b = 1/K; d = g0 + (c |g0| /
/// |J^T v|) J^T v, so w = b + (c |g0| / |J^T v|) v. `rescale` divides by 1 + c^2, by 1 + c, or not at all. c
/// = 0 is the mean; from c = 1 on, d conflicts with no task's gradient. If the gradients cancel, J^T v and d
/// are 0; such steps are counted. The same holds if a gradient is 0, unless some v has
/// a negative objective.
///
/// For each length t of J^T v the minimum is a quadratic program; a search finds the t at which both agree.
///
/// `weighting: {cagrad: {c: 0.4}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaGradConfig {
    /// Radius around the mean gradient, relative to its norm. Default 0.5.
    #[serde(default = "default_c")]
    pub c: NonNegative,
    /// Divisor of the result: square (1 + c^2, the default), linear (1 + c) or none.
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

/// Divisor of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rescale {
    /// No division.
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

/// v and the length of J^T v in units of |g0|; `None` if that length is 0.
fn minimize_conflict(gramian: &Matrix, c: f64) -> Option<(Vec<f64>, f64)> {
    let n = gramian.size();
    let mean = vec![1.0 / n as f64; n];
    let length = gramian.bilinear(&mean, &mean).max(0.0).sqrt();
    let longest = gramian.norms().into_iter().fold(0.0, f64::max);
    if length <= 1e-10 * longest {
        return None;
    }
    // In units of |g0|, each row in units of its own norm.
    let cosines = CosineGramian::from_gramian(&gramian.scaled(&vec![1.0 / length; n]));
    let products = gramian.matvec(&mean);
    let linear: Vec<f64> = cosines
        .rows
        .iter()
        .zip(&cosines.norms)
        .map(|(row, norm)| products[*row] / length / length / norm)
        .collect();
    let inverse_norms: Vec<f64> = cosines.norms.iter().map(|norm| 1.0 / norm).collect();
    let solve_at = |t: f64| {
        let quadratic = Matrix::from_fn(cosines.rows.len(), |i, j| cosines.matrix[(i, j)] * c / t);
        let x = QuadraticProgram { quadratic: &quadratic, linear: &linear, equality: Some(&inverse_norms) }
            .solve()
            .x;
        let found = cosines.matrix.bilinear(&x, &x).max(0.0).sqrt();
        (x, found)
    };
    // The ratio of the length found for t to t decreases in t; it is 1 where both agree.
    let (mut low, mut high) = (0.0, cosines.norms.iter().copied().fold(0.0, f64::max));
    let mut t = 1.0_f64.min(high);
    let mut best = solve_at(t);
    for _ in 0..200 {
        let (_, found) = &best;
        if (found - t).abs() <= 1e-13 * t || high - low <= 1e-15 * high {
            break;
        }
        if *found > t {
            low = t
        } else {
            high = t
        }
        // The found length is a better guess than the midpoint as long as it lies inside the bracket.
        t = if *found > low && *found < high { *found } else { 0.5 * (low + high) };
        if t <= 1e-12 * cosines.norms.iter().copied().fold(f64::INFINITY, f64::min) {
            return None;
        }
        best = solve_at(t);
    }
    let (x, found) = best;
    // All weight on a zero gradient costs 0 and makes J^T v 0; only a negative cost is better.
    let cost = linear.iter().zip(&x).map(|(linear, x)| linear * x).sum::<f64>() + c * found;
    let is_best = !cosines.has_zero_rows() || cost < 0.0;
    (found > 1e-10 && is_best).then(|| (cosines.weights(&x, 0.0), found))
}

impl GramianWeighting for CaGrad {
    fn compute_weights(&mut self, context: &GradientContext) -> GradientWeights {
        let tasks = context.gramian.size();
        let uniform = 1.0 / tasks as f64;
        let divisor = match self.rescale {
            Rescale::None => 1.0,
            Rescale::Square => 1.0 + self.c * self.c,
            Rescale::Linear => 1.0 + self.c,
        };
        if self.c == 0.0 {
            return GradientWeights::new(vec![uniform / divisor; tasks], true);
        }
        match minimize_conflict(context.gramian, self.c) {
            Some((v, length)) => {
                let weight = |v: &f64| (uniform + self.c / length * v) / divisor;
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
    use crate::train::weighting::method::assert_near;

    fn config(c: f64, rescale: Rescale) -> CaGradConfig {
        CaGradConfig { c: NonNegative::constant(c), rescale }
    }

    /// methods.md 5.
    #[test]
    fn golden_values() {
        let weights = weights_for(&config(0.5, Rescale::None), &matrix_a()).weights;
        assert_near(&weights, &[0.704_124, 0.5]);
        assert_near(&direction(&matrix_a(), &weights), &[0.183_503, 1.204_124, 1.204_124]);
        let weights = weights_for(&config(0.5, Rescale::Square), &matrix_a()).weights;
        assert_near(&direction(&matrix_a(), &weights), &[0.146_803, 0.963_299, 0.963_299]);
        let weights = weights_for(&config(0.4, Rescale::Square), &matrix_a()).weights;
        assert_near(&direction(&matrix_a(), &weights), &[0.298_968, 1.002_844, 1.002_844]);
        assert_near(
            &weights_for(&config(0.5, Rescale::None), &matrix_b()).weights,
            &[0.333_333, 0.537_457, 0.333_333],
        );
    }

    #[test]
    fn c_of_zero_is_the_mean() {
        assert_near(&weights_for(&config(0.0, Rescale::None), &matrix_b()).weights, &[1.0 / 3.0; 3]);
    }

    #[test]
    fn cancelling_gradients_are_not_regular() {
        let result = weights_for(&config(0.5, Rescale::None), &[vec![1.0, 0.0], vec![-1.0, 0.0]]);
        assert_eq!((result.weights.as_slice(), result.regular), ([0.0, 0.0].as_slice(), false));
    }

    /// By hand: g0 = (3, 0) and (-1, 0) . g0 = -3 is below -c |g0| = -1.5, so v selects it: w = 1/3 + (0,
    /// 1.5, 0). With c = 1 no choice costs less than the zero gradient.
    #[test]
    fn with_a_zero_gradient() {
        let rows = [vec![10.0, 0.0], vec![-1.0, 0.0], vec![0.0, 0.0]];
        let result = weights_for(&config(0.5, Rescale::None), &rows);
        assert_near(&result.weights, &[0.333_333, 1.833_333, 0.333_333]);
        assert!(result.regular);
        let result = weights_for(&config(1.0, Rescale::None), &rows);
        assert_eq!((result.weights.as_slice(), result.regular), ([0.0; 3].as_slice(), false));
    }
}
