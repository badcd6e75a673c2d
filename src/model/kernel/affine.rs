//! activation(x W + b) as one operation.
//!
//! Forward, W is packed once; each thread multiplies a block of rows with it, adds the bias and applies the
//! activation while the block is in its cache. Backward takes one pass for the derivative of the activation
//! and the gradient of the bias, and two matrix products.

use std::ops::Range;
use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::autograd::apply3;
use crate::model::kernel::activation::{
    apply, backward_from_input, backward_from_output, composed as composed_activation,
    has_derivative_from_output,
};
use crate::model::kernel::dot_products::dots;
use crate::model::kernel::packed::{Addend, PackedMatrix};
use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};
use crate::model::kernel::wide::wide;
use crate::model::kernel::{BLOCK, PARALLEL_THRESHOLD, computed, fits, floats, with_floats, zeros};

/// activation(x W + b) `[..., out]` of x `[..., in]`, W `[in, out]` and b `[out]`.
pub fn affine(x: &Tensor, weight: &Tensor, bias: &Tensor, function: Activation) -> Result<Tensor> {
    if !fits(&[x, weight, bias]) {
        return composed(x, weight, bias, function);
    }
    let x = x.contiguous()?;
    apply3(&x, &weight.contiguous()?, bias, AffineOp { function, pre_activation: OnceLock::new() })
}

/// Composed form of `affine`.
pub fn composed(x: &Tensor, weight: &Tensor, bias: &Tensor, function: Activation) -> Result<Tensor> {
    let mut shape = x.dims().to_vec();
    let y = x.reshape(((), x.dim(D::Minus1)?))?.matmul(weight)?.broadcast_add(bias)?;
    shape.pop();
    shape.push(y.dim(1)?);
    composed_activation(function, &y.reshape(shape)?)
}

struct AffineOp {
    function: Activation,
    /// x W + b, kept for activations whose derivative needs the pre-activation.
    pre_activation: OnceLock<Vec<f32>>,
}

