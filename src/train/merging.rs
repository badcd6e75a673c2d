//! Merging of networks that were trained from the same weights, each for its own tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::number::{Fraction, Positive};
use crate::train::solver::eigen::Eigen;
use crate::train::solver::matrix::Matrix;

/// Merges the shared weights of runs that began from the same weights, instead of training: each run's task
/// vector is the difference of its weights from the initial ones, and the merged weights are the initial ones
/// plus `scale` times a combination of the task vectors. Tasks keep the heads of the runs that learned them;
/// running statistics of batch normalization are averaged. `mtl merge` writes such a pipeline and runs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeConfig {
    /// The runs, at least two, each by its name, or `RUN#3` for its third trial.
    pub runs: Vec<String>,
    /// How task vectors are combined. Default task_arithmetic.
    #[serde(default)]
    pub method: MergeMethod,
    /// The factor of the combination. Default 0.3 for task_arithmetic, 1 for ties and iso_c.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Positive>,
    /// The share of a task vector's elements that `ties` keeps, the largest ones. Default 0.2.
    #[serde(default = "default_keep")]
    pub keep: Fraction,
}

fn default_keep() -> Fraction {
    Fraction::constant(0.2)
}

/// How task vectors are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeMethod {
    /// Their sum (Ilharco et al., ICLR 2023, arXiv 2212.04089).
    #[default]
    TaskArithmetic,
    /// Trim, elect sign, merge (Yadav et al., NeurIPS 2023, arXiv 2306.01708): of each task vector the
    /// largest elements remain; an element's sign is that of their sum; the mean of those with that sign.
    Ties,
    /// Iso-C (Marczak et al., ICML 2025, arXiv 2502.04959): of a matrix, the sum of the task vectors U S V^T
    /// with every singular value replaced by their mean; of other weights the mean. Singular values below
    /// 1e-7 of the largest, whose vectors are arbitrary, remain 0.
    IsoC,
}

impl MergeConfig {
    /// The factor of the combination.
    pub fn scale(&self) -> f64 {
        let default = if self.method == MergeMethod::TaskArithmetic { 0.3 } else { 1.0 };
        self.scale.map_or(default, Positive::get)
    }
}

/// A weight before training and in each run, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedWeight {
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// Its values before training.
    pub initial: Vec<f32>,
    /// Its values in each run.
    pub runs: Vec<Vec<f32>>,
    /// Whether it is a running statistic, which is averaged.
    pub is_statistic: bool,
}

impl MergedWeight {
    /// The element of a run's task vector.
    fn vector(&self, run: usize, index: usize) -> f64 {
        f64::from(self.runs[run][index]) - f64::from(self.initial[index])
    }

    /// The sum of the task vectors.
    fn sum(&self) -> Vec<f64> {
        (0..self.initial.len())
            .map(|index| (0..self.runs.len()).map(|run| self.vector(run, index)).sum())
            .collect()
    }

    fn mean(&self) -> Vec<f64> {
        let runs = self.runs.len() as f64;
        self.sum().into_iter().map(|sum| sum / runs).collect()
    }
}

/// The merged values of every weight.
pub fn merge(config: &MergeConfig, weights: &[MergedWeight]) -> Vec<Vec<f32>> {
    let thresholds = match config.method {
        MergeMethod::Ties => thresholds(weights, config.keep.get()),
        MergeMethod::TaskArithmetic | MergeMethod::IsoC => Vec::new(),
    };
    let merged = |weight: &MergedWeight| {
        let (combined, scale) = match (weight.is_statistic, config.method) {
            (true, _) => (weight.mean(), 1.0),
            (false, MergeMethod::TaskArithmetic) => (weight.sum(), config.scale()),
            (false, MergeMethod::Ties) => (elected(weight, &thresholds), config.scale()),
            (false, MergeMethod::IsoC) => match weight.shape.as_slice() {
                [rows, columns] => (isotropic(&weight.sum(), *rows, *columns), config.scale()),
                _ => (weight.mean(), config.scale()),
            },
        };
        let add = |(initial, change): (&f32, f64)| (f64::from(*initial) + scale * change) as f32;
        weight.initial.iter().zip(combined).map(add).collect()
    };
    weights.iter().map(merged).collect()
}

