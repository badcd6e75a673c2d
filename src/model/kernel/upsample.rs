//! Images made larger by a whole factor, and the gradient. Rows and columns on their own are each a sum of
//! two rows or columns of the image.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::interpolation::Interpolation;
use crate::model::kernel::{fits, floats, with_floats, zeros};

/// x `[rows, channels, height, width]`, `factor` times as high and as wide.
pub fn upsample(x: &Tensor, factor: usize, method: Interpolation) -> Result<Tensor> {
    if !fits(&[x]) {
        return composed(x, factor, method);
    }
    apply1(&x.contiguous()?, UpsampleOp { factor, method })
}

/// The same, composed of candle's operations: products with the matrices of the sums.
pub fn composed(x: &Tensor, factor: usize, method: Interpolation) -> Result<Tensor> {
    let (rows, channels, height, width) = x.dims4()?;
    let down = matrix(height, factor, method, x.device())?;
    let across = matrix(width, factor, method, x.device())?;
    let x = x.reshape((rows * channels, height, width))?;
    let x = x.broadcast_matmul(&across.t()?)?; // [planes, height, width factor]
    down.broadcast_matmul(&x)?.reshape((rows, channels, height * factor, width * factor))
}

/// `[length factor, length]`
fn matrix(length: usize, factor: usize, method: Interpolation, device: &Device) -> Result<Tensor> {
    let mut values = vec![0.0f32; length * factor * length];
    for (row, sum) in values.chunks_exact_mut(length).zip(sums(length, factor, method)) {
        row[sum.low] += 1.0 - sum.share;
        row[sum.high] += sum.share;
    }
    Tensor::from_vec(values, (length * factor, length), device)
}

/// (1 - share) of one and share of the other.
#[derive(Clone, Copy, Debug)]
struct InterpolationTerm {
    low: usize,
    high: usize,
    share: f32,
}

fn sums(length: usize, factor: usize, method: Interpolation) -> Vec<InterpolationTerm> {
    let of = |at: usize| match method {
        Interpolation::Nearest => InterpolationTerm { low: at / factor, high: at / factor, share: 0.0 },
        Interpolation::Bilinear => {
            // Centers lie at half numbers; before the first and after the last nothing changes.
            let at = ((at as f32 + 0.5) / factor as f32 - 0.5).max(0.0);
            let low = (at as usize).min(length - 1);
            InterpolationTerm { low, high: (low + 1).min(length - 1), share: at - low as f32 }
        }
    };
    (0..length * factor).map(of).collect()
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
        let (down, across) = (sums(height, self.factor, self.method), sums(width, self.factor, self.method));
        let (to, plane) = (width * self.factor, height * width * self.factor * self.factor);
        let mut y = zeros(rows * channels * plane);
        y.par_chunks_mut(plane).zip(x.par_chunks(height * width)).for_each(|(y, x)| {
            let mut line = vec![0.0; width];
            for (y, sum) in y.chunks_exact_mut(to).zip(&down) {
                let (low, high) = (&x[sum.low * width..][..width], &x[sum.high * width..][..width]);
                for ((line, low), high) in line.iter_mut().zip(low).zip(high) {
                    *line = (1.0 - sum.share) * low + sum.share * high;
                }
                for (y, sum) in y.iter_mut().zip(&across) {
                    *y = (1.0 - sum.share) * line[sum.low] + sum.share * line[sum.high];
                }
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((rows, channels, height * self.factor, to))))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, _, height, width) = x.dims4()?;
        let (down, across) = (sums(height, self.factor, self.method), sums(width, self.factor, self.method));
        let (to, plane) = (width * self.factor, height * width * self.factor * self.factor);
        let mut result = zeros(x.elem_count());
        with_floats(gradient, |gradient| {
            let planes = result.par_chunks_mut(height * width).zip(gradient.par_chunks(plane));
            planes.for_each(|(result, gradient)| {
                let mut line = vec![0.0; width];
                for (gradient, row) in gradient.chunks_exact(to).zip(&down) {
                    line.fill(0.0);
                    for (gradient, sum) in gradient.iter().zip(&across) {
                        line[sum.low] += (1.0 - sum.share) * gradient;
                        line[sum.high] += sum.share * gradient;
                    }
                    for (at, share) in [(row.low, 1.0 - row.share), (row.high, row.share)] {
                        let result = result[at * width..][..width].iter_mut();
                        result.zip(&line).for_each(|(result, line)| *result += share * line);
                    }
                }
            });
            Ok(())
        })?;
        Tensor::from_vec(result, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::interpolation::Interpolation;
    use crate::model::kernel::reference_check::{check_against, near, variable};
    use crate::model::kernel::upsample::{composed, upsample};

    #[test]
    fn agrees_with_its_twin() {
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
