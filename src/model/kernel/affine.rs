//! activation(x W + b) as one operation: the product by crate gemm through candle, then one pass for
//! the bias and the function; backward, one pass for the slope and the bias's gradient.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::kernel::activation::{
    activation, apply, slope_by_output, slope_from_output, twin as activation_twin,
};
use crate::model::kernel::{BLOCK, WORTHWHILE, fits, floats, with_floats};
use crate::model::layer::activation::Activation;

/// activation(x W + b): x `[rows, in]`, W `[in, out]`, b `[out]`.
pub fn affine(x: &Tensor, weight: &Tensor, bias: &Tensor, function: Activation) -> Result<Tensor> {
    if !fits(&[x, weight, bias]) {
        return twin(x, weight, bias, function);
    }
    // The slopes of the others are not known from their output, which alone is kept.
    let inside = if slope_by_output(function) { function } else { Activation::Identity };
    let y = x.contiguous()?.apply_op3(weight, bias, Affine(inside))?;
    if inside == function { Ok(y) } else { activation(function, &y) }
}

/// The same, composed of candle's operations.
pub fn twin(x: &Tensor, weight: &Tensor, bias: &Tensor, function: Activation) -> Result<Tensor> {
    activation_twin(function, &x.matmul(weight)?.broadcast_add(bias)?)
}

struct Affine(Activation);

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = x_layout.shape().dims2()?;
        let (weight_rows, out) = weight_layout.shape().dims2()?;
        if weight_rows != width {
            candle_core::bail!("x has {width} columns, the weight {weight_rows} rows");
        }
        let product = x.matmul(weight, (1, rows, out, width), x_layout, weight_layout)?;
        let CpuStorage::F32(mut y) = product else { candle_core::bail!("a kernel takes 32-bit floats") };
        let bias = floats(bias, bias_layout)?;
        let finish = |block: &mut [f32]| {
            for row in block.chunks_exact_mut(out) {
                row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
            apply(self.0, block);
        };
        if y.len() < WORTHWHILE {
            finish(&mut y);
        } else {
            y.par_chunks_mut(BLOCK * out).for_each(finish);
        }
        Ok((CpuStorage::F32(y), Shape::from((rows, out))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (rows, out) = y.dims2()?;
        let mut before = with_floats(gradient, |values| Ok(values.to_vec()))?;
        let bias_gradient = with_floats(y, |y| Ok(slope_and_sum(self.0, y, &mut before, out)))?;
        let before = Tensor::from_vec(before, (rows, out), y.device())?;
        let x_gradient = if x.track_op() { Some(before.matmul(&weight.detach().t()?)?) } else { None };
        let weight_gradient = x.detach().t()?.matmul(&before)?;
        let bias_gradient = Tensor::from_vec(bias_gradient, bias.shape(), y.device())?;
        Ok((x_gradient, Some(weight_gradient), Some(bias_gradient)))
    }
}

/// Turns the gradient after the function into that before it, and gives its column sums.
fn slope_and_sum(function: Activation, y: &[f32], gradient: &mut [f32], out: usize) -> Vec<f32> {
    let block = |(gradient, y): (&mut [f32], &[f32])| {
        slope_from_output(function, y, gradient);
        let mut sum = vec![0.0; out];
        for row in gradient.chunks_exact(out) {
            sum.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
        }
        sum
    };
    let size = BLOCK * out;
    // Blocks are the same whatever the threads, so the sums are too.
    let sums: Vec<Vec<f32>> = if y.len() < WORTHWHILE {
        gradient.chunks_mut(size).zip(y.chunks(size)).map(block).collect()
    } else {
        gradient.par_chunks_mut(size).zip(y.par_chunks(size)).map(block).collect()
    };
    sums.into_iter()
        .reduce(|mut total, sum| {
            total.iter_mut().zip(&sum).for_each(|(total, sum)| *total += sum);
            total
        })
        .unwrap_or_else(|| vec![0.0; out])
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::affine::{affine, twin};
    use crate::model::kernel::agreement::{agree, variable};
    use crate::model::layer::activation::Activation;

    #[test]
    fn agrees_with_its_twin() {
        for function in [Activation::Identity, Activation::Relu, Activation::Tanh, Activation::Gelu] {
            for (rows, width, out) in [(1, 3, 1), (7, 5, 4), (300, 40, 130)] {
                let variables =
                    [variable(&[rows, width], 1), variable(&[width, out], 2), variable(&[out], 3)];
                agree(
                    &variables,
                    2e-5,
                    |v| affine(&v[0], &v[1], &v[2], function),
                    |v| twin(&v[0], &v[1], &v[2], function),
                );
            }
        }
    }
}
