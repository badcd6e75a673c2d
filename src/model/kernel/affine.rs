//! activation(x W + b) as one operation: W is laid out once, and each thread multiplies some rows with it,
//! adds the bias and applies the function while they stand in its cache; backward, one pass for the slope and
//! the bias's gradient, and two products.

use std::ops::Range;
use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::autograd::apply3;
use crate::model::kernel::activation::{
    apply, composed as activation_twin, slope_by_output, slope_from_input, slope_from_output,
};
use crate::model::kernel::dot_products::dots;
use crate::model::kernel::packed::{PackedMatrix, ProductTarget};
use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};
use crate::model::kernel::wide::wide;
use crate::model::kernel::{BLOCK, WORTHWHILE, computed, fits, floats, with_floats, zeros};

/// activation(x W + b): x `[..., in]`, W `[in, out]`, b `[out]`.
pub fn affine(x: &Tensor, weight: &Tensor, bias: &Tensor, function: Activation) -> Result<Tensor> {
    if !fits(&[x, weight, bias]) {
        return composed(x, weight, bias, function);
    }
    let x = x.contiguous()?;
    apply3(&x, &weight.contiguous()?, bias, AffineOp { function, before: OnceLock::new() })
}

/// The same, composed of candle's operations.
pub fn composed(x: &Tensor, weight: &Tensor, bias: &Tensor, function: Activation) -> Result<Tensor> {
    let mut shape = x.dims().to_vec();
    let y = x.reshape(((), x.dim(D::Minus1)?))?.matmul(weight)?.broadcast_add(bias)?;
    shape.pop();
    shape.push(y.dim(1)?);
    activation_twin(function, &y.reshape(shape)?)
}

struct AffineOp {
    function: Activation,
    /// x W + b, kept for functions whose slope is not known from what they gave.
    before: OnceLock<Vec<f32>>,
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
            candle_core::bail!("x {x:?}, the weight {weight:?} and the bias {bias:?} do not fit together");
        }
        let rows: usize = shape.iter().product();
        shape.push(out);
        let (x, weight, bias) =
            (floats(x, x_layout)?, floats(weight, weight_layout)?, floats(bias, bias_layout)?);
        let by_output = slope_by_output(self.function);
        let right = MatrixView::new(weight, width, out);
        let mut y = times(x, rows, right, ProductTarget::Row(bias), |block| {
            if by_output {
                apply(self.function, block);
            }
        });
        if !by_output {
            let mut after = y.clone();
            in_blocks(&mut after, out, |block| apply(self.function, block));
            self.before.get_or_init(|| std::mem::replace(&mut y, after));
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
        let mut by_x = Vec::new();
        let mut by_weight = zeros(width * out);
        let by_bias = with_floats(gradient, |gradient| {
            let mut before_activation = Vec::new();
            let by_bias = match (self.function, self.before.get()) {
                (Activation::Identity, _) => column_sums(gradient, out),
                (function, Some(before)) => {
                    let (values, sums) = sloped(function, slope_from_input, before, gradient, out);
                    before_activation = values;
                    sums
                }
                (function, None) => with_floats(y, |y| {
                    let (values, sums) = sloped(function, slope_from_output, y, gradient, out);
                    before_activation = values;
                    Ok(sums)
                })?,
            };
            let before = if before_activation.is_empty() { gradient } else { &before_activation };
            if x.track_op() {
                with_floats(weight, |weight| {
                    let right = MatrixView::new(weight, width, out).t();
                    by_x = times(before, rows, right, ProductTarget::Nothing, |_| {});
                    Ok(())
                })?;
            }
            with_floats(x, |x| {
                let to = MatrixMut::new(&mut by_weight, width, out);
                let (left, right) = (MatrixView::new(x, rows, width).t(), MatrixView::new(before, rows, out));
                product(left, right, to, false, ProductThreads::All);
                Ok(())
            })?;
            Ok(by_bias)
        })?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        let by_x = if x.track_op() { Some(tensor(by_x, x)?) } else { None };
        Ok((by_x, Some(tensor(by_weight, weight)?), Some(tensor(by_bias, bias)?)))
    }
}

