//! gamma (x - mean) / deviation + beta in one pass, with the statistics of columns (batch
//! normalization) or of rows (layer normalization), and its gradient in two.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use crate::model::kernel::{floats, with_floats};

/// What shares a mean and a deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// Each column: `[rows]` numbers share them.
    Columns,
    /// Each row: `[width]` numbers share them.
    Rows,
}

/// Means and biased variances of a `[rows, width]` tensor's columns or rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
}

/// The statistics, summed in 64 bits.
pub fn statistics(x: &Tensor, along: Along) -> Result<Statistics> {
    let (rows, width) = x.dims2()?;
    let (groups, size) = if along == Along::Columns { (width, rows) } else { (rows, width) };
    let of = |row: usize, column: usize| if along == Along::Columns { column } else { row };
    with_floats(x, |x| {
        let mut mean = vec![0.0f64; groups];
        for (row, x) in x.chunks_exact(width.max(1)).enumerate() {
            x.iter().enumerate().for_each(|(column, x)| mean[of(row, column)] += f64::from(*x));
        }
        mean.iter_mut().for_each(|mean| *mean /= size as f64);
        let mut variance = vec![0.0f64; groups];
        for (row, x) in x.chunks_exact(width.max(1)).enumerate() {
            for (column, x) in x.iter().enumerate() {
                let difference = f64::from(*x) - mean[of(row, column)];
                variance[of(row, column)] += difference * difference;
            }
        }
        let narrow = |values: Vec<f64>, by: f64| values.into_iter().map(|v| (v / by) as f32).collect();
        Ok(Statistics { mean: narrow(mean, 1.0), variance: narrow(variance, size as f64) })
    })
}

/// gamma (x - mean) / sqrt(variance + epsilon) + beta, the statistics being those of x itself.
pub fn normalize(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    along: Along,
    statistics: &Statistics,
    epsilon: f64,
) -> Result<Tensor> {
    let inverse =
        statistics.variance.iter().map(|v| (1.0 / (f64::from(*v) + epsilon).sqrt()) as f32).collect();
    x.contiguous()?.apply_op3(gamma, beta, Normalize { along, mean: statistics.mean.clone(), inverse })
}

struct Normalize {
    along: Along,
    mean: Vec<f32>,
    /// 1 / deviation
    inverse: Vec<f32>,
}

impl Normalize {
    fn group(&self, row: usize, column: usize) -> usize {
        if self.along == Along::Columns { column } else { row }
    }
}

impl CustomOp3 for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
        beta: &CpuStorage,
        beta_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, width) = x_layout.shape().dims2()?;
        let (gamma, beta) = (floats(gamma, gamma_layout)?, floats(beta, beta_layout)?);
        let mut y = floats(x, x_layout)?.to_vec();
        for (row, y) in y.chunks_exact_mut(width).enumerate() {
            for (column, y) in y.iter_mut().enumerate() {
                let group = self.group(row, column);
                *y = (*y - self.mean[group]) * self.inverse[group] * gamma[column] + beta[column];
            }
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (rows, width) = x.dims2()?;
        let size = if self.along == Along::Columns { rows } else { width } as f64;
        let gamma_values = with_floats(gamma, |values| Ok(values.to_vec()))?;
        // Sums over each group of the gradient before gamma, and of it times the normalized x.
        let mut plain = vec![0.0f64; self.mean.len()];
        let mut turned = vec![0.0f64; self.mean.len()];
        let (mut of_gamma, mut of_beta) = (vec![0.0f32; width], vec![0.0f32; width]);
        let result = with_floats(x, |x| {
            with_floats(gradient, |gradient| {
                for (row, (x, g)) in x.chunks_exact(width).zip(gradient.chunks_exact(width)).enumerate() {
                    for column in 0..width {
                        let group = self.group(row, column);
                        let normal = (x[column] - self.mean[group]) * self.inverse[group];
                        let before = g[column] * gamma_values[column];
                        plain[group] += f64::from(before);
                        turned[group] += f64::from(before * normal);
                        of_gamma[column] += g[column] * normal;
                        of_beta[column] += g[column];
                    }
                }
                let mean = |sums: &[f64]| sums.iter().map(|sum| (sum / size) as f32).collect::<Vec<_>>();
                let (plain, turned) = (mean(&plain), mean(&turned));
                let mut result = gradient.to_vec();
                for (row, (x, g)) in x.chunks_exact(width).zip(result.chunks_exact_mut(width)).enumerate() {
                    for column in 0..width {
                        let group = self.group(row, column);
                        let normal = (x[column] - self.mean[group]) * self.inverse[group];
                        let before = g[column] * gamma_values[column];
                        g[column] = self.inverse[group] * (before - plain[group] - normal * turned[group]);
                    }
                }
                Ok(result)
            })
        })?;
        Ok((
            Some(Tensor::from_vec(result, x.shape(), x.device())?),
            Some(Tensor::from_vec(of_gamma, gamma.shape(), x.device())?),
            Some(Tensor::from_vec(of_beta, beta.shape(), x.device())?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor};

    use crate::model::kernel::agreement::{agree, variable};
    use crate::model::kernel::normalize::{Along, normalize, statistics};

    fn twin(x: &Tensor, gamma: &Tensor, beta: &Tensor, dim: usize) -> Result<Tensor> {
        let centered = x.broadcast_sub(&x.mean_keepdim(dim)?)?;
        let deviation = (centered.sqr()?.mean_keepdim(dim)? + 1e-5)?.sqrt()?;
        centered.broadcast_div(&deviation)?.broadcast_mul(gamma)?.broadcast_add(beta)
    }

    #[test]
    fn agrees_with_its_twin() {
        for (along, dim) in [(Along::Columns, 0), (Along::Rows, 1)] {
            for (rows, width) in [(3, 4), (200, 65)] {
                agree(
                    &[variable(&[rows, width], 1), variable(&[width], 2), variable(&[width], 3)],
                    2e-5,
                    |v| normalize(&v[0], &v[1], &v[2], along, &statistics(&v[0], along)?, 1e-5),
                    |v| twin(&v[0], &v[1], &v[2], dim),
                );
            }
        }
    }
}
