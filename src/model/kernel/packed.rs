//! A matrix laid out once for many products with it: what a recurrence multiplies its state with at every
//! step. Crate gemm lays its operands out anew for each product, which for few rows costs as much as the
//! product itself.
//!
//! Columns stand in panels of 32; a panel's rows follow each other, so that the inner loop reads it from
//! front to back. Each element is summed in the order of the inner dimension, whatever rows are beside it.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::model::kernel::choice::arch;
use crate::model::kernel::product::MatrixView;
use crate::model::kernel::{WORTHWHILE, zeros};

/// Columns of a panel.
const PANEL: usize = 32;
/// Rows for which a panel stays in the fastest memory.
const BLOCK: usize = 64;

/// A matrix ready to be multiplied with from the left.
#[derive(Clone, Debug)]
pub struct PackedMatrix {
    panels: Vec<f32>,
    rows: usize,
    columns: usize,
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum ProductTarget<'a> {
    Nothing,
    /// What stands in the result.
    Itself,
    /// These numbers, one per column, for each row alike.
    Row(&'a [f32]),
}

impl PackedMatrix {
    pub fn new(matrix: MatrixView) -> Self {
        let (rows, columns) = (matrix.rows(), matrix.columns());
        let count = columns.div_ceil(PANEL);
        let mut panels = zeros(count * rows * PANEL);
        let panel = |(panel, values): (usize, &mut [f32])| {
            let first = panel * PANEL;
            lay_out(matrix, first..columns.min(first + PANEL), values);
        };
        let size = (rows * PANEL).max(1);
        if panels.len() < WORTHWHILE {
            panels.chunks_exact_mut(size).enumerate().for_each(panel);
        } else {
            panels.par_chunks_exact_mut(size).enumerate().for_each(panel);
        }
        Self { panels, rows, columns }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// c = a times this matrix (+ `onto`): `rows` rows of `a` and `c`, each `a_stride` and `c_stride` after
    /// the one before. Panics when they do not lie in their slices: a bug of the caller.
    pub fn times(
        &self,
        a: &[f32],
        a_stride: usize,
        rows: usize,
        c: &mut [f32],
        c_stride: usize,
        onto: ProductTarget,
    ) {
        if rows == 0 || self.columns == 0 {
            return;
        }
        assert!((rows - 1) * a_stride + self.rows <= a.len(), "{rows} rows lie in the left slice");
        assert!((rows - 1) * c_stride + self.columns <= c.len(), "{rows} rows lie in the result");
        assert!(c_stride >= self.columns, "rows of the result lie apart");
        if let ProductTarget::Row(row) = onto {
            assert!(row.len() >= self.columns, "a row has {} columns", self.columns);
        }
        arch().dispatch(PackedProduct { right: self, a, a_stride, rows, c, c_stride, onto });
    }
}

/// Lays out a panel of some columns; what is not there stays 0.
fn lay_out(matrix: MatrixView, columns: Range<usize>, panel: &mut [f32]) {
    let (rows, _) = panel.as_chunks_mut::<PANEL>();
    for (row, values) in rows.iter_mut().enumerate() {
        let Some(result) = matrix.along_row(row, columns.clone()) else { break };
        values[..result.len()].copy_from_slice(result);
        if row + 1 == matrix.rows() {
            return;
        }
    }
    for (index, column) in columns.enumerate() {
        match matrix.down_column(column) {
            Some(result) => rows.iter_mut().zip(result).for_each(|(values, value)| values[index] = *value),
            None => {
                rows.iter_mut().enumerate().for_each(|(row, values)| values[index] = matrix.at(row, column))
            }
        }
    }
}

struct PackedProduct<'a> {
    right: &'a PackedMatrix,
    a: &'a [f32],
    a_stride: usize,
    rows: usize,
    c: &'a mut [f32],
    c_stride: usize,
    onto: ProductTarget<'a>,
}

impl WithSimd for PackedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // As many sums as there are registers for, less those for one step's factors.
        let most = match (S::REGISTER_COUNT, S::F32_LANES) {
            (32.., _) => 8,
            (_, 8) => 6,
            _ => 4,
        };
        let mut first = 0;
        while first < self.rows {
            let end = self.rows.min(first + BLOCK);
            for panel in 0..self.right.columns.div_ceil(PANEL) {
                let mut row = first;
                while row < end {
                    let count = most.min(end - row);
                    match count {
                        1 => self.tile::<S, 1>(simd, panel, row),
                        2 => self.tile::<S, 2>(simd, panel, row),
                        3 => self.tile::<S, 3>(simd, panel, row),
                        4 => self.tile::<S, 4>(simd, panel, row),
                        5 => self.tile::<S, 5>(simd, panel, row),
                        6 => self.tile::<S, 6>(simd, panel, row),
                        7 => self.tile::<S, 7>(simd, panel, row),
                        _ => self.tile::<S, 8>(simd, panel, row),
                    }
                    row += count;
                }
            }
            first = end;
        }
    }
}

