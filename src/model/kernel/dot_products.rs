//! Products of a matrix's rows with another's: what a product with a transposed matrix is, whose rows are
//! read as they lie. For few rows and a large matrix, laying that out anew would take longer than the product
//! itself.
//!
//! Each dot product is summed in an order that its length alone decides.

use pulp::{Simd, WithSimd};

use crate::model::kernel::choice::arch;

/// Rows of each matrix that are multiplied with one another at once: 16 sums stay in registers.
const TILE: usize = 4;

/// c `[rows, columns]` of the dot products of each row of a `[rows, depth]`, `a_stride` apart, with each of
/// these rows. Panics when a row is shorter than `depth`: a bug of the caller.
pub fn dots(a: &[f32], a_stride: usize, depth: usize, columns: &[&[f32]], c: &mut [f32]) {
    assert!(columns.iter().all(|column| column.len() >= depth), "rows have {depth} numbers");
    if columns.is_empty() || c.is_empty() {
        return;
    }
    assert!((c.len() / columns.len() - 1) * a_stride + depth <= a.len(), "the rows lie in the left slice");
    arch().dispatch(DotProductOp { a, a_stride, depth, columns, c });
}

struct DotProductOp<'a> {
    a: &'a [f32],
    a_stride: usize,
    depth: usize,
    columns: &'a [&'a [f32]],
    c: &'a mut [f32],
}

impl WithSimd for DotProductOp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rows = self.c.len() / self.columns.len();
        for column in (0..self.columns.len()).step_by(TILE) {
            let full = column + TILE <= self.columns.len();
            for row in (0..rows).step_by(TILE) {
                if full && row + TILE <= rows {
                    self.tile::<S, TILE>(simd, row, column);
                } else {
                    for row in row..rows.min(row + TILE) {
                        for column in column..self.columns.len().min(column + TILE) {
                            self.tile::<S, 1>(simd, row, column);
                        }
                    }
                }
            }
        }
    }
}

impl DotProductOp<'_> {
    /// `T` rows from `row` on with `T` columns from `column` on.
    #[inline(always)]
    fn tile<S: Simd, const T: usize>(&mut self, simd: S, row: usize, column: usize) {
        let left: [_; T] =
            std::array::from_fn(|r| S::as_simd_f32s(&self.a[(row + r) * self.a_stride..][..self.depth]));
        let right: [_; T] = std::array::from_fn(|c| S::as_simd_f32s(&self.columns[column + c][..self.depth]));
        let steps = left[0].0.len();
        let (heads, others) = (left.map(|(head, _)| &head[..steps]), right.map(|(head, _)| &head[..steps]));
        let mut sums = [[simd.splat_f32s(0.0); T]; T];
        for k in 0..steps {
            for r in 0..T {
                for c in 0..T {
                    sums[r][c] = simd.mul_add_e_f32s(heads[r][k], others[c][k], sums[r][c]);
                }
            }
        }
        for r in 0..T {
            for c in 0..T {
                let rest = left[r].1.iter().zip(right[c].1).map(|(a, b)| a * b).sum::<f32>();
                let sum = simd.reduce_sum_f32s(sums[r][c]) + rest;
                self.c[(row + r) * self.columns.len() + column + c] = sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::dot_products::dots;

    fn numbers(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + salt * 11) % 23) as f32 / 8.0 - 1.25).collect()
    }

    #[test]
    fn agrees_with_plain_sums_whatever_rows_are_beside() {
        for (rows, depth, columns) in [(1, 1, 1), (3, 5, 4), (4, 64, 4), (9, 77, 10), (32, 130, 33)] {
            let (a, b) = (numbers(rows * (depth + 2), 1), numbers(columns * depth, 2));
            let b: Vec<&[f32]> = b.chunks(depth).collect();
            let mut c = vec![0.0; rows * columns];
            dots(&a, depth + 2, depth, &b, &mut c);
            for row in 0..rows {
                let left = &a[row * (depth + 2)..][..depth];
                for (column, right) in b.iter().enumerate() {
                    let sum: f64 = left.iter().zip(*right).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    let result = f64::from(c[row * columns + column]);
                    assert!((result - sum).abs() < 1e-4 * sum.abs().max(1.0), "{result} {sum}");
                }
                let mut alone = vec![0.0; columns];
                dots(left, depth, depth, &b, &mut alone);
                assert_eq!(alone, c[row * columns..][..columns]);
            }
        }
    }
}