/// `rows` rows of x times a matrix (+ `onto`), and `finish` with each block of rows of the product.
fn times(
    x: &[f32],
    rows: usize,
    right: MatrixView,
    onto: ProductTarget,
    finish: impl Fn(&mut [f32]) + Sync + Send,
) -> Vec<f32> {
    let (width, out) = (right.rows(), right.columns());
    if out == 0 {
        return Vec::new();
    }
    if rows <= BLOCK && width * out >= LARGE {
        let mut y = zeros(rows * out);
        by_columns(x, right, &mut y, onto, finish);
        return y;
    }
    let right = PackedMatrix::new(right);
    let block = |index: usize, y: &mut [f32]| {
        right.times(&x[index * BLOCK * width..], width, y.len() / out, y, out, onto);
        finish(y);
    };
    computed(rows * out, BLOCK * out, block).0
}

/// Numbers of a matrix from which on its columns are divided among threads, where rows are too few for that.
const LARGE: usize = 1 << 17;

/// Columns that are laid out and multiplied with before they leave the cache.
const GROUP: usize = 64;

/// The same for few rows and a large matrix: each thread lays some columns out and multiplies with them at
/// once, or reads them as they lie where their numbers follow each other.
fn by_columns(
    x: &[f32],
    right: MatrixView,
    y: &mut [f32],
    onto: ProductTarget,
    finish: impl Fn(&mut [f32]) + Sync + Send,
) {
    let (width, out) = (right.rows(), right.columns());
    let rows = y.len() / out;
    let group = |group: usize| {
        let columns = group * GROUP..out.min((group + 1) * GROUP);
        let onto = match onto {
            ProductTarget::Row(row) => ProductTarget::Row(&row[columns.clone()]),
            other => other,
        };
        let mut part = vec![0.0; rows * columns.len()];
        let whole: Option<Vec<&[f32]>> = match onto {
            ProductTarget::Nothing => columns.clone().map(|column| right.down_column(column)).collect(),
            _ => None,
        };
        match whole {
            Some(whole) => dots(x, width, width, &whole, &mut part),
            None => {
                let packed = PackedMatrix::new(right.some_columns(columns.clone()));
                packed.times(x, width, rows, &mut part, columns.len(), onto);
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

/// Does the work on blocks of rows, on several threads where it is worth it.
fn in_blocks(values: &mut [f32], out: usize, work: impl Fn(&mut [f32]) + Sync + Send) {
    let size = (BLOCK * out).max(1);
    if values.len() < WORTHWHILE {
        values.chunks_mut(size).for_each(work);
    } else {
        values.par_chunks_mut(size).for_each(work);
    }
}

/// The gradient with respect to the activation's input, and its column sums.
fn sloped(
    function: Activation,
    slope: impl Fn(Activation, &[f32], &mut [f32]) + Sync + Send,
    known: &[f32],
    gradient: &[f32],
    out: usize,
) -> (Vec<f32>, Vec<f32>) {
    let size = (BLOCK * out).max(1);
    // Blocks are the same whatever the threads, so the sums are too.
    let (values, sums) = computed(gradient.len(), size, |index, block| {
        let at = index * size..index * size + block.len();
        let mut sums = vec![0.0; out];
        let rows = known[at.clone()].chunks_exact(out).zip(gradient[at].chunks_exact(out));
        for (values, (known, gradient)) in block.chunks_exact_mut(out).zip(rows) {
            values.copy_from_slice(gradient);
            slope(function, known, values);
            wide(|| sums.iter_mut().zip(&*values).for_each(|(sum, g)| *sum += g));
        }
        sums
    });
    (values, total(sums, out))
}

/// The sum of each column.
fn column_sums(values: &[f32], out: usize) -> Vec<f32> {
    let block = |values: &[f32]| {
        let mut sums = vec![0.0; out];
        wide(|| {
            for row in values.chunks_exact(out) {
                sums.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
            }
        });
        sums
    };
    let size = (BLOCK * out).max(1);
    let sums: Vec<Vec<f32>> = if values.len() < WORTHWHILE {
        values.chunks(size).map(block).collect()
    } else {
        values.par_chunks(size).map(block).collect()
    };
    total(sums, out)
}

fn total(sums: Vec<Vec<f32>>, out: usize) -> Vec<f32> {
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
    fn agrees_with_its_twin() {
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
    fn steps_are_rows() {
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
