//! Batch normalization (Ioffe & Szegedy 2015) over the columns of `[rows, width]`: gamma (x - mean) /
//! sqrt(variance + epsilon) + beta in one pass, and its gradient in two.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use crate::model::autograd::apply3;
use crate::model::kernel::{floats, with_floats};

/// Means and biased variances of the columns of `[rows, width]`, or of the channels of images.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics {
    /// Mean of each column or channel.
    pub mean: Vec<f32>,
    /// Biased variance of each column or channel.
    pub variance: Vec<f32>,
}

/// The statistics of the columns of x `[rows, width]`, summed in 64 bits.
pub fn statistics(x: &Tensor) -> Result<BatchStatistics> {
    let (rows, width) = x.dims2()?;
    with_floats(x, |x| {
        let mut mean = vec![0.0f64; width];
        for x in x.chunks_exact(width.max(1)) {
            x.iter().enumerate().for_each(|(column, x)| mean[column] += f64::from(*x));
        }
        mean.iter_mut().for_each(|mean| *mean /= rows as f64);
        let mut variance = vec![0.0f64; width];
        for x in x.chunks_exact(width.max(1)) {
            for (column, x) in x.iter().enumerate() {
                let difference = f64::from(*x) - mean[column];
                variance[column] += difference * difference;
            }
        }
        let divided = |sums: Vec<f64>, by: f64| sums.into_iter().map(|sum| (sum / by) as f32).collect();
        Ok(BatchStatistics { mean: divided(mean, 1.0), variance: divided(variance, rows as f64) })
    })
}

/// gamma (x - mean) / sqrt(variance + epsilon) + beta. `statistics` must be those of x: the gradient takes
/// into account that they change with x.
pub fn normalize(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    statistics: &BatchStatistics,
    epsilon: f64,
) -> Result<Tensor> {
    let inverse =
        statistics.variance.iter().map(|v| (1.0 / (f64::from(*v) + epsilon).sqrt()) as f32).collect();
    apply3(&x.contiguous()?, gamma, beta, BatchNormOp { mean: statistics.mean.clone(), inverse })
}

struct BatchNormOp {
    mean: Vec<f32>,
    /// 1 / sqrt(variance + epsilon)
    inverse: Vec<f32>,
}

impl CustomOp3 for BatchNormOp {
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
        for y in y.chunks_exact_mut(width) {
            for (column, y) in y.iter_mut().enumerate() {
                *y = (*y - self.mean[column]) * self.inverse[column] * gamma[column] + beta[column];
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
        let gamma_values = with_floats(gamma, |values| Ok(values.to_vec()))?;
        // Column sums of the gradient of the normalized x, and of its product with the normalized x.
        let mut plain = vec![0.0f64; self.mean.len()];
        let mut weighted = vec![0.0f64; self.mean.len()];
        let (mut gamma_gradient, mut beta_gradient) = (vec![0.0f32; width], vec![0.0f32; width]);
        let x_gradient = with_floats(x, |x| {
            with_floats(gradient, |gradient| {
                for (x, g) in x.chunks_exact(width).zip(gradient.chunks_exact(width)) {
                    for column in 0..width {
                        let normalized = (x[column] - self.mean[column]) * self.inverse[column];
                        let scaled = g[column] * gamma_values[column];
                        plain[column] += f64::from(scaled);
                        weighted[column] += f64::from(scaled * normalized);
                        gamma_gradient[column] += g[column] * normalized;
                        beta_gradient[column] += g[column];
                    }
                }
                let mean =
                    |sums: &[f64]| sums.iter().map(|sum| (sum / rows as f64) as f32).collect::<Vec<_>>();
                let (plain, weighted) = (mean(&plain), mean(&weighted));
                let mut x_gradient = gradient.to_vec();
                for (x, g) in x.chunks_exact(width).zip(x_gradient.chunks_exact_mut(width)) {
                    for column in 0..width {
                        let normalized = (x[column] - self.mean[column]) * self.inverse[column];
                        let scaled = g[column] * gamma_values[column];
                        g[column] =
                            self.inverse[column] * (scaled - plain[column] - normalized * weighted[column]);
                    }
                }
                Ok(x_gradient)
            })
        })?;
        Ok((
            Some(Tensor::from_vec(x_gradient, x.shape(), x.device())?),
            Some(Tensor::from_vec(gamma_gradient, gamma.shape(), x.device())?),
            Some(Tensor::from_vec(beta_gradient, beta.shape(), x.device())?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor};

    use crate::model::kernel::normalize::{normalize, statistics};
    use crate::model::kernel::reference_check::{check_against, variable};

    fn composed(x: &Tensor, gamma: &Tensor, beta: &Tensor) -> Result<Tensor> {
        let centered = x.broadcast_sub(&x.mean_keepdim(0)?)?;
        let deviation = (centered.sqr()?.mean_keepdim(0)? + 1e-5)?.sqrt()?;
        centered.broadcast_div(&deviation)?.broadcast_mul(gamma)?.broadcast_add(beta)
    }

    #[test]
    fn agrees_with_its_composed_form() {
        for (rows, width) in [(3, 4), (200, 65)] {
            check_against(
                &[variable(&[rows, width], 1), variable(&[width], 2), variable(&[width], 3)],
                2e-5,
                |v| normalize(&v[0], &v[1], &v[2], &statistics(&v[0])?, 1e-5),
                |v| composed(&v[0], &v[1], &v[2]),
            );
        }
    }
}
