//! Dot products of the rows of two matrices: the product with a transposed matrix, without packing it. For
//! few rows and a large matrix, packing would take longer than the product itself.
//!
//! The length of a dot product alone determines the order of its sum.

use pulp::{Simd, WithSimd};

use crate::model::kernel::choice::arch;

/// Rows of each matrix per tile: their 16 sums stay in registers.
const TILE: usize = 4;

/// Fills c `[rows, columns]` with the dot products of each row of a `[rows, depth]`, whose rows begin
/// `a_stride` apart, with each of `columns`.
///
/// # Panics
/// If a row is shorter than `depth`.
pub fn dots(a: &[f32], a_stride: usize, depth: usize, columns: &[&[f32]], c: &mut [f32]) {
    assert!(columns.iter().all(|column| column.len() >= depth), "every column has {depth} elements");
    if columns.is_empty() || c.is_empty() {
        return;
    }
    assert!(
        (c.len() / columns.len() - 1) * a_stride + depth <= a.len(),
        "the rows lie within the left slice"
    );
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
    /// `T` rows, beginning with `row`, times `T` columns, beginning with `column`.
    #[inline(always)]
    fn tile<S: Simd, const T: usize>(&mut self, simd: S, row: usize, column: usize) {
        let left: [_; T] =
            std::array::from_fn(|r| S::as_simd_f32s(&self.a[(row + r) * self.a_stride..][..self.depth]));
        let right: [_; T] = std::array::from_fn(|c| S::as_simd_f32s(&self.columns[column + c][..self.depth]));
        let steps = left[0].0.len();
        let (left_vectors, right_vectors) =
            (left.map(|(vectors, _)| &vectors[..steps]), right.map(|(vectors, _)| &vectors[..steps]));
        let mut sums = [[simd.splat_f32s(0.0); T]; T];
        for k in 0..steps {
            for r in 0..T {
                for c in 0..T {
                    sums[r][c] = simd.mul_add_e_f32s(left_vectors[r][k], right_vectors[c][k], sums[r][c]);
                }
            }
        }
        for r in 0..T {
            for c in 0..T {
                let remainder = left[r].1.iter().zip(right[c].1).map(|(a, b)| a * b).sum::<f32>();
                let sum = simd.reduce_sum_f32s(sums[r][c]) + remainder;
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
    fn agrees_with_plain_sums_and_is_independent_of_other_rows() {
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
