//! The weighting `graddrop`: see [`GradDropConfig`].

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Fraction;
use crate::train::weighting::capabilities::{Capabilities, GradientCapabilities};
use crate::train::weighting::gradient_method::{
    GradientContext, GradientRows, GradientWeights, RowWeighting,
};
use crate::train::weighting::random_draw::{WeightingRandomPurpose, stream};
use crate::train::weighting::{BuildWeighting, WeightingContext, WeightingMethod};

/// Gradient sign dropout (GradDrop; Chen et al., NeurIPS 2020): where tasks disagree on the sign of a
/// gradient entry, one sign is kept at random.
///
/// For each entry, P = 1/2 (1 + sum_k g_k / sum_k |g_k|), and U is uniform in [0, 1): a task's gradient is
/// kept where it is positive and P > U, or negative and P < U; the others are multiplied by `leak`. d is the
/// sum. At the shared representation, as in the paper, gradients are first multiplied by the sign of the
/// activations and summed over the batch, and one mask is used for all rows. U depends on the trial's seed
/// and the step number. The recorded weights are 1.
///
/// `weighting: graddrop`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GradDropConfig {
    /// Factor of the gradients that are dropped. Default 0.
    #[serde(default = "default_leak")]
    pub leak: Fraction,
}

impl Settings for GradDropConfig {
    const BARE: Option<&'static str> = Some("leak");
    const EXAMPLE: &'static str = "graddrop";
}

fn default_leak() -> Fraction {
    Fraction::constant(0.0)
}

impl BuildWeighting for GradDropConfig {
    fn build(&self, context: &WeightingContext) -> WeightingMethod {
        WeightingMethod::rows(GradDrop { leak: self.leak.get() as f32, seed: context.seed })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::Gradients(GradientCapabilities::WHOLE.or_at_representation())
    }
}

struct GradDrop {
    leak: f32,
    seed: u64,
}

impl GradDrop {
    /// The factor of each task's gradient of one entry, given `u`, the random number.
    fn factors(&self, gradients: &[f64], u: f64) -> Vec<f32> {
        let magnitude: f64 = gradients.iter().map(|gradient| gradient.abs()).sum();
        let p = if magnitude > 0.0 { 0.5 * (1.0 + gradients.iter().sum::<f64>() / magnitude) } else { 0.5 };
        let is_kept = |gradient: &f64| (*gradient > 0.0 && p > u) || (*gradient < 0.0 && p < u);
        gradients.iter().map(|gradient| if is_kept(gradient) { 1.0 } else { self.leak }).collect()
    }
}

impl RowWeighting for GradDrop {
    fn compute_weights(&mut self, context: &GradientContext, rows: &mut GradientRows) -> GradientWeights {
        let mut random = stream(self.seed, WeightingRandomPurpose::Sign, context.step);
        let tasks = rows.values.len();
        let size = rows.values.first().map_or(0, Vec::len);
        // One factor per entry, shared by all rows of the batch; parameters count as one row.
        let batch = rows.representation.as_ref().map_or(1, |(_, batch)| (*batch).max(1));
        let width = size / batch;
        for column in 0..width {
            let sum_over_batch = |gradient: &Vec<f32>| -> f64 {
                let signed = |index: usize| match &rows.representation {
                    Some((activations, _)) => f64::from(gradient[index]) * sign(activations[index]),
                    None => f64::from(gradient[index]),
                };
                (0..batch).map(|row| signed(row * width + column)).sum()
            };
            let gradients: Vec<f64> = rows.values.iter().map(sum_over_batch).collect();
            let factors = self.factors(&gradients, random.random::<f64>());
            for (gradient, factor) in rows.values.iter_mut().zip(factors) {
                (0..batch).for_each(|row| gradient[row * width + column] *= factor);
            }
        }
        GradientWeights::new(vec![1.0; tasks], true)
    }
}

fn sign(value: f32) -> f64 {
    f64::from(i8::from(value > 0.0) - i8::from(value < 0.0))
}

#[cfg(test)]
mod tests {
    use crate::train::solver::Matrix;
    use crate::train::weighting::golden::{combine, matrix_a, rows};
    use crate::train::weighting::graddrop::{GradDrop, GradDropConfig, default_leak};
    use crate::train::weighting::gradient_method::{GradientContext, GradientRows, RowWeighting};

    /// By hand: -4 and 6 have P = .6; U below it keeps the 6, U above it the -4; equal signs are always kept.
    #[test]
    fn one_sign_is_kept() {
        let drop = GradDrop { leak: 0.25, seed: 0 };
        assert_eq!(drop.factors(&[-4.0, 6.0], 0.59), [0.25, 1.0]);
        assert_eq!(drop.factors(&[-4.0, 6.0], 0.61), [1.0, 0.25]);
        assert_eq!(drop.factors(&[1.0, 1.0], 0.999), [1.0, 1.0]);
        assert_eq!(drop.factors(&[-1.0, -1.0], 0.001), [1.0, 1.0]);
        let (_, d) = combine(&mut *rows(&GradDropConfig { leak: default_leak() }, 2), &matrix_a(), &[1.0; 2]);
        assert!((d[0] == -4.0 || d[0] == 6.0) && d[1..] == [2.0, 2.0], "{d:?}");
    }

    /// The share of draws that keep the positive part is P.
    #[test]
    fn the_positive_sign_is_kept_with_probability_p() {
        let wide = 20_000;
        let values = vec![vec![-1.0_f32; wide], vec![3.0; wide]];
        let gramian = Matrix::from_fn(2, |_, _| 1.0);
        let context = GradientContext { step: 3, tasks: &[0, 1], losses: &[1.0; 2], gramian: &gramian };
        let mut rows = GradientRows { values, representation: None };
        GradDrop { leak: 0.0, seed: 5 }.compute_weights(&context, &mut rows);
        let positive = rows.values[1].iter().filter(|value| **value > 0.0).count() as f64 / wide as f64;
        assert!((positive - 0.75).abs() < 0.01, "{positive}");
        assert!(rows.values[0].iter().zip(&rows.values[1]).all(|(a, b)| (*a == 0.0) != (*b == 0.0)));
    }

    /// At a representation: signs of the activations, one mask for the two rows of the batch.
    #[test]
    fn one_mask_for_the_batch() {
        let gramian = Matrix::from_fn(2, |_, _| 1.0);
        let context = GradientContext { step: 3, tasks: &[0, 1], losses: &[1.0; 2], gramian: &gramian };
        let mut rows = GradientRows {
            values: vec![vec![1.0, 1.0, 2.0, -5.0], vec![-1.0, 1.0, -2.0, -1.0]],
            representation: Some((vec![1.0, 1.0, 1.0, -1.0], 2)),
        };
        GradDrop { leak: 0.0, seed: 1 }.compute_weights(&context, &mut rows);
        // The tasks agree on the second entry (1 + 5 and 1 + 1), but not on the first (3 and -3).
        assert_eq!([rows.values[0][1], rows.values[0][3]], [1.0, -5.0]);
        assert_eq!([rows.values[1][1], rows.values[1][3]], [1.0, -1.0]);
        let first = [rows.values[0][0], rows.values[0][2]];
        assert!(first == [1.0, 2.0] || first == [0.0, 0.0], "{first:?}");
        assert_eq!(rows.values[1][0] == 0.0, first[0] != 0.0);
    }
}
