//! A matrix packed once for many products, such as those of a recurrence with its state at every step. Crate
//! gemm packs its operands for each product, which for few rows costs as much as the product itself.
//!
//! The columns are divided into panels of 32, stored row by row, so that the inner loop reads a panel from
//! front to back. Each element is summed in the order of the inner dimension, independently of the other
//! rows.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::model::kernel::choice::arch;
use crate::model::kernel::product::MatrixView;
use crate::model::kernel::{PARALLEL_THRESHOLD, zeros};

/// Columns per panel.
const PANEL: usize = 32;
/// Rows that are multiplied with a panel while it is in the L1 cache.
const BLOCK: usize = 64;

/// A packed right operand of matrix products.
#[derive(Clone, Debug)]
pub struct PackedMatrix {
    panels: Vec<f32>,
    rows: usize,
    columns: usize,
}

/// What a matrix product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Addend<'a> {
    /// The output begins with zeros.
    Zero,
    /// The elements of the output.
    Output,
    /// A bias `[columns]`, the same for every row.
    Bias(&'a [f32]),
}

impl PackedMatrix {
    /// Packs a matrix.
    pub fn new(matrix: MatrixView) -> Self {
        let (rows, columns) = (matrix.rows(), matrix.columns());
        let count = columns.div_ceil(PANEL);
        let mut panels = zeros(count * rows * PANEL);
        let panel = |(panel, values): (usize, &mut [f32])| {
            let first = panel * PANEL;
            copy_columns(matrix, first..columns.min(first + PANEL), values);
        };
        let size = (rows * PANEL).max(1);
        if panels.len() < PARALLEL_THRESHOLD {
            panels.chunks_exact_mut(size).enumerate().for_each(panel);
        } else {
            panels.par_chunks_exact_mut(size).enumerate().for_each(panel);
        }
        Self { panels, rows, columns }
    }

    /// Rows of the matrix.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// c = `addend` + a times this matrix. `a` and `c` have `rows` rows, which begin `a_stride` and
    /// `c_stride` apart.
    ///
    /// # Panics
    /// If the rows exceed their slices, those of `c` overlap, or the bias is too short.
    pub fn times(
        &self,
        a: &[f32],
        a_stride: usize,
        rows: usize,
        c: &mut [f32],
        c_stride: usize,
        addend: Addend,
    ) {
        if rows == 0 || self.columns == 0 {
            return;
        }
        assert!((rows - 1) * a_stride + self.rows <= a.len(), "{rows} rows lie within the left slice");
        assert!((rows - 1) * c_stride + self.columns <= c.len(), "{rows} rows lie within the output");
        assert!(c_stride >= self.columns, "rows of the output do not overlap");
        if let Addend::Bias(row) = addend {
            assert!(row.len() >= self.columns, "the bias has {} columns", self.columns);
        }
        arch().dispatch(PackedProduct { right: self, a, a_stride, rows, c, c_stride, addend });
    }
}

