//! Layer normalization (Ba, Kiros & Hinton 2016): gamma (x - mean) / sqrt(variance + epsilon) + beta, with
//! the mean and variance of each row.
//!
//! Forward and backward take one pass over memory each. A row stays in the cache while its statistics are
//! computed, so the backward pass computes them again instead of storing them.

use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor};

use crate::model::autograd::apply3;
use crate::model::kernel::softmax::{dot, sum};
use crate::model::kernel::wide::wide;
use crate::model::kernel::{BLOCK, computed, fits, floats, with_floats};

/// Layer normalization of x `[..., width]` over its last dimension; gamma and beta are `[width]`.
pub fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, epsilon: f64) -> Result<Tensor> {
    if !fits(&[x, gamma, beta]) {
        return composed(x, gamma, beta, epsilon);
    }
    apply3(&x.contiguous()?, gamma, beta, LayerNormOp { epsilon: epsilon as f32 })
}

/// Composed form of `layer_norm`. candle's own `layer_norm` has no backward: gradients stop there.
pub fn composed(x: &Tensor, gamma: &Tensor, beta: &Tensor, epsilon: f64) -> Result<Tensor> {
    let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let deviation = (centered.sqr()?.mean_keepdim(D::Minus1)? + epsilon)?.sqrt()?;
    centered.broadcast_div(&deviation)?.broadcast_mul(gamma)?.broadcast_add(beta)
}

struct LayerNormOp {
    epsilon: f32,
}

impl LayerNormOp {
    /// Normalizes a row in place, without gamma and beta; returns 1 / standard deviation.
    #[inline(always)]
    fn normalize(&self, row: &mut [f32]) -> f32 {
        let count = row.len() as f32;
        let mean = sum(row) / count;
        row.iter_mut().for_each(|x| *x -= mean);
        let inverse = 1.0 / (dot(row, row) / count + self.epsilon).sqrt();
        row.iter_mut().for_each(|x| *x *= inverse);
        inverse
    }
}

impl CustomOp3 for LayerNormOp {
    fn name(&self) -> &'static str {
        "layer_norm"
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
        let (gamma, beta) = (floats(gamma, gamma_layout)?, floats(beta, beta_layout)?);
        let width = gamma.len().max(1);
        let x = floats(x, x_layout)?;
        let size = BLOCK * width;
        let (y, _) = computed(x.len(), size, |index, y| {
            let x = &x[index * size..index * size + y.len()];
            wide!({
                for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                    y.copy_from_slice(x);
                    self.normalize(y);
                    y.iter_mut().zip(gamma).zip(beta).for_each(|((y, g), b)| *y = *y * g + b);
                }
            });
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
        let width = gamma.elem_count().max(1);
        // Sums over rows are computed block by block, independently of the number of threads.
        let block = |x_gradient: &mut [f32], x: &[f32], gradient: &[f32], gamma: &[f32]| {
            let (mut gamma_gradient, mut beta_gradient) = (vec![0.0; width], vec![0.0; width]);
            let mut normalized = vec![0.0; width];
            wide!({
                let rows = x_gradient.chunks_exact_mut(width).zip(x.chunks_exact(width));
                for ((x_gradient, x), gradient) in rows.zip(gradient.chunks_exact(width)) {
                    normalized.copy_from_slice(x);
                    let inverse = self.normalize(&mut normalized);
                    beta_gradient.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
                    gamma_gradient
                        .iter_mut()
                        .zip(gradient)
                        .zip(&normalized)
                        .for_each(|((sum, g), n)| *sum += g * n);
                    x_gradient.iter_mut().zip(gradient).zip(gamma).for_each(|((r, g), gamma)| *r = g * gamma);
                    let mean = sum(x_gradient) / width as f32;
                    let weighted_mean = dot(x_gradient, &normalized) / width as f32;
                    let pairs = x_gradient.iter_mut().zip(&normalized);
                    pairs.for_each(|(r, n)| *r = inverse * (*r - mean - n * weighted_mean));
                }
            });
            (gamma_gradient, beta_gradient)
        };
        let (x_gradient, sums) = with_floats(x, |x| {
            with_floats(gradient, |gradient| {
                with_floats(gamma, |gamma| {
                    let size = BLOCK * width;
                    Ok(computed(x.len(), size, |index, x_gradient| {
                        let range = index * size..index * size + x_gradient.len();
                        block(x_gradient, &x[range.clone()], &gradient[range], gamma)
                    }))
                })
            })
        })?;
        let (mut gamma_gradient, mut beta_gradient) = (vec![0.0; width], vec![0.0; width]);
        for (gamma, beta) in sums {
            gamma_gradient.iter_mut().zip(gamma).for_each(|(sum, g)| *sum += g);
            beta_gradient.iter_mut().zip(beta).for_each(|(sum, g)| *sum += g);
        }
        Ok((
            Some(Tensor::from_vec(x_gradient, x.shape(), x.device())?),
            Some(Tensor::from_vec(gamma_gradient, gamma.shape(), x.device())?),
            Some(Tensor::from_vec(beta_gradient, beta.shape(), x.device())?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::kernel::layer_norm::{composed, layer_norm};
    use crate::model::kernel::reference_check::{check_against, near, variable};

    #[test]
    fn agrees_with_its_composed_form() {
        for shape in [vec![3, 4], vec![1, 1], vec![200, 65], vec![3, 50, 33]] {
            let width = *shape.last().unwrap();
            check_against(
                &[variable(&shape, 1), variable(&[width], 2), variable(&[width], 3)],
                5e-5,
                |v| layer_norm(&v[0], &v[1], &v[2], 1e-5),
                |v| composed(&v[0], &v[1], &v[2], 1e-5),
            );
        }
    }

    #[test]
    fn a_mean_far_from_zero_loses_no_digits() {
        // torch.nn.functional.layer_norm(torch.tensor([1001., 1002., 1004.]), (3,))
        let x = Tensor::new(&[[1001f32, 1002., 1004.]], &Device::Cpu).unwrap();
        let (gamma, beta) = (Tensor::new(&[1f32; 3], x.device()), Tensor::new(&[0f32; 3], x.device()));
        let expected = Tensor::new(&[[-1.069_019_3f32, -0.267_242_6, 1.336_311]], &Device::Cpu).unwrap();
        near("y", &layer_norm(&x, &gamma.unwrap(), &beta.unwrap(), 1e-5).unwrap(), &expected, 1e-5);
    }
}