/// The smallest magnitude that each run's task vector, over all weights, keeps.
fn thresholds(weights: &[MergedWeight], keep: f64) -> Vec<f64> {
    let trained: Vec<&MergedWeight> = weights.iter().filter(|weight| !weight.is_statistic).collect();
    let runs = weights.first().map_or(0, |weight| weight.runs.len());
    let threshold = |run: usize| {
        let elements = |weight: &&MergedWeight| {
            (0..weight.initial.len()).map(|index| weight.vector(run, index).abs()).collect::<Vec<_>>()
        };
        let mut magnitudes: Vec<f64> = trained.iter().flat_map(elements).collect();
        let kept = (keep * magnitudes.len() as f64).round() as usize;
        match magnitudes.len().checked_sub(kept) {
            _ if kept == 0 => f64::INFINITY,
            Some(at) => *magnitudes.select_nth_unstable_by(at, f64::total_cmp).1,
            None => 0.0,
        }
    };
    (0..runs).map(threshold).collect()
}

/// The mean of the kept elements that have the sign of their sum.
fn elected(weight: &MergedWeight, thresholds: &[f64]) -> Vec<f64> {
    let element = |index: usize| {
        let kept = |(run, threshold): (usize, &f64)| {
            let value = weight.vector(run, index);
            if value.abs() >= *threshold { value } else { 0.0 }
        };
        let kept: Vec<f64> = thresholds.iter().enumerate().map(kept).collect();
        let sum: f64 = kept.iter().sum();
        let agree: Vec<f64> = kept.into_iter().filter(|value| value * sum > 0.0).collect();
        if agree.is_empty() { 0.0 } else { agree.iter().sum::<f64>() / agree.len() as f64 }
    };
    (0..weight.initial.len()).map(element).collect()
}