/// Copies some columns into a panel; the elements of missing columns stay 0.
fn copy_columns(matrix: MatrixView, columns: Range<usize>, panel: &mut [f32]) {
    let (rows, _) = panel.as_chunks_mut::<PANEL>();
    for (row, values) in rows.iter_mut().enumerate() {
        let Some(source) = matrix.contiguous_row(row, columns.clone()) else { break };
        values[..source.len()].copy_from_slice(source);
        if row + 1 == matrix.rows() {
            return;
        }
    }
    for (index, column) in columns.enumerate() {
        match matrix.contiguous_column(column) {
            Some(source) => rows.iter_mut().zip(source).for_each(|(values, value)| values[index] = *value),
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
    addend: Addend<'a>,
}

impl WithSimd for PackedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // Rows per tile: their sums, and the factors of one step, fit into the registers.
        let tile_rows = match (S::REGISTER_COUNT, S::F32_LANES) {
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
                    let count = tile_rows.min(end - row);
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
    /// `R` rows, beginning with `row`, times a panel.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&mut self, simd: S, panel: usize, row: usize) {
        let depth = self.right.rows;
        let values = &self.right.panels[panel * depth * PANEL..][..depth * PANEL];
        let (values, _) = values.as_chunks::<PANEL>();
        let left: [&[f32]; R] = std::array::from_fn(|r| &self.a[(row + r) * self.a_stride..][..depth]);
        let from = panel * PANEL;
        let columns = PANEL.min(self.right.columns - from);
        let width = 2 * S::F32_LANES;
        let mut part = 0;
        while part < columns {
            let mut sums = [[simd.splat_f32s(0.0); 2]; R];
            for (k, values) in values[..depth].iter().enumerate() {
                let (factors, _) = S::as_simd_f32s(&values[part..part + width]);
                let (one, two) = (factors[0], factors[1]);
                for r in 0..R {
                    let x = simd.splat_f32s(left[r][k]);
                    sums[r][0] = simd.mul_add_e_f32s(x, one, sums[r][0]);
                    sums[r][1] = simd.mul_add_e_f32s(x, two, sums[r][1]);
                }
            }
            let count = width.min(columns - part);
            for (r, sums) in sums.iter().enumerate() {
                let to = (row + r) * self.c_stride + from + part;
                let c = &mut self.c[to..to + count];
                if count < width {
                    // The panel has fewer columns than two vectors.
                    let mut padded = [0.0; PANEL];
                    let (vectors, _) = S::as_mut_simd_f32s(&mut padded);
                    vectors[..2].copy_from_slice(sums);
                    let sums = c.iter_mut().zip(&padded);
                    match self.addend {
                        Addend::Zero => sums.for_each(|(c, sum)| *c = *sum),
                        Addend::Output => sums.for_each(|(c, sum)| *c += sum),
                        Addend::Bias(row) => {
                            sums.zip(&row[from + part..]).for_each(|((c, sum), row)| *c = row + sum);
                        }
                    }
                    continue;
                }
                let (c, _) = S::as_mut_simd_f32s(c);
                for (index, (c, sum)) in c.iter_mut().zip(sums).enumerate() {
                    *c = match self.addend {
                        Addend::Zero => *sum,
                        Addend::Output => simd.add_f32s(*c, *sum),
                        Addend::Bias(row) => {
                            let (row, _) = S::as_simd_f32s(&row[from + part..][..width]);
                            simd.add_f32s(row[index], *sum)
                        }
                    };
                }
            }
            part += width;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::packed::{Addend, PackedMatrix};
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
                for addend in [Addend::Zero, Addend::Output, Addend::Bias(&bias)] {
                    let before = numbers(m * (n + 1), 4);
                    let mut c = before.clone();
                    packed.times(&a, k + 2, m, &mut c, n + 1, addend);
                    for row in 0..m {
                        for column in 0..n {
                            let at = row * (n + 1) + column;
                            let start = match addend {
                                Addend::Zero => 0.0,
                                Addend::Output => before[at],
                                Addend::Bias(row) => row[column],
                            };
                            let product = |j| f64::from(a[row * (k + 2) + j]) * f64::from(b.at(j, column));
                            let sum = start + (0..k).map(product).sum::<f64>() as f32;
                            assert!((c[at] - sum).abs() < 1e-4 * sum.abs().max(1.0), "{} {sum}", c[at]);
                        }
                        // Elements between the rows are unchanged.
                        assert_eq!(c[row * (n + 1) + n], before[row * (n + 1) + n]);
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_other_rows() {
        let (a, b) = (numbers(11 * 40, 5), numbers(40 * 70, 6));
        let packed = PackedMatrix::new(MatrixView::new(&b, 40, 70));
        let mut all = vec![0.0; 11 * 70];
        packed.times(&a, 40, 11, &mut all, 70, Addend::Zero);
        for row in 0..11 {
            let mut one = vec![0.0; 70];
            packed.times(&a[row * 40..], 40, 1, &mut one, 70, Addend::Zero);
            assert_eq!(one, all[row * 70..][..70]);
        }
    }
}
