//! The sharing `soft`: see [`SoftConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::sharing::block::{nothing_tied, shapes};
use crate::model::sharing::column::{ColumnPenalty, ColumnsConfig};
use crate::model::sharing::{Body, BuildSharing, BuiltSharing};
use crate::model::weights::{Parameter, Weights, host};

/// Soft sharing: a network for each task, and a penalty on how far these are apart.
///
/// Each task has a column of the trunk's layers for itself. To the joint loss is added, with `distance`
/// (Duong, Cohn, Bird & Cook, ACL 2015), strength * sum over pairs of tasks |theta_i - theta_j|^2; with
/// `trace_norm` (Yang & Hospedales 2017), strength * the sum over weights of the trace norm of `[tasks,
/// numbers]`, all tasks' copies of one weight as rows: the sum of its singular values, which is small where
/// rows depend on one another. The gradient of the trace norm of W is (W W')^(-1/2) W. Columns begin from
/// different numbers.
///
/// A task that reads `from` a mark reads there in its own column. An input's `encoder` stands before the
/// columns and is shared whole.
///
/// ```yaml
/// sharing: {soft: {penalty: distance, strength: 1.0e-3}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SoftConfig {
    /// What is small when tasks are alike. Default `distance`.
    #[serde(default)]
    pub penalty: ParameterDistance,
    /// Its weight in the joint loss. Default 1e-3.
    #[serde(default = "default_strength")]
    pub strength: NonNegative,
}

/// How far tasks are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterDistance {
    /// The square of the distance of every two.
    #[default]
    Distance,
    /// The sum of the singular values of all together.
    TraceNorm,
}

impl Settings for SoftConfig {
    const EXAMPLE: &'static str = "{soft: {penalty: distance, strength: 1.0e-3}}";
}

fn default_strength() -> NonNegative {
    NonNegative::constant(1e-3)
}

impl BuildSharing for SoftConfig {
    fn check(&self, trunk: &[LayerConfig], input: Shape) -> ModelResult<(), String> {
        nothing_tied(trunk)?;
        shapes(trunk, input, |shape| shape).map(drop)
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let (apart, strength) = (self.penalty, self.strength.get());
        let penalty = |columns: Vec<Vec<Parameter>>| -> Box<dyn ColumnPenalty> {
            let count = columns.iter().map(Vec::len).min().unwrap_or(0);
            let copies = |at: usize| columns.iter().map(|column| column[at].clone()).collect();
            Box::new(DistancePenalty { weights: (0..count).map(copies).collect(), distance: apart, strength })
        };
        let config =
            ColumnsConfig { subspaces: 1, units: None, last: false, layers: None, penalty: Some(&penalty) };
        config.build(body, weights)
    }
}

/// Keeps columns together.
struct DistancePenalty {
    /// For each weight every column's.
    weights: Vec<Vec<Parameter>>,
    distance: ParameterDistance,
    strength: f64,
}

impl ColumnPenalty for DistancePenalty {
    fn penalty(&self) -> ModelResult<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for copies in self.weights.iter().filter(|copies| self.strength > 0.0 && copies.len() > 1) {
            let rows = copies.iter().map(|copy| copy.tensor().flatten_all());
            let rows = Tensor::stack(&rows.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
            let one = match self.distance {
                ParameterDistance::Distance => distance(&rows)?,
                ParameterDistance::TraceNorm => trace_norm(&rows)?,
            };
            sum = Some(match sum {
                Some(sum) => (sum + one)?,
                None => one,
            });
        }
        Ok(sum.map(|sum| sum.affine(self.strength, 0.0)).transpose()?)
    }
}

/// The sum over pairs of rows of their distance's square: rows times the sum of squares to the mean.
fn distance(rows: &Tensor) -> ModelResult<Tensor> {
    let count = rows.dim(0)? as f64;
    let apart = rows.broadcast_sub(&rows.mean_keepdim(0)?)?;
    Ok(apart.sqr()?.sum_all()?.affine(count, 0.0)?)
}

/// The sum of the singular values of W `[rows, numbers]`. Its gradient (W W')^(-1/2) W is taken as a constant
/// that W is multiplied with: the sum of these products is the trace norm itself.
fn trace_norm(rows: &Tensor) -> ModelResult<Tensor> {
    let count = rows.dim(0)?;
    let flat = host(rows)?;
    let numbers = flat.len() / count.max(1);
    let row = |at: usize| &flat[at * numbers..][..numbers];
    let product = |i: usize, j: usize| -> f64 {
        row(i).iter().zip(row(j)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let gram: Vec<Vec<f64>> = (0..count).map(|i| (0..count).map(|j| product(i, j)).collect()).collect();
    let root: Vec<f32> = inverse_root(gram).into_iter().flatten().map(|x| x as f32).collect();
    let root = Tensor::from_vec(root, (count, count), rows.device())?;
    let slope = root.matmul(&rows.detach())?;
    Ok((slope * rows)?.sum_all()?)
}

/// G^(-1/2) of a symmetric matrix without negative eigenvalues, by Jacobi rotations; what has no length stays
/// without.
fn inverse_root(mut g: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = g.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    // Each sweep squares what is left beside the diagonal.
    for _ in 0..30 {
        for p in 0..n {
            for q in p + 1..n {
                if g[p][q].abs() <= f64::EPSILON * (g[p][p] * g[q][q]).abs().sqrt() {
                    continue;
                }
                let theta = (g[q][q] - g[p][p]) / (2.0 * g[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in &mut g {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (upper, lower) = g.split_at_mut(q);
                for (a, b) in upper[p].iter_mut().zip(&mut lower[0]) {
                    (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
                }
                for row in &mut vectors {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
            }
        }
    }
    let largest = (0..n).map(|i| g[i][i]).fold(0.0, f64::max);
    // Below this the products of 32-bit numbers say nothing.
    let least = largest * n as f64 * f64::from(f32::EPSILON);
    let root = |i: usize| if g[i][i] > least { 1.0 / g[i][i].sqrt() } else { 0.0 };
    let entry = |i: usize, j: usize| (0..n).map(|k| vectors[i][k] * root(k) * vectors[j][k]).sum();
    (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::model::sharing::soft::{distance, trace_norm};
    use crate::model::weights::host;

    fn rows() -> Var {
        let rows = [[1.0_f32, 2.0, 3.0], [-1.0, 0.5, 2.0], [0.3, -0.7, 4.0]];
        Var::from_tensor(&Tensor::new(&rows, &Device::Cpu).unwrap()).unwrap()
    }

    fn is(result: &[f32], expected: &[f32]) {
        let near = result.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near && result.len() == expected.len(), "{result:?}");
    }

    /// numpy: sum(((w[i] - w[j]) ** 2).sum() for i < j); np.linalg.svd(w) -> u, s, vt; s.sum(); u @ vt
    #[test]
    fn both_penalties_are_numpys() {
        let w = rows();
        let d = distance(&w).unwrap();
        is(&[d.to_scalar().unwrap()], &[DISTANCE]);
        let norm = trace_norm(&w).unwrap();
        is(&[norm.to_scalar().unwrap()], &[NORM]);
        let gradients = norm.backward().unwrap();
        is(&host(gradients.get(&w).unwrap()).unwrap(), &SLOPE);
    }

    const DISTANCE: f32 = 23.16;
    const NORM: f32 = 8.805_276_6;
    const SLOPE: [f32; 9] = [
        0.444_925_6,
        0.770_564_1,
        0.456_368_4,
        -0.877_279_7,
        0.272_549_9,
        0.395_091,
        0.180_059_8,
        -0.576_148_8,
        0.797_264_7,
    ];
}
