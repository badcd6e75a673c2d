//! Batch normalization (Ioffe & Szegedy 2015) over the channels of images: gamma (x - mean) / sqrt(variance +
//! epsilon) + beta in one pass, and its gradient in two.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply3;
use crate::model::kernel::normalize::BatchStatistics;
use crate::model::kernel::{floats, with_floats};

/// Means and biased variances of the channels of x `[batch, channels, height, width]`, summed in 64 bits.
pub fn statistics(x: &Tensor) -> Result<BatchStatistics> {
    let (rows, channels, height, width) = x.dims4()?;
    let (plane, size) = (height * width, (rows * height * width) as f64);
    with_floats(x, |x| {
        let sums = by_channel(x, plane, channels, |_, x| [sum(x, |x| x), 0.0]);
        let mean: Vec<f64> = sums.iter().map(|sum| sum[0] / size).collect();
        let sums = by_channel(x, plane, channels, |channel, x| {
            let mean = mean[channel];
            [sum(x, |x| (x - mean) * (x - mean)), 0.0]
        });
        Ok(BatchStatistics {
            mean: mean.iter().map(|mean| *mean as f32).collect(),
            variance: sums.iter().map(|sum| (sum[0] / size) as f32).collect(),
        })
    })
}

/// The sum of a function of the values, in eight partial sums, which the compiler vectorizes.
fn sum(values: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0f64; 8];
    let chunks = values.chunks_exact(8);
    let remainder: f64 = chunks.remainder().iter().map(|value| term(f64::from(*value))).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += term(f64::from(*value)));
    }
    sums.iter().sum::<f64>() + remainder
}

/// Two sums of each plane, added for each channel in the order of the rows.
fn by_channel(
    x: &[f32],
    plane: usize,
    channels: usize,
    sums: impl Fn(usize, &[f32]) -> [f64; 2] + Sync,
) -> Vec<[f64; 2]> {
    let each: Vec<[f64; 2]> =
        x.par_chunks(plane).enumerate().map(|(index, x)| sums(index % channels, x)).collect();
    let mut total = vec![[0.0; 2]; channels];
    for row in each.chunks_exact(channels) {
        for (total, sums) in total.iter_mut().zip(row) {
            *total = [total[0] + sums[0], total[1] + sums[1]];
        }
    }
    total
}

/// gamma (x - mean) / sqrt(variance + epsilon) + beta of x `[batch, channels, height, width]`. If `fixed`,
/// the statistics are constants, as in evaluation mode; else they must be those of x, and the gradient takes
/// into account that they change with x.
pub fn normalize(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    statistics: &BatchStatistics,
    fixed: bool,
    epsilon: f64,
) -> Result<Tensor> {
    let inverse =
        statistics.variance.iter().map(|v| (1.0 / (f64::from(*v) + epsilon).sqrt()) as f32).collect();
    apply3(&x.contiguous()?, gamma, beta, PlaneNormOp { mean: statistics.mean.clone(), inverse, fixed })
}

struct PlaneNormOp {
    mean: Vec<f32>,
    /// 1 / sqrt(variance + epsilon)
    inverse: Vec<f32>,
    fixed: bool,
}

