//! Losses whose gradient is computed together with their value, in one pass over the logits instead of by a
//! dozen operations and their gradients.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::autograd::apply1;
use crate::model::kernel::{BLOCK, PARALLEL_THRESHOLD, with_floats};

/// Computes one row of a loss from its logits, truth and mask, and writes the gradient with respect to the
/// logits into the last slice. Returns the loss of the row and its weight in the mean.
pub type LossRow<'a> = dyn Fn(&[f32], &[f32], &[f32], &mut [f32]) -> (f64, f64) + Sync + 'a;

/// The sum of the rows' losses divided by the sum of their weights, as a scalar; 0 if no row has a weight.
/// `logits` is `[rows, width]`, `truth` and `mask` are `[rows, columns]`.
///
/// # Errors
/// Shapes that do not fit together, or are empty.
pub fn mean_over_rows(logits: &Tensor, truth: &Tensor, mask: &Tensor, row: &LossRow) -> Result<Tensor> {
    let (rows, width) = logits.dims2()?;
    let columns = truth.dim(1)?;
    if truth.dims() != mask.dims() || truth.dim(0)? != rows || width == 0 || columns == 0 {
        candle_core::bail!(
            "the shapes of logits {:?}, truth {:?} and mask {:?} do not fit together",
            logits.dims(),
            truth.dims(),
            mask.dims()
        );
    }
    let mut gradient = vec![0.0; rows * width];
    let sums = with_floats(logits, |z| {
        with_floats(truth, |y| {
            with_floats(mask, |mask| {
                let block = |(block, gradient): (usize, &mut [f32])| {
                    let first = block * BLOCK;
                    let mut sums = (0.0, 0.0);
                    for (offset, gradient) in gradient.chunks_exact_mut(width).enumerate() {
                        let (z_start, y_start) = ((first + offset) * width, (first + offset) * columns);
                        let (y, mask) = (&y[y_start..y_start + columns], &mask[y_start..y_start + columns]);
                        let (loss, weight) = row(&z[z_start..z_start + width], y, mask, gradient);
                        sums = (sums.0 + loss, sums.1 + weight);
                    }
                    sums
                };
                // The blocks, and the order of their sum, do not depend on the number of threads.
                let sums: Vec<(f64, f64)> = if gradient.len() < PARALLEL_THRESHOLD / 4 {
                    gradient.chunks_mut(BLOCK * width).enumerate().map(block).collect()
                } else {
                    gradient.par_chunks_mut(BLOCK * width).enumerate().map(block).collect()
                };
                Ok(sums.into_iter().fold((0.0, 0.0), |total, sum| (total.0 + sum.0, total.1 + sum.1)))
            })
        })
    })?;
    let inverse_weight = if sums.1 > 0.0 { 1.0 / sums.1 } else { 0.0 };
    gradient.iter_mut().for_each(|g| *g *= inverse_weight as f32);
    closed_form(logits, sums.0 * inverse_weight, gradient)
}

/// The scalar `value`, whose gradient with respect to `x` is `gradient` (in the shape of x).
pub fn closed_form(x: &Tensor, value: f64, gradient: Vec<f32>) -> Result<Tensor> {
    let gradient = Tensor::from_vec(gradient, x.shape(), x.device())?;
    apply1(x, ClosedFormLossOp { value: value as f32, gradient })
}

struct ClosedFormLossOp {
    value: f32,
    gradient: Tensor,
}

impl CustomOp1 for ClosedFormLossOp {
    fn name(&self) -> &'static str {
        "closed_form"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.value]), Shape::from(())))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let factor = f64::from(gradient.to_scalar::<f32>()?);
        if factor == 1.0 {
            return Ok(Some(self.gradient.clone()));
        }
        self.gradient.affine(factor, 0.0).map(Some)
    }
}
