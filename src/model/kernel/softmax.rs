//! Softmax over the last dimension, of the real elements of each row alone, in one pass and with its
//! gradient; and what kernels that make one inside take from it: sums and softmaxes of one row, written
//! in lanes so that they become wide instructions and give the same bits on every machine.

use candle_core::{CpuStorage, CustomOp1, D, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::wide::{exp, wide};
use crate::model::kernel::{BLOCK, fits, floats, with_floats};

/// Partial sums kept beside each other: the floats of one AVX-512 register.
const LANES: usize = 16;

/// Softmax over the last dimension of `[rows, n]`. With `lengths`, row r is that of its first `lengths[r]`
/// elements, and 0 behind them.
pub fn softmax(x: &Tensor, lengths: Option<&[u32]>) -> Result<Tensor> {
    let (rows, n) = x.dims2()?;
    if lengths.is_some_and(|lengths| lengths.len() != rows || lengths.iter().any(|l| *l as usize > n)) {
        candle_core::bail!("the lengths are not those of {rows} rows of {n}");
    }
    if !fits(&[x]) {
        return composed(x, lengths);
    }
    apply1(&x.contiguous()?, SoftmaxOp(lengths.map(<[u32]>::to_vec)))
}

/// The same, composed of candle's operations.
pub fn composed(x: &Tensor, lengths: Option<&[u32]>) -> Result<Tensor> {
    let n = x.dim(1)?;
    let Some(lengths) = lengths else { return candle_nn::ops::softmax(x, D::Minus1) };
    let real = real(lengths, n, x)?;
    // Unreal ones are far below all others, then exactly 0.
    let below = ((&real - 1.0)? * 1e30)?;
    candle_nn::ops::softmax(&(x.mul(&real)? + below)?, D::Minus1)?.mul(&real)
}

/// `[rows, n]`: 1 in the first `lengths[r]` elements of row r, else 0.
pub fn real(lengths: &[u32], n: usize, like: &Tensor) -> Result<Tensor> {
    let steps = lengths.iter().flat_map(|length| (0..n).map(|t| f32::from(u8::from(t < *length as usize))));
    Tensor::from_iter(steps, like.device())?.reshape((lengths.len(), n))
}

struct SoftmaxOp(Option<Vec<u32>>);

impl SoftmaxOp {
    fn length(&self, row: usize, n: usize) -> usize {
        self.0.as_ref().map_or(n, |lengths| lengths[row] as usize)
    }
}

impl CustomOp1 for SoftmaxOp {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, n) = layout.shape().dims2()?;
        let mut y = floats(x, layout)?.to_vec();
        y.par_chunks_mut((BLOCK * n).max(1)).enumerate().for_each(|(block, y)| {
            wide(|| {
                for (row, y) in y.chunks_exact_mut(n).enumerate() {
                    let (real, rest) = y.split_at_mut(self.length(block * BLOCK + row, n));
                    soften(real, 1.0);
                    rest.fill(0.0);
                }
            });
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, n) = x.dims2()?;
        let mut result = with_floats(gradient, |gradient| Ok(gradient.to_vec()))?;
        with_floats(y, |y| {
            let blocks = result.par_chunks_mut((BLOCK * n).max(1)).zip(y.par_chunks((BLOCK * n).max(1)));
            blocks.for_each(|(g, y)| {
                wide(|| {
                    let rows = g.chunks_exact_mut(n).zip(y.chunks_exact(n));
                    // Behind a row's end y is 0, and so is the slope.
                    rows.for_each(|(g, y)| slope(y, g, 1.0));
                });
            });
            Ok(())
        })?;
        Tensor::from_vec(result, x.shape(), x.device()).map(Some)
    }
}

/// One number from a row's, joined lane by lane.
#[inline(always)]
fn joined<const N: usize>(
    rows: [&[f32]; N],
    start: f32,
    join: impl Fn(f32, [f32; N]) -> f32,
    last: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut lanes = [start; LANES];
    let whole = rows[0].len() / LANES * LANES;
    let mut at = 0;
    while at < whole {
        let chunks: [&[f32]; N] = rows.map(|row| &row[at..at + LANES]);
        for (lane, joined) in lanes.iter_mut().enumerate() {
            *joined = join(*joined, chunks.map(|chunk| chunk[lane]));
        }
        at += LANES;
    }
    for at in whole..rows[0].len() {
        lanes[at - whole] = join(lanes[at - whole], rows.map(|row| row[at]));
    }
    lanes.into_iter().fold(start, last)
}

/// The sum of a row.
#[inline(always)]
pub fn sum(row: &[f32]) -> f32 {
    joined([row], 0.0, |sum, [x]| sum + x, |a, b| a + b)
}

/// The sum of the products of two rows of one length.
#[inline(always)]
pub fn dot(one: &[f32], other: &[f32]) -> f32 {
    let other = &other[..one.len()];
    joined([one, other], 0.0, |sum, [x, y]| sum + x * y, |a, b| a + b)
}

/// The largest of a row; NaN is passed over.
#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    joined([row], f32::NEG_INFINITY, |a, [b]| larger(a, b), larger)
}

/// Turns a row x into softmax(scale x); `scale` is positive.
#[inline(always)]
pub fn soften(row: &mut [f32], scale: f32) {
    let top = largest(row);
    row.iter_mut().for_each(|x| *x = exp((*x - top) * scale));
    let inverse = 1.0 / sum(row);
    row.iter_mut().for_each(|x| *x *= inverse);
}

/// Turns the gradient by p = softmax(scale x) into that by x.
#[inline(always)]
pub fn slope(p: &[f32], gradient: &mut [f32], scale: f32) {
    let mean = dot(p, gradient);
    gradient.iter_mut().zip(p).for_each(|(g, p)| *g = scale * p * (*g - mean));
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::kernel::softmax::{composed, dot, softmax, sum};
    use crate::model::weights::host;

    #[test]
    fn agrees_with_its_twin() {
        for (rows, n) in [(1, 1), (3, 5), (200, 37)] {
            let lengths: Vec<u32> = (0..rows as u32).map(|row| row % n as u32 + 1).collect();
            for lengths in [None, Some(lengths.as_slice())] {
                let x = [variable(&[rows, n], 3)];
                check_against(&x, 2e-6, |x| softmax(&x[0], lengths), |x| composed(&x[0], lengths));
            }
        }
    }

    #[test]
    fn values() {
        // torch.softmax(torch.tensor([1., -2., 0.5]), 0)
        let expected = [0.603_748_9, 0.030_058_887, 0.366_192_22];
        let x = Tensor::new(&[[1f32, -2.0, 0.5, 1e30]], &Device::Cpu).unwrap();
        let y = host(&softmax(&x, Some(&[3])).unwrap()).unwrap();
        assert!(y.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{y:?}");
        assert_eq!(y[3], 0.0);
        let large = Tensor::new(&[[1e30f32, 1e30, -1e30]], &Device::Cpu).unwrap();
        assert_eq!(host(&softmax(&large, None).unwrap()).unwrap(), [0.5, 0.5, 0.0]);
    }

    #[test]
    fn lanes_and_what_is_left() {
        let row: Vec<f32> = (0..37).map(|i| i as f32).collect();
        assert_eq!((sum(&row), sum(&row[..3]), sum(&[])), (666.0, 3.0, 0.0));
        assert_eq!(dot(&row, &row), 16_206.0);
    }
}