impl CustomOp3 for PlaneNormOp {
    fn name(&self) -> &'static str {
        "normalize_planes"
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
        let (_, channels, height, width) = x_layout.shape().dims4()?;
        let (gamma, beta) = (floats(gamma, gamma_layout)?, floats(beta, beta_layout)?);
        let mut y = floats(x, x_layout)?.to_vec();
        y.par_chunks_mut(height * width).enumerate().for_each(|(index, y)| {
            let channel = index % channels;
            let scale = self.inverse[channel] * gamma[channel];
            let (mean, beta) = (self.mean[channel], beta[channel]);
            y.iter_mut().for_each(|y| *y = (*y - mean) * scale + beta);
        });
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
        let (rows, channels, height, width) = x.dims4()?;
        let (plane, size) = (height * width, (rows * height * width) as f64);
        let gamma_values = with_floats(gamma, |values| Ok(values.to_vec()))?;
        let (x_gradient, sums) = with_floats(x, |x| {
            with_floats(gradient, |gradient| {
                let products: Vec<f64> = x
                    .par_chunks(plane)
                    .zip(gradient.par_chunks(plane))
                    .enumerate()
                    .map(|(index, (x, gradient))| {
                        let mean = self.mean[index % channels];
                        product(x, mean, gradient)
                    })
                    .collect();
                let mut sums =
                    by_channel(gradient, plane, channels, |_, gradient| [sum(gradient, |g| g), 0.0]);
                for row in products.chunks_exact(channels) {
                    for ((sums, product), inverse) in sums.iter_mut().zip(row).zip(&self.inverse) {
                        sums[1] += product * f64::from(*inverse);
                    }
                }
                let mut x_gradient = gradient.to_vec();
                let planes = x_gradient.par_chunks_mut(plane).zip(x.par_chunks(plane));
                planes.enumerate().for_each(|(index, (g, x))| {
                    let channel = index % channels;
                    let (mean, inverse) = (self.mean[channel], self.inverse[channel]);
                    let scale = inverse * gamma_values[channel];
                    let [mean_gradient, weighted_mean] = sums[channel].map(|sum| (sum / size) as f32);
                    match self.fixed {
                        true => g.iter_mut().for_each(|g| *g *= scale),
                        false => g.iter_mut().zip(x).for_each(|(g, x)| {
                            *g = scale * (*g - mean_gradient - (x - mean) * inverse * weighted_mean);
                        }),
                    }
                });
                Ok((x_gradient, sums))
            })
        })?;
        let column = |index: usize| sums.iter().map(|sums| sums[index] as f32).collect::<Vec<_>>();
        Ok((
            Some(Tensor::from_vec(x_gradient, x.shape(), x.device())?),
            Some(Tensor::from_vec(column(1), gamma.shape(), x.device())?),
            Some(Tensor::from_vec(column(0), beta.shape(), x.device())?),
        ))
    }
}

/// The sum of (x - mean) times gradient.
fn product(x: &[f32], mean: f32, gradient: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (chunks, others) = (x.chunks_exact(8), gradient.chunks_exact(8));
    let remainder = chunks.remainder().iter().zip(others.remainder());
    let remainder: f64 = remainder.map(|(x, g)| f64::from(x - mean) * f64::from(*g)).sum();
    for (chunk, other) in chunks.zip(others) {
        for ((sum, x), g) in sums.iter_mut().zip(chunk).zip(other) {
            *sum += f64::from(x - mean) * f64::from(*g);
        }
    }
    sums.iter().sum::<f64>() + remainder
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor};

    use crate::model::kernel::normalize::BatchStatistics;
    use crate::model::kernel::plane::{normalize, statistics};
    use crate::model::kernel::reference_check::{check_against, variable};

    fn per_channel(values: &Tensor) -> Result<Tensor> {
        values.reshape((1, (), 1, 1))
    }

    #[test]
    fn agrees_with_its_composed_form() {
        for shape in [[3, 2, 4, 5], [20, 5, 3, 3]] {
            let variables = [variable(&shape, 1), variable(&[shape[1]], 2), variable(&[shape[1]], 3)];
            check_against(
                &variables,
                2e-5,
                |v| normalize(&v[0], &v[1], &v[2], &statistics(&v[0])?, false, 1e-5),
                |v| {
                    let mean = v[0].mean_keepdim((0, 2, 3))?;
                    let centered = v[0].broadcast_sub(&mean)?;
                    let deviation = (centered.sqr()?.mean_keepdim((0, 2, 3))? + 1e-5)?.sqrt()?;
                    let normal = centered.broadcast_div(&deviation)?;
                    normal.broadcast_mul(&per_channel(&v[1])?)?.broadcast_add(&per_channel(&v[2])?)
                },
            );
        }
    }

    #[test]
    fn fixed_statistics_are_constants() {
        let known = BatchStatistics { mean: vec![0.5, -1.0], variance: vec![4.0, 0.25] };
        check_against(
            &[variable(&[3, 2, 4, 5], 1), variable(&[2], 2), variable(&[2], 3)],
            2e-5,
            |v| normalize(&v[0], &v[1], &v[2], &known, true, 0.0),
            |v| {
                let device = v[0].device();
                let centered = v[0].broadcast_sub(&per_channel(&Tensor::new(&[0.5f32, -1.0], device)?)?)?;
                let normal = centered.broadcast_div(&per_channel(&Tensor::new(&[2.0f32, 0.5], device)?)?)?;
                normal.broadcast_mul(&per_channel(&v[1])?)?.broadcast_add(&per_channel(&v[2])?)
            },
        );
    }
}
