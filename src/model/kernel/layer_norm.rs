//! Layer normalization, gamma (x - mean) / sqrt(variance + epsilon) + beta with each row's own mean and
//! variance, in one pass over memory, and its gradient in one more: a row stays in the cache while its
//! statistics are made, so the backward makes them again instead of keeping them.

use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor};

use crate::model::autograd::apply3;
use crate::model::kernel::softmax::{dot, sum};
use crate::model::kernel::wide::wide;
use crate::model::kernel::{BLOCK, computed, fits, floats, with_floats};

/// Layer normalization of `[..., width]`; gamma and beta are `[width]`.
pub fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, epsilon: f64) -> Result<Tensor> {
    if !fits(&[x, gamma, beta]) {
        return composed(x, gamma, beta, epsilon);
    }
    apply3(&x.contiguous()?, gamma, beta, LayerNormOp { epsilon: epsilon as f32 })
}

/// The same, composed of candle's operations. candle's own `layer_norm` drops every gradient before it.
pub fn composed(x: &Tensor, gamma: &Tensor, beta: &Tensor, epsilon: f64) -> Result<Tensor> {
    let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let deviation = (centered.sqr()?.mean_keepdim(D::Minus1)? + epsilon)?.sqrt()?;
    centered.broadcast_div(&deviation)?.broadcast_mul(gamma)?.broadcast_add(beta)
}

struct LayerNormOp {
    epsilon: f32,
}

impl LayerNormOp {
    /// Turns a row into its normalized one; gives 1 / deviation.
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
            wide(|| {
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
        // One pass over a block's rows; sums over rows are made block by block, whatever the threads.
        let block = |result: &mut [f32], x: &[f32], gradient: &[f32], gamma: &[f32]| {
            let (mut by_gamma, mut by_beta) = (vec![0.0; width], vec![0.0; width]);
            let mut normal = vec![0.0; width];
            wide(|| {
                let rows = result.chunks_exact_mut(width).zip(x.chunks_exact(width));
                for ((result, x), gradient) in rows.zip(gradient.chunks_exact(width)) {
                    normal.copy_from_slice(x);
                    let inverse = self.normalize(&mut normal);
                    by_beta.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
                    by_gamma.iter_mut().zip(gradient).zip(&normal).for_each(|((sum, g), n)| *sum += g * n);
                    result.iter_mut().zip(gradient).zip(gamma).for_each(|((r, g), gamma)| *r = g * gamma);
                    let plain = sum(result) / width as f32;
                    let weighted_mean = dot(result, &normal) / width as f32;
                    let pairs = result.iter_mut().zip(&normal);
                    pairs.for_each(|(r, n)| *r = inverse * (*r - plain - n * weighted_mean));
                }
            });
            (by_gamma, by_beta)
        };
        let (result, sums) = with_floats(x, |x| {
            with_floats(gradient, |gradient| {
                with_floats(gamma, |gamma| {
                    let size = BLOCK * width;
                    Ok(computed(x.len(), size, |index, result| {
                        let at = index * size..index * size + result.len();
                        block(result, &x[at.clone()], &gradient[at], gamma)
                    }))
                })
            })
        })?;
        let (mut by_gamma, mut by_beta) = (vec![0.0; width], vec![0.0; width]);
        for (gamma, beta) in sums {
            by_gamma.iter_mut().zip(gamma).for_each(|(sum, g)| *sum += g);
            by_beta.iter_mut().zip(beta).for_each(|(sum, g)| *sum += g);
        }
        Ok((
            Some(Tensor::from_vec(result, x.shape(), x.device())?),
            Some(Tensor::from_vec(by_gamma, gamma.shape(), x.device())?),
            Some(Tensor::from_vec(by_beta, beta.shape(), x.device())?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::kernel::layer_norm::{composed, layer_norm};
    use crate::model::kernel::reference_check::{check_against, near, variable};

    #[test]
    fn agrees_with_its_twin() {
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
    fn a_mean_far_from_zero_keeps_its_digits() {
        // torch.nn.functional.layer_norm(torch.tensor([1001., 1002., 1004.]), (3,))
        let x = Tensor::new(&[[1001f32, 1002., 1004.]], &Device::Cpu).unwrap();
        let (gamma, beta) = (Tensor::new(&[1f32; 3], x.device()), Tensor::new(&[0f32; 3], x.device()));
        let expected = Tensor::new(&[[-1.069_019_3f32, -0.267_242_6, 1.336_311]], &Device::Cpu).unwrap();
        near("y", &layer_norm(&x, &gamma.unwrap(), &beta.unwrap(), 1e-5).unwrap(), &expected, 1e-5);
    }
}
