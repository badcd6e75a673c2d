//! Softmax over the last dimension, restricted to the real elements of each row, in one pass; and sums and
//! softmax of a single row for other kernels, written with lanes so that the compiler vectorizes them and
//! results are the same on every CPU.

use candle_core::{CpuStorage, CustomOp1, D, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::wide::{exp, wide};
use crate::model::kernel::{BLOCK, fits, floats, with_floats};

/// Number of partial sums: the floats of one AVX-512 register.
const LANES: usize = 16;

/// Softmax over the last dimension of x `[rows, n]`. With `lengths`, row r has the softmax of its first
/// `lengths[r]` elements, followed by zeros.
///
/// # Errors
/// Lengths that are not at most n, one for each row.
pub fn softmax(x: &Tensor, lengths: Option<&[u32]>) -> Result<Tensor> {
    let (rows, n) = x.dims2()?;
    if lengths.is_some_and(|lengths| lengths.len() != rows || lengths.iter().any(|l| *l as usize > n)) {
        candle_core::bail!("expected {rows} lengths of at most {n}, found {:?}", lengths.unwrap_or_default());
    }
    if !fits(&[x]) {
        return composed(x, lengths);
    }
    apply1(&x.contiguous()?, SoftmaxOp(lengths.map(<[u32]>::to_vec)))
}

/// Composed form of `softmax`.
pub fn composed(x: &Tensor, lengths: Option<&[u32]>) -> Result<Tensor> {
    let n = x.dim(1)?;
    let Some(lengths) = lengths else { return candle_nn::ops::softmax(x, D::Minus1) };
    let mask = length_mask(lengths, n, x)?;
    // Padding gets a logit far below all others, and then a probability of exactly 0.
    let padding = ((&mask - 1.0)? * 1e30)?;
    candle_nn::ops::softmax(&(x.mul(&mask)? + padding)?, D::Minus1)?.mul(&mask)
}

/// A mask `[rows, n]`: 1 in the first `lengths[r]` elements of row r, else 0.
pub fn length_mask(lengths: &[u32], n: usize, like: &Tensor) -> Result<Tensor> {
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
            wide!({
                for (row, y) in y.chunks_exact_mut(n).enumerate() {
                    let (real, padding) = y.split_at_mut(self.length(block * BLOCK + row, n));
                    softmax_in_place(real, 1.0);
                    padding.fill(0.0);
                }
            });
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, n) = x.dims2()?;
        let mut x_gradient = with_floats(gradient, |gradient| Ok(gradient.to_vec()))?;
        with_floats(y, |y| {
            let blocks = x_gradient.par_chunks_mut((BLOCK * n).max(1)).zip(y.par_chunks((BLOCK * n).max(1)));
            blocks.for_each(|(g, y)| {
                wide!({
                    let rows = g.chunks_exact_mut(n).zip(y.chunks_exact(n));
                    // At padding elements y is 0, and so is the gradient.
                    for (g, y) in rows {
                        softmax_backward(y, g, 1.0);
                    }
                });
            });
            Ok(())
        })?;
        Tensor::from_vec(x_gradient, x.shape(), x.device()).map(Some)
    }
}

/// Reduces N rows of equal length to one number, lane by lane.
#[inline(always)]
fn reduce<const N: usize>(
    rows: [&[f32]; N],
    start: f32,
    combine: impl Fn(f32, [f32; N]) -> f32,
    combine_lanes: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut lanes = [start; LANES];
    let full = rows[0].len() / LANES * LANES;
    let mut at = 0;
    while at < full {
        let chunks: [&[f32]; N] = rows.map(|row| &row[at..at + LANES]);
        for (lane, value) in lanes.iter_mut().enumerate() {
            *value = combine(*value, chunks.map(|chunk| chunk[lane]));
        }
        at += LANES;
    }
    for at in full..rows[0].len() {
        lanes[at - full] = combine(lanes[at - full], rows.map(|row| row[at]));
    }
    lanes.into_iter().fold(start, combine_lanes)
}

/// The sum of a row.
#[inline(always)]
pub fn sum(row: &[f32]) -> f32 {
    reduce([row], 0.0, |sum, [x]| sum + x, |a, b| a + b)
}

/// The dot product of two rows of equal length.
#[inline(always)]
pub fn dot(one: &[f32], other: &[f32]) -> f32 {
    let other = &other[..one.len()];
    reduce([one, other], 0.0, |sum, [x, y]| sum + x * y, |a, b| a + b)
}

/// The maximum of a row, ignoring NaN.
#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let max_of = |a: f32, b: f32| if b > a { b } else { a };
    reduce([row], f32::NEG_INFINITY, |a, [b]| max_of(a, b), max_of)
}

/// Replaces a row x by softmax(scale x); `scale` must be positive.
#[inline(always)]
pub fn softmax_in_place(row: &mut [f32], scale: f32) {
    let max = largest(row);
    for x in row.iter_mut() {
        *x = exp((*x - max) * scale);
    }
    let inverse = 1.0 / sum(row);
    row.iter_mut().for_each(|x| *x *= inverse);
}

/// Replaces the gradient with respect to p = softmax(scale x) by that with respect to x.
#[inline(always)]
pub fn softmax_backward(p: &[f32], gradient: &mut [f32], scale: f32) {
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
    fn agrees_with_its_composed_form() {
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
    fn sums_of_full_and_partial_lanes() {
        let row: Vec<f32> = (0..37).map(|i| i as f32).collect();
        assert_eq!((sum(&row), sum(&row[..3]), sum(&[])), (666.0, 3.0, 0.0));
        assert_eq!(dot(&row, &row), 16_206.0);
    }
}