/// The matrix with every singular value replaced by their mean: mean(S) M (M^T M)^(-1/2).
fn isotropic(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    // The Gramian of the shorter side has the squared singular values.
    let row = |at: usize| matrix[at * columns..][..columns].to_vec();
    let column = |at: usize| (0..rows).map(|row| matrix[row * columns + at]).collect::<Vec<f64>>();
    let is_wide = rows < columns;
    let short: Vec<Vec<f64>> =
        if is_wide { (0..rows).map(row).collect() } else { (0..columns).map(column).collect() };
    let eigen = Eigen::decompose(&Matrix::gramian(&short));
    let singular: Vec<f64> = eigen.values.iter().map(|square| square.max(0.0).sqrt()).collect();
    let mean = singular.iter().sum::<f64>() / singular.len().max(1) as f64;
    let least = singular.first().map_or(0.0, |largest| largest * 1e-7);
    let factor = |square: f64| match square.max(0.0).sqrt() {
        value if value > least => mean / value,
        _ => 0.0,
    };
    let mut result = vec![0.0; matrix.len()];
    // Each vector along the longer side is multiplied by (M^T M)^(-1/2), or by (M M^T)^(-1/2).
    let count = if is_wide { columns } else { rows };
    for at in 0..count {
        let along = if is_wide { column(at) } else { row(at) };
        for (other, value) in eigen.apply(&along, factor).into_iter().enumerate() {
            result[if is_wide { other * columns + at } else { at * columns + other }] = value;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Fraction, Positive};
    use crate::train::merging::{MergeConfig, MergeMethod, MergedWeight, isotropic, merge};

    fn f(count: usize, salt: usize) -> Vec<f64> {
        (0..count).map(|i| f64::from((1.7 * i as f64 + salt as f64).sin() as f32)).collect()
    }

    fn weights() -> Vec<MergedWeight> {
        let weight = |(index, shape): (usize, &[usize])| {
            let count = shape.iter().product();
            let initial: Vec<f32> = f(count, 10 * index).into_iter().map(|x| x as f32).collect();
            let run = |salt: usize| {
                let change = f(count, salt + 10 * index);
                initial.iter().zip(change).map(|(x, change)| x + change as f32).collect()
            };
            let runs = [1, 2, 4].map(run).to_vec();
            MergedWeight { shape: shape.to_vec(), initial: initial.clone(), runs, is_statistic: false }
        };
        let shapes: [&[usize]; 3] = [&[3, 2], &[2, 3], &[4]];
        shapes.into_iter().enumerate().map(weight).collect()
    }

    fn config(method: MergeMethod, scale: f64, keep: f64) -> MergeConfig {
        let scale = Some(Positive::constant(scale));
        MergeConfig { runs: Vec::new(), method, scale, keep: Fraction::constant(keep) }
    }

    /// ```python
    /// # numpy 2.4
    /// import numpy as np
    /// f = lambda count, salt: np.sin(1.7 * np.arange(count) + salt).astype(np.float32)
    /// shapes = [(3, 2), (2, 3), (4,)]
    /// base = [f(np.prod(s), 10 * i).reshape(s) for i, s in enumerate(shapes)]
    /// runs = [[b + f(b.size, salt + 10 * i).reshape(b.shape) for i, b in enumerate(base)]
    ///         for salt in (1, 2, 4)]
    /// taus = [[r.astype(np.float64) - b for r, b in zip(run, base)] for run in runs]
    /// show = lambda name, merged: print(name, [np.round(m, 6).ravel().tolist() for m in merged])
    /// show("task_arithmetic", [b + 0.3 * sum(t[i] for t in taus) for i, b in enumerate(base)])
    /// flat = np.stack([np.concatenate([t.ravel() for t in tau]) for tau in taus])
    /// count = round(0.4 * flat.shape[1])
    /// kept = np.where(abs(flat) >= np.sort(abs(flat), 1)[:, [-count]], flat, 0)
    /// sign = np.sign(kept.sum(0))
    /// agree = (np.sign(kept) == sign) & (kept != 0)
    /// mean = (kept * agree).sum(0) / np.maximum(agree.sum(0), 1)
    /// parts = np.split(mean, np.cumsum([b.size for b in base])[:-1])
    /// show("ties", [b + 0.7 * p.reshape(b.shape) for b, p in zip(base, parts)])
    /// def iso(delta):
    ///     u, s, v = np.linalg.svd(delta, full_matrices=False)
    ///     return s.mean() * u @ v
    /// total = [sum(t[i] for t in taus) for i in range(3)]
    /// show("iso_c", [b + 0.5 * (iso(d) if b.ndim == 2 else d / 3) for b, d in zip(base, total)])
    /// ```
    #[test]
    fn the_methods_equal_numpy() {
        let cases = [
            (
                config(MergeMethod::TaskArithmetic, 0.3, 0.4),
                [
                    0.29819, 0.795722, -0.503239, -0.666043, 0.674871, 0.492136, -0.707808, -0.447839,
                    0.823211, 0.235706, -0.88395, -0.007922, 0.889613, -0.044185, -0.878227, 0.270494,
                ],
            ),
            (
                config(MergeMethod::Ties, 0.7, 0.4),
                [
                    0.612769, 0.991665, -0.921663, -0.925815, 1.193094, 0.798487, -1.244014, -0.127815,
                    0.045514, -0.117649, -0.23741, 0.3553, 0.27904, -0.406287, -0.986916, 0.612968,
                ],
            ),
            (
                config(MergeMethod::IsoC, 0.5, 0.4),
                [
                    0.544916, 1.036126, -0.500363, -0.668488, 0.422583, 0.25646, -0.728391, -0.111762,
                    0.757191, 0.121882, -1.027522, 0.142899, 0.899983, 0.103032, -0.926533, 0.135726,
                ],
            ),
        ];
        for (config, expected) in cases {
            let merged = merge(&config, &weights()).concat();
            assert_eq!(merged.len(), expected.len());
            for (found, expected) in merged.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 2e-6, "{config:?}: {merged:?}");
            }
        }
    }

    /// A matrix of rank 1 has one direction; the mean of its singular values (5, 0) is 2.5.
    #[test]
    fn directions_without_a_singular_value_remain_zero() {
        let found = isotropic(&[3.0, 0.0, 4.0, 0.0], 2, 2);
        for (found, expected) in found.into_iter().zip([1.5, 0.0, 2.0, 0.0]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
    }

    #[test]
    fn running_statistics_are_averaged() {
        let mut weights = weights();
        weights[2].is_statistic = true;
        let merged = merge(&config(MergeMethod::TaskArithmetic, 0.3, 0.2), &weights);
        let runs = &weights[2].runs;
        let expected = (runs[0][1] + runs[1][1] + runs[2][1]) / 3.0;
        assert!((merged[2][1] - expected).abs() < 1e-6);
    }
}
