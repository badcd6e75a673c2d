//! The sharing `soft`: see [`SoftConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::sharing::block::{block_shapes, refuse_tied_embeddings};
use crate::model::sharing::body::add_term;
use crate::model::sharing::column::{ColumnPenalty, ColumnsConfig};
use crate::model::sharing::{Body, BuildSharing, BuiltSharing};
use crate::model::weights::{Parameter, Weights, host};

/// Soft parameter sharing: one network per task, and a penalty on the distance between their weights.
///
/// Each task has its own column of the trunk's layers. The penalty in the joint loss is, with `distance`
/// (Duong, Cohn, Bird & Cook, ACL 2015), strength * sum over pairs of tasks |theta_i - theta_j|^2; with
/// `trace_norm` (Yang & Hospedales 2017), strength * the sum over weights of the trace norm of `[tasks,
/// elements]`, whose rows are the tasks' copies of one weight: the sum of its singular values, which is
/// small if the rows are linearly dependent. The gradient of the trace norm of W is (W W')^(-1/2) W. The
/// columns have different initial weights.
///
/// A task that reads `from` a mark reads its own column there. An input's `encoder` comes before the columns
/// and is shared by all tasks.
///
/// ```yaml
/// sharing: {soft: {penalty: distance, strength: 1.0e-3}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SoftConfig {
    /// Distance between the tasks' weights. Default `distance`.
    #[serde(default)]
    pub penalty: ParameterDistance,
    /// Its weight in the joint loss. Default 1e-3.
    #[serde(default = "default_strength")]
    pub strength: NonNegative,
}

/// Distance between the tasks' weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterDistance {
    /// The sum of squared distances of all pairs.
    #[default]
    Distance,
    /// The sum of the singular values of all tasks' weights.
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
        refuse_tied_embeddings(trunk)?;
        block_shapes(trunk, input, |shape| shape).map(drop)
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let (distance, strength) = (self.penalty, self.strength.get());
        let penalty = |columns: Vec<Vec<Parameter>>| -> Box<dyn ColumnPenalty> {
            let count = columns.iter().map(Vec::len).min().unwrap_or(0);
            let copies = |index: usize| columns.iter().map(|column| column[index].clone()).collect();
            Box::new(DistancePenalty { weights: (0..count).map(copies).collect(), distance, strength })
        };
        ColumnsConfig { penalty: Some(&penalty), ..ColumnsConfig::PLAIN }.build(body, weights)
    }
}

/// The penalty on the distance between the columns.
struct DistancePenalty {
    /// By weight, then by column.
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
            let term = match self.distance {
                ParameterDistance::Distance => distance(&rows)?,
                ParameterDistance::TraceNorm => trace_norm(&rows)?,
            };
            add_term(&mut sum, term)?;
        }
        Ok(sum.map(|sum| sum.affine(self.strength, 0.0)).transpose()?)
    }
}

/// The sum of squared distances of all pairs of rows: the number of rows times the sum of squared deviations
/// from the mean.
fn distance(rows: &Tensor) -> ModelResult<Tensor> {
    let count = rows.dim(0)? as f64;
    let deviations = rows.broadcast_sub(&rows.mean_keepdim(0)?)?;
    Ok(deviations.sqr()?.sum_all()?.affine(count, 0.0)?)
}

/// The sum of the singular values of W `[rows, elements]`. Its gradient (W W')^(-1/2) W is a constant factor
/// of W: the sum of the products is the trace norm itself.
fn trace_norm(rows: &Tensor) -> ModelResult<Tensor> {
    let count = rows.dim(0)?;
    let flat = host(rows)?;
    let width = flat.len() / count.max(1);
    let row = |index: usize| &flat[index * width..][..width];
    let product = |i: usize, j: usize| -> f64 {
        row(i).iter().zip(row(j)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let gram: Vec<Vec<f64>> = (0..count).map(|i| (0..count).map(|j| product(i, j)).collect()).collect();
    let root: Vec<f32> = inverse_root(gram).into_iter().flatten().map(|x| x as f32).collect();
    let root = Tensor::from_vec(root, (count, count), rows.device())?;
    let gradient = root.matmul(&rows.detach())?;
    Ok((gradient * rows)?.sum_all()?)
}

/// G^(-1/2) of a symmetric positive semidefinite matrix by Jacobi rotations; eigenvalues of 0 stay 0.
fn inverse_root(mut g: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = g.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    // Sweeps converge quadratically.
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
    // Smaller eigenvalues are rounding errors of 32-bit products.
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

    fn assert_near(actual: &[f32], expected: &[f32]) {
        let near = actual.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near && actual.len() == expected.len(), "{actual:?}");
    }

    /// numpy: sum(((w[i] - w[j]) ** 2).sum() for i < j); np.linalg.svd(w) -> u, s, vt; s.sum(); u @ vt
    #[test]
    fn both_penalties_agree_with_numpy() {
        let w = rows();
        let d = distance(&w).unwrap();
        assert_near(&[d.to_scalar().unwrap()], &[DISTANCE]);
        let norm = trace_norm(&w).unwrap();
        assert_near(&[norm.to_scalar().unwrap()], &[NORM]);
        let gradients = norm.backward().unwrap();
        assert_near(&host(gradients.get(&w).unwrap()).unwrap(), &GRADIENT);
    }

    const DISTANCE: f32 = 23.16;
    const NORM: f32 = 8.805_276_6;
    const GRADIENT: [f32; 9] = [
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