impl PackedProduct<'_> {
    /// `R` rows from `row` on times a panel.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&mut self, simd: S, panel: usize, row: usize) {
        let depth = self.right.rows;
        let values = &self.right.panels[panel * depth * PANEL..][..depth * PANEL];
        let (values, _) = values.as_chunks::<PANEL>();
        let left: [&[f32]; R] = std::array::from_fn(|r| &self.a[(row + r) * self.a_stride..][..depth]);
        let from = panel * PANEL;
        let columns = PANEL.min(self.right.columns - from);
        let wide = 2 * S::F32_LANES;
        let mut part = 0;
        while part < columns {
            let mut sums = [[simd.splat_f32s(0.0); 2]; R];
            for (k, values) in values[..depth].iter().enumerate() {
                let (factors, _) = S::as_simd_f32s(&values[part..part + wide]);
                let (one, two) = (factors[0], factors[1]);
                for r in 0..R {
                    let x = simd.splat_f32s(left[r][k]);
                    sums[r][0] = simd.mul_add_e_f32s(x, one, sums[r][0]);
                    sums[r][1] = simd.mul_add_e_f32s(x, two, sums[r][1]);
                }
            }
            let count = wide.min(columns - part);
            for (r, sums) in sums.iter().enumerate() {
                let to = (row + r) * self.c_stride + from + part;
                let c = &mut self.c[to..to + count];
                if count < wide {
                    // Not all columns of the panel are there.
                    let mut whole = [0.0; PANEL];
                    let (indices, _) = S::as_mut_simd_f32s(&mut whole);
                    indices[..2].copy_from_slice(sums);
                    let sums = c.iter_mut().zip(&whole);
                    match self.onto {
                        ProductTarget::Nothing => sums.for_each(|(c, sum)| *c = *sum),
                        ProductTarget::Itself => sums.for_each(|(c, sum)| *c += sum),
                        ProductTarget::Row(row) => {
                            sums.zip(&row[from + part..]).for_each(|((c, sum), row)| *c = row + sum);
                        }
                    }
                    continue;
                }
                let (c, _) = S::as_mut_simd_f32s(c);
                for (index, (c, sum)) in c.iter_mut().zip(sums).enumerate() {
                    *c = match self.onto {
                        ProductTarget::Nothing => *sum,
                        ProductTarget::Itself => simd.add_f32s(*c, *sum),
                        ProductTarget::Row(row) => {
                            let (row, _) = S::as_simd_f32s(&row[from + part..][..wide]);
                            simd.add_f32s(row[index], *sum)
                        }
                    };
                }
            }
            part += wide;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::packed::{PackedMatrix, ProductTarget};
    use crate::model::kernel::product::MatrixView;

    fn numbers(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + salt * 11) % 23) as f32 / 8.0 - 1.25).collect()
    }

    #[test]
    fn agrees_with_plain_sums() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 31), (7, 4, 32), (8, 64, 96), (13, 7, 49), (150, 3, 70)] {
            let (a, b, bias) = (numbers(m * (k + 2), 1), numbers(k * n, 2), numbers(n, 3));
            for b in [MatrixView::new(&b, k, n), MatrixView::new(&b, n, k).t()] {
                let packed = PackedMatrix::new(b);
                for onto in [ProductTarget::Nothing, ProductTarget::Itself, ProductTarget::Row(&bias)] {
                    let before = numbers(m * (n + 1), 4);
                    let mut c = before.clone();
                    packed.times(&a, k + 2, m, &mut c, n + 1, onto);
                    for row in 0..m {
                        for column in 0..n {
                            let at = row * (n + 1) + column;
                            let start = match onto {
                                ProductTarget::Nothing => 0.0,
                                ProductTarget::Itself => before[at],
                                ProductTarget::Row(row) => row[column],
                            };
                            let product = |j| f64::from(a[row * (k + 2) + j]) * f64::from(b.at(j, column));
                            let sum = start + (0..k).map(product).sum::<f64>() as f32;
                            assert!((c[at] - sum).abs() < 1e-4 * sum.abs().max(1.0), "{} {sum}", c[at]);
                        }
                        // What lies between rows stays.
                        assert_eq!(c[row * (n + 1) + n], before[row * (n + 1) + n]);
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_is_the_same_alone_and_among_others() {
        let (a, b) = (numbers(11 * 40, 5), numbers(40 * 70, 6));
        let packed = PackedMatrix::new(MatrixView::new(&b, 40, 70));
        let mut all = vec![0.0; 11 * 70];
        packed.times(&a, 40, 11, &mut all, 70, ProductTarget::Nothing);
        for row in 0..11 {
            let mut one = vec![0.0; 70];
            packed.times(&a[row * 40..], 40, 1, &mut one, 70, ProductTarget::Nothing);
            assert_eq!(one, all[row * 70..][..70]);
        }
    }
}