impl CustomOp3 for AffineOp {
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
        let (width, out) = weight_layout.shape().dims2()?;
        let mut shape = x_layout.dims().to_vec();
        if shape.pop() != Some(width) || bias_layout.dims() != [out] {
            let (x, weight, bias) = (x_layout.shape(), weight_layout.shape(), bias_layout.shape());
            candle_core::bail!(
                "the shapes of x {x:?}, weight {weight:?} and bias {bias:?} do not fit together"
            );
        }
        let rows: usize = shape.iter().product();
        shape.push(out);
        let (x, weight, bias) =
            (floats(x, x_layout)?, floats(weight, weight_layout)?, floats(bias, bias_layout)?);
        let from_output = has_derivative_from_output(self.function);
        let right = MatrixView::new(weight, width, out);
        let mut y = times(x, rows, right, Addend::Bias(bias), |block| {
            if from_output {
                apply(self.function, block);
            }
        });
        if !from_output {
            let mut activated = y.clone();
            in_blocks(&mut activated, out, |block| apply(self.function, block));
            self.pre_activation.get_or_init(|| std::mem::replace(&mut y, activated));
        }
        Ok((CpuStorage::F32(y), Shape::from(shape)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (width, out) = weight.dims2()?;
        let rows = y.elem_count() / out.max(1);
        let mut x_gradient = Vec::new();
        // A frozen weight needs no gradient.
        let mut weight_gradient = if weight.track_op() { zeros(width * out) } else { Vec::new() };
        let bias_gradient = with_floats(gradient, |gradient| {
            let mut buffer = Vec::new();
            let bias_gradient = match (self.function, self.pre_activation.get()) {
                (Activation::Identity, _) if !bias.track_op() => Vec::new(),
                (Activation::Identity, _) => column_sums(gradient, out),
                (function, Some(pre_activation)) => {
                    let (values, sums) =
                        pre_activation_gradient(function, backward_from_input, pre_activation, gradient, out);
                    buffer = values;
                    sums
                }
                (function, None) => with_floats(y, |y| {
                    let (values, sums) =
                        pre_activation_gradient(function, backward_from_output, y, gradient, out);
                    buffer = values;
                    Ok(sums)
                })?,
            };
            let pre_gradient = if buffer.is_empty() { gradient } else { &buffer };
            if x.track_op() {
                with_floats(weight, |weight| {
                    let right = MatrixView::new(weight, width, out).t();
                    x_gradient = times(pre_gradient, rows, right, Addend::Zero, |_| {});
                    Ok(())
                })?;
            }
            if weight.track_op() {
                with_floats(x, |x| {
                    let to = MatrixMut::new(&mut weight_gradient, width, out);
                    let (left, right) =
                        (MatrixView::new(x, rows, width).t(), MatrixView::new(pre_gradient, rows, out));
                    product(left, right, to, false, ProductThreads::All);
                    Ok(())
                })?;
            }
            Ok(bias_gradient)
        })?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        let if_needed = |values, of: &Tensor| of.track_op().then(|| tensor(values, of)).transpose();
        Ok((if_needed(x_gradient, x)?, if_needed(weight_gradient, weight)?, if_needed(bias_gradient, bias)?))
    }
}

/// `rows` rows of x times a matrix, plus `addend`. `finish` is applied to each block of the product.
fn times(
    x: &[f32],
    rows: usize,
    right: MatrixView,
    addend: Addend,
    finish: impl Fn(&mut [f32]) + Sync + Send,
) -> Vec<f32> {
    let (width, out) = (right.rows(), right.columns());
    if out == 0 {
        return Vec::new();
    }
    if rows <= BLOCK && width * out >= LARGE {
        let mut y = zeros(rows * out);
        by_columns(x, right, &mut y, addend, finish);
        return y;
    }
    let right = PackedMatrix::new(right);
    let block = |index: usize, y: &mut [f32]| {
        right.times(&x[index * BLOCK * width..], width, y.len() / out, y, out, addend);
        finish(y);
    };
    computed(rows * out, BLOCK * out, block).0
}

/// Elements of a matrix from which on threads divide its columns, if there are too few rows to divide.
const LARGE: usize = 1 << 17;

/// Columns that are packed and multiplied while they are in the cache.
const GROUP: usize = 64;

/// `times` for few rows and a large matrix: each thread packs some columns and multiplies with them, or reads
/// them in place if the elements of a column are contiguous.
fn by_columns(
    x: &[f32],
    right: MatrixView,
    y: &mut [f32],
    addend: Addend,
    finish: impl Fn(&mut [f32]) + Sync + Send,
) {
    let (width, out) = (right.rows(), right.columns());
    let rows = y.len() / out;
    let group = |index: usize| {
        let columns = index * GROUP..out.min((index + 1) * GROUP);
        let addend = match addend {
            Addend::Bias(row) => Addend::Bias(&row[columns.clone()]),
            other => other,
        };
        let mut part = vec![0.0; rows * columns.len()];
        let contiguous: Option<Vec<&[f32]>> = match addend {
            Addend::Zero => columns.clone().map(|column| right.contiguous_column(column)).collect(),
            _ => None,
        };
        match contiguous {
            Some(contiguous) => dots(x, width, width, &contiguous, &mut part),
            None => {
                let packed = PackedMatrix::new(right.some_columns(columns.clone()));
                packed.times(x, width, rows, &mut part, columns.len(), addend);
            }
        }
        finish(&mut part);
        (columns, part)
    };
    let parts: Vec<(Range<usize>, Vec<f32>)> = (0..out.div_ceil(GROUP)).into_par_iter().map(group).collect();
    for (columns, part) in parts {
        for (y, part) in y.chunks_exact_mut(out).zip(part.chunks_exact(columns.len())) {
            y[columns.clone()].copy_from_slice(part);
        }
    }
}

/// Calls `work` with blocks of rows, on several threads if there are many elements.
fn in_blocks(values: &mut [f32], out: usize, work: impl Fn(&mut [f32]) + Sync + Send) {
    let size = (BLOCK * out).max(1);
    if values.len() < PARALLEL_THRESHOLD {
        values.chunks_mut(size).for_each(work);
    } else {
        values.par_chunks_mut(size).for_each(work);
    }
}

/// The gradient with respect to the pre-activation, and its column sums.
fn pre_activation_gradient(
    function: Activation,
    derivative: impl Fn(Activation, &[f32], &mut [f32]) + Sync + Send,
    saved: &[f32],
    gradient: &[f32],
    out: usize,
) -> (Vec<f32>, Vec<f32>) {
    let size = (BLOCK * out).max(1);
    // The blocks do not depend on the number of threads, and so neither do the sums.
    let (values, sums) = computed(gradient.len(), size, |index, block| {
        let range = index * size..index * size + block.len();
        let mut sums = vec![0.0; out];
        let rows = saved[range.clone()].chunks_exact(out).zip(gradient[range].chunks_exact(out));
        for (values, (saved, gradient)) in block.chunks_exact_mut(out).zip(rows) {
            values.copy_from_slice(gradient);
            derivative(function, saved, values);
            wide!(sums.iter_mut().zip(&*values).for_each(|(sum, g)| *sum += g));
        }
        sums
    });
    (values, sum_blocks(sums, out))
}

/// The sum of each column of `[rows, out]`.
fn column_sums(values: &[f32], out: usize) -> Vec<f32> {
    let block = |values: &[f32]| {
        let mut sums = vec![0.0; out];
        wide!({
            for row in values.chunks_exact(out) {
                sums.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
            }
        });
        sums
    };
    let size = (BLOCK * out).max(1);
    let sums: Vec<Vec<f32>> = if values.len() < PARALLEL_THRESHOLD {
        values.chunks(size).map(block).collect()
    } else {
        values.par_chunks(size).map(block).collect()
    };
    sum_blocks(sums, out)
}

/// The sum of the blocks' column sums, in the order of the blocks.
fn sum_blocks(sums: Vec<Vec<f32>>, out: usize) -> Vec<f32> {
    let mut total = vec![0.0; out];
    for sums in sums {
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    total
}

#[cfg(test)]
mod tests {
    use crate::model::activation::Activation;
    use crate::model::kernel::affine::{affine, composed};
    use crate::model::kernel::reference_check::{check_against, variable};

    #[test]
    fn agrees_with_its_composed_form() {
        let functions = [Activation::Relu, Activation::Tanh, Activation::Gelu, Activation::Silu];
        for function in [Activation::Identity].into_iter().chain(functions) {
            for (rows, width, out) in [(1, 3, 1), (7, 5, 4), (300, 40, 130), (3, 400, 331)] {
                let variables =
                    [variable(&[rows, width], 1), variable(&[width, out], 2), variable(&[out], 3)];
                check_against(
                    &variables,
                    2e-5,
                    |v| affine(&v[0], &v[1], &v[2], function),
                    |v| composed(&v[0], &v[1], &v[2], function),
                );
            }
        }
    }

    #[test]
    fn sequences_are_flattened_to_rows() {
        let variables = [variable(&[3, 50, 8], 1), variable(&[8, 240], 2), variable(&[240], 3)];
        check_against(
            &variables,
            2e-5,
            |v| affine(&v[0], &v[1], &v[2], Activation::Gelu),
            |v| composed(&v[0], &v[1], &v[2], Activation::Gelu),
        );
        let [x, _, bias] = &variables;
        let error = affine(x, &variable(&[7, 240], 2), bias, Activation::Identity).unwrap_err().to_string();
        assert!(error.contains("do not fit together"), "{error}");
    }
}
