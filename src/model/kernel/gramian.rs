//! Dot products of long rows in 64 bits: the Gramian of the task gradients.
//!
//! K rows have K (K + 1) / 2 products, and reading the rows again for each of them would take longer than
//! computing the gradients. This kernel reads them once: it converts one block of every row to 64 bits and
//! sums the products while the blocks are in the L1 cache.

use pulp::{Simd, WithSimd};

use crate::model::kernel::PARALLEL_THRESHOLD;
use crate::model::kernel::choice::arch;

/// Elements of a row that are converted at a time: those of 8 rows fill 32 KiB.
const BLOCK: usize = 512;
/// Rows that one row is multiplied with at a time: their sums stay in registers.
const TILE: usize = 4;

/// The dot product of two rows for each pair of indices into `rows`. The length of the rows alone determines
/// the order of additions.
///
/// # Panics
/// If the rows differ in length.
pub fn dot_products(rows: &[&[f32]], pairs: &[(usize, usize)]) -> Vec<f64> {
    let length = rows.first().map_or(0, |row| row.len());
    assert!(rows.iter().all(|row| row.len() == length), "every row has {length} elements");
    if length > PARALLEL_THRESHOLD {
        let (front, back): (Vec<_>, Vec<_>) = rows.iter().map(|row| row.split_at(length / 2)).unzip();
        let (mut one, two) = rayon::join(|| dot_products(&front, pairs), || dot_products(&back, pairs));
        one.iter_mut().zip(two).for_each(|(one, two)| *one += two);
        return one;
    }
    let mut sums = vec![0.0; pairs.len()];
    arch().dispatch(GramianSums { rows, pairs, length, sums: &mut sums });
    sums
}

struct GramianSums<'a> {
    rows: &'a [&'a [f32]],
    pairs: &'a [(usize, usize)],
    length: usize,
    sums: &'a mut [f64],
}

impl WithSimd for GramianSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut blocks = vec![[0.0_f64; BLOCK]; self.rows.len()];
        for from in (0..self.length).step_by(BLOCK) {
            let count = BLOCK.min(self.length - from);
            for (block, row) in blocks.iter_mut().zip(self.rows) {
                for (wide, value) in block.iter_mut().zip(&row[from..from + count]) {
                    *wide = f64::from(*value);
                }
                block[count..].fill(0.0);
            }
            let mut sums = &mut *self.sums;
            for same_left in self.pairs.chunk_by(|a, b| a.0 == b.0) {
                for pairs in same_left.chunks(TILE) {
                    let (pair_sums, remaining) = sums.split_at_mut(pairs.len());
                    match pairs.len() {
                        TILE => tile::<S, TILE>(simd, &blocks, pairs, pair_sums),
                        _ => pairs.iter().zip(pair_sums).for_each(|(pair, pair_sums)| {
                            tile::<S, 1>(simd, &blocks, &[*pair], std::slice::from_mut(pair_sums));
                        }),
                    }
                    sums = remaining;
                }
            }
        }
    }
}

/// Adds the products of one block with `T` others.
#[inline(always)]
fn tile<S: Simd, const T: usize>(
    simd: S,
    blocks: &[[f64; BLOCK]],
    pairs: &[(usize, usize)],
    sums: &mut [f64],
) {
    let left = S::as_simd_f64s(&blocks[pairs[0].0]).0;
    let right: [_; T] = std::array::from_fn(|t| &S::as_simd_f64s(&blocks[pairs[t].1]).0[..left.len()]);
    let mut parts = [simd.splat_f64s(0.0); T];
    for k in 0..left.len() {
        for t in 0..T {
            parts[t] = simd.mul_add_e_f64s(left[k], right[t][k], parts[t]);
        }
    }
    for (sum, part) in sums.iter_mut().zip(parts) {
        *sum += simd.reduce_sum_f64s(part);
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::gramian::dot_products;

    #[test]
    fn agree_with_plain_sums() {
        for length in [0, 1, 511, 512, 513, 40_000, 100_000] {
            let row = |salt: f64| (0..length).map(|i| (i as f64 * salt).sin() as f32).collect::<Vec<f32>>();
            let rows = [row(0.37), row(0.11), row(0.73)];
            let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
            let pairs = [(0, 0), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2), (2, 0), (2, 1)];
            for ((left, right), result) in pairs.iter().zip(dot_products(&rows, &pairs)) {
                let terms = rows[*left].iter().zip(rows[*right]).map(|(a, b)| f64::from(*a) * f64::from(*b));
                let expected: f64 = terms.sum();
                assert!((result - expected).abs() <= 1e-9 * length as f64, "{length}: {result} {expected}");
            }
        }
        assert!(dot_products(&[], &[]).is_empty());
    }
}
