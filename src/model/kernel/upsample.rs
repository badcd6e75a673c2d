//! Upsampling of images by an integer factor. Each row and column of the result is a weighted sum of two rows
//! or columns of the image.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::interpolation::Interpolation;
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// Upsamples x `[batch, channels, height, width]` to `[batch, channels, height factor, width factor]`.
pub fn upsample(x: &Tensor, factor: usize, method: Interpolation) -> Result<Tensor> {
    if !fits(&[x]) {
        return composed(x, factor, method);
    }
    apply1(&x.contiguous()?, UpsampleOp { factor, method })
}

/// Composed form of `upsample`: products with two interpolation matrices.
pub fn composed(x: &Tensor, factor: usize, method: Interpolation) -> Result<Tensor> {
    let (rows, channels, height, width) = x.dims4()?;
    let down = matrix(height, factor, method, x.device())?;
    let across = matrix(width, factor, method, x.device())?;
    let x = x.reshape((rows * channels, height, width))?;
    let x = x.broadcast_matmul(&across.t()?)?; // [planes, height, width factor]
    down.broadcast_matmul(&x)?.reshape((rows, channels, height * factor, width * factor))
}

/// The interpolation matrix `[length factor, length]` of one dimension.
fn matrix(length: usize, factor: usize, method: Interpolation, device: &Device) -> Result<Tensor> {
    let mut values = vec![0.0f32; length * factor * length];
    for (row, term) in values.chunks_exact_mut(length).zip(terms(length, factor, method)) {
        row[term.low] += 1.0 - term.share;
        row[term.high] += term.share;
    }
    Tensor::from_vec(values, (length * factor, length), device)
}

/// (1 - share) times the element at `low` plus share times that at `high`.
#[derive(Clone, Copy, Debug)]
struct InterpolationTerm {
    low: usize,
    high: usize,
    share: f32,
}

/// The terms of each element of an upsampled dimension.
fn terms(length: usize, factor: usize, method: Interpolation) -> Vec<InterpolationTerm> {
    let term = |at: usize| match method {
        Interpolation::Nearest => InterpolationTerm { low: at / factor, high: at / factor, share: 0.0 },
        Interpolation::Bilinear => {
            // Pixel centers are at half-integers (align_corners=False); outside of them, the border is
            // repeated.
            let at = ((at as f32 + 0.5) / factor as f32 - 0.5).max(0.0);
            let low = (at as usize).min(length - 1);
            InterpolationTerm { low, high: (low + 1).min(length - 1), share: at - low as f32 }
        }
    };
    (0..length * factor).map(term).collect()
}

struct UpsampleOp {
    factor: usize,
    method: Interpolation,
}

impl CustomOp1 for UpsampleOp {
    fn name(&self) -> &'static str {
        "upsample"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, channels, height, width) = layout.shape().dims4()?;
        let x = floats(storage, layout)?;
        let (down, across) =
            (terms(height, self.factor, self.method), terms(width, self.factor, self.method));
        let (to, plane) = (width * self.factor, height * width * self.factor * self.factor);
        let mut y = zeros(rows * channels * plane);
        y.par_chunks_mut(plane).zip(x.par_chunks(height * width)).for_each(|(y, x)| {
            let mut line = vec![0.0; width];
            for (y, term) in y.chunks_exact_mut(to).zip(&down) {
                let (low, high) = (&x[term.low * width..][..width], &x[term.high * width..][..width]);
                for ((line, low), high) in line.iter_mut().zip(low).zip(high) {
                    *line = (1.0 - term.share) * low + term.share * high;
                }
                for (y, term) in y.iter_mut().zip(&across) {
                    *y = (1.0 - term.share) * line[term.low] + term.share * line[term.high];
                }
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((rows, channels, height * self.factor, to))))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, _, height, width) = x.dims4()?;
        let (down, across) =
            (terms(height, self.factor, self.method), terms(width, self.factor, self.method));
        let (to, plane) = (width * self.factor, height * width * self.factor * self.factor);
        let mut x_gradient = zeros(x.elem_count());
        with_floats(gradient, |gradient| {
            let planes = x_gradient.par_chunks_mut(height * width).zip(gradient.par_chunks(plane));
            planes.for_each(|(x_gradient, gradient)| {
                let mut line = vec![0.0; width];
                for (gradient, row) in gradient.chunks_exact(to).zip(&down) {
                    line.fill(0.0);
                    for (gradient, term) in gradient.iter().zip(&across) {
                        line[term.low] += (1.0 - term.share) * gradient;
                        line[term.high] += term.share * gradient;
                    }
                    for (at, share) in [(row.low, 1.0 - row.share), (row.high, row.share)] {
                        let x_gradient = x_gradient[at * width..][..width].iter_mut();
                        x_gradient.zip(&line).for_each(|(x_gradient, line)| *x_gradient += share * line);
                    }
                }
            });
            Ok(())
        })?;
        Tensor::from_vec(x_gradient, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::interpolation::Interpolation;
    use crate::model::kernel::reference_check::{check_against, near, variable};
    use crate::model::kernel::upsample::{composed, upsample};

    #[test]
    fn agrees_with_its_composed_form() {
        for method in [Interpolation::Nearest, Interpolation::Bilinear] {
            for factor in [1, 2, 3, 4] {
                let x = variable(&[2, 3, 4, 5], 1);
                check_against(
                    &[x],
                    1e-5,
                    |v| upsample(&v[0], factor, method),
                    |v| composed(&v[0], factor, method),
                );
            }
        }
    }

    #[test]
    fn values_of_pytorch() {
        // x = torch.tensor([[[[0., -3, 2], [3, 4, 5]]]]); F.interpolate(x, scale_factor=2, mode="bilinear")
        let x = Tensor::new(&[[[[0f32, -3., 2.], [3., 4., 5.]]]], &Device::Cpu).unwrap();
        let expected = [
            0.0f32, -0.75, -2.25, -1.75, 0.75, 2.0, 0.75, 0.25, -0.75, -0.25, 1.75, 2.75, 2.25, 2.25, 2.25,
            2.75, 3.75, 4.25, 3.0, 3.25, 3.75, 4.25, 4.75, 5.0,
        ];
        let expected = Tensor::new(&expected, &Device::Cpu).unwrap();
        near("bilinear", &upsample(&x, 2, Interpolation::Bilinear).unwrap(), &expected, 1e-6);
        // mode="nearest"
        let expected = [
            0.0f32, 0.0, -3.0, -3.0, 2.0, 2.0, 0.0, 0.0, -3.0, -3.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0,
            3.0, 3.0, 4.0, 4.0, 5.0, 5.0,
        ];
        let expected = Tensor::new(&expected, &Device::Cpu).unwrap();
        near("nearest", &upsample(&x, 2, Interpolation::Nearest).unwrap(), &expected, 0.0);
    }
}
