//! Root mean square normalization (Zhang & Sennrich 2019): gamma x / sqrt(mean(x^2) + epsilon), with the mean
//! of each row.
//!
//! The backward pass computes the mean squares again instead of storing them, as that of layer norm does.

use candle_core::{CpuStorage, CustomOp2, D, Layout, Result, Shape, Tensor};

use crate::model::autograd::apply2;
use crate::model::kernel::softmax::dot;
use crate::model::kernel::wide::wide;
use crate::model::kernel::{BLOCK, computed, fits, floats, with_floats};

/// Root mean square normalization of x `[..., width]` over its last dimension; gamma is `[width]`.
pub fn rms_norm(x: &Tensor, gamma: &Tensor, epsilon: f64) -> Result<Tensor> {
    if !fits(&[x, gamma]) {
        return composed(x, gamma, epsilon);
    }
    apply2(&x.contiguous()?, gamma, RmsNormOp { epsilon: epsilon as f32 })
}

/// Composed form of `rms_norm`. candle's own `rms_norm` has no backward: gradients stop there.
pub fn composed(x: &Tensor, gamma: &Tensor, epsilon: f64) -> Result<Tensor> {
    let root = (x.sqr()?.mean_keepdim(D::Minus1)? + epsilon)?.sqrt()?;
    x.broadcast_div(&root)?.broadcast_mul(gamma)
}

struct RmsNormOp {
    epsilon: f32,
}

impl RmsNormOp {
    /// 1 / root mean square of a row.
    #[inline(always)]
    fn inverse(&self, row: &[f32]) -> f32 {
        1.0 / (dot(row, row) / row.len() as f32 + self.epsilon).sqrt()
    }
}

impl CustomOp2 for RmsNormOp {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let gamma = floats(gamma, gamma_layout)?;
        let width = gamma.len().max(1);
        let x = floats(x, x_layout)?;
        let size = BLOCK * width;
        let (y, _) = computed(x.len(), size, |index, y| {
            let x = &x[index * size..index * size + y.len()];
            wide!({
                for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                    let inverse = self.inverse(x);
                    y.iter_mut().zip(x).zip(gamma).for_each(|((y, x), g)| *y = x * inverse * g);
                }
            });
        });
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let width = gamma.elem_count().max(1);
        // Sums over rows are computed block by block, independently of the number of threads.
        let block = |x_gradient: &mut [f32], x: &[f32], gradient: &[f32], gamma: &[f32]| {
            let (mut gamma_gradient, mut normalized) = (vec![0.0; width], vec![0.0; width]);
            wide!({
                let rows = x_gradient.chunks_exact_mut(width).zip(x.chunks_exact(width));
                for ((x_gradient, x), gradient) in rows.zip(gradient.chunks_exact(width)) {
                    let inverse = self.inverse(x);
                    normalized.iter_mut().zip(x).for_each(|(n, x)| *n = x * inverse);
                    let sums = gamma_gradient.iter_mut().zip(gradient).zip(&normalized);
                    sums.for_each(|((sum, g), n)| *sum += g * n);
                    x_gradient.iter_mut().zip(gradient).zip(gamma).for_each(|((r, g), gamma)| *r = g * gamma);
                    let mean = dot(x_gradient, &normalized) / width as f32;
                    let pairs = x_gradient.iter_mut().zip(&normalized);
                    pairs.for_each(|(r, n)| *r = inverse * (*r - n * mean));
                }
            });
            gamma_gradient
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
        let mut gamma_gradient = vec![0.0; width];
        for gamma in sums {
            gamma_gradient.iter_mut().zip(gamma).for_each(|(sum, g): (&mut f32, f32)| *sum += g);
        }
        Ok((
            Some(Tensor::from_vec(x_gradient, x.shape(), x.device())?),
            Some(Tensor::from_vec(gamma_gradient, gamma.shape(), x.device())?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::model::kernel::reference_check::{check_against, near, variable};
    use crate::model::kernel::rms_norm::{composed, rms_norm};

    #[test]
    fn agrees_with_its_composed_form() {
        for shape in [vec![3, 4], vec![1, 1], vec![200, 65], vec![3, 50, 33]] {
            let width = *shape.last().unwrap();
            check_against(
                &[variable(&shape, 1), variable(&[width], 2)],
                5e-5,
                |v| rms_norm(&v[0], &v[1], 1e-5),
                |v| composed(&v[0], &v[1], 1e-5),
            );
        }
    }

    #[test]
    fn equals_pytorch() {
        // x = torch.tensor([[1., -2., 3.], [.5, .25, -1.]], requires_grad=True)
        // g = torch.tensor([1., 2., -.5], requires_grad=True)
        // y = torch.nn.functional.rms_norm(x, (3,), g, 1e-6)
        // (y * torch.tensor([[1., 2., 3.], [-1., .5, 2.]])).sum().backward(); y, x.grad, g.grad
        let tensor = |rows: [[f32; 3]; 2]| Tensor::new(&rows, &Device::Cpu).unwrap();
        let x = Var::from_tensor(&tensor([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])).unwrap();
        let gamma = Var::from_tensor(&Tensor::new(&[1f32, 2.0, -0.5], &Device::Cpu).unwrap()).unwrap();
        let y = rms_norm(&x, &gamma, 1e-6).unwrap();
        let expected = [[0.462_91, -1.851_64, -0.694_365], [0.755_928_1, 0.755_928_1, 0.755_928_1]];
        near("y", &y, &tensor(expected), 1e-6);
        let weighted = (y * tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]])).unwrap();
        let gradients = weighted.sum_all().unwrap().backward().unwrap();
        let expected = [[0.843_157_4, 1.091_145, 0.446_377_3], [-1.943_814_2, 1.295_877_2, -0.647_940_3]];
        near("x", gradients.get(&x).unwrap(), &tensor(expected), 1e-5);
        let expected = Tensor::new(&[-0.293_018_1f32, -1.662_658, 1.142_477_8], &Device::Cpu).unwrap();
        near("gamma", gradients.get(&gamma).unwrap(), &expected, 1e-5);
    }
}
