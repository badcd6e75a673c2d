//! Gradient of the weights of a convolution, from an image in the layout that `kernel/direct.rs` describes.

use pulp::{Arch, Simd, WithSimd};

use crate::model::kernel::choice::arch;
use crate::model::kernel::direct::{QuerySimd, SimdTiling, VECTORS};

/// Floats of a gradient that stay in the L1 cache beside the other operands.
const CACHED: usize = 1 << 12;

/// The gradient of the weights: for every tap and filter, the sum over positions of pixel times gradient.
///
/// Filters are contiguous, as the tiles need them; `finish` restores the order of the weights.
pub struct OuterProducts {
    arch: Arch,
    filters: usize,
    taps: usize,
    lanes: usize,
    tile_rows: usize,
    /// Vectors of filters per block.
    blocks: Vec<usize>,
    /// `[block][padded taps][vectors x lanes]`
    sums: Vec<f32>,
}

impl OuterProducts {
    /// Sums that are all zero.
    pub fn new(filters: usize, taps: usize) -> Self {
        Self::on(arch(), filters, taps)
    }

    fn on(arch: Arch, filters: usize, taps: usize) -> Self {
        let SimdTiling { lanes, tile_rows } = arch.dispatch(QuerySimd);
        let vectors = filters.div_ceil(lanes);
        let blocks: Vec<usize> = blocks(vectors).collect();
        let sums = vec![0.0; vectors * lanes * taps.next_multiple_of(tile_rows)];
        Self { arch, filters, taps, lanes, tile_rows, blocks, sums }
    }

    /// Adds the products of one image. The pixel of a tap at a position is at the offset of the tap plus the
    /// index of the position. `gradient` is `[filters][positions]`; `transposed` is a buffer for its
    /// transpose.
    pub fn add(
        &mut self,
        offsets: &[usize],
        image: &[f32],
        positions: &[usize],
        gradient: &[f32],
        transposed: &mut Vec<f32>,
    ) {
        debug_assert_eq!(offsets.len(), self.taps);
        self.transpose_blocks(gradient, transposed);
        self.arch.dispatch(AccumulateOuter { outer: self, offsets, image, positions, gradient: transposed });
    }

    /// `add` for a gradient in the order of the tiles, `[block][positions][vectors x lanes]`.
    pub fn add_transposed(
        &mut self,
        offsets: &[usize],
        image: &[f32],
        positions: &[usize],
        gradient: &[f32],
    ) {
        debug_assert_eq!(offsets.len(), self.taps);
        self.arch.dispatch(AccumulateOuter { outer: self, offsets, image, positions, gradient });
    }

    /// Transposes `[filters][positions]` to `[block][positions][vectors x lanes]`, with zeros for padding
    /// filters.
    fn transpose_blocks(&self, gradient: &[f32], transposed: &mut Vec<f32>) {
        let positions = gradient.len() / self.filters;
        // Values of the previous image are overwritten; those of padding filters are 0 already.
        transposed.resize(self.blocks.iter().sum::<usize>() * self.lanes * positions, 0.0);
        let (mut first, mut remaining) = (0, &mut transposed[..]);
        for vectors in &self.blocks {
            let width = vectors * self.lanes;
            let (block, others) = remaining.split_at_mut(width * positions);
            let count = width.min(self.filters - first);
            let rows = &gradient[first * positions..(first + count) * positions];
            transpose_rows(rows, positions, block, width);
            first += width;
            remaining = others;
        }
    }

    /// Adds the sums to `weights` `[filters][taps]`.
    pub fn finish(&self, weights: &mut [f32]) {
        let depth = self.taps.next_multiple_of(self.tile_rows);
        let (mut first, mut sums) = (0, &self.sums[..]);
        for vectors in &self.blocks {
            let width = vectors * self.lanes;
            let (block, remaining_sums) = sums.split_at(width * depth);
            for filter in first..(first + width).min(self.filters) {
                let row = &mut weights[filter * self.taps..(filter + 1) * self.taps];
                for (tap, weight) in row.iter_mut().enumerate() {
                    *weight += block[tap * width + filter - first];
                }
            }
            first += width;
            sums = remaining_sums;
        }
    }
}

/// Divides vectors of filters into blocks of at most `VECTORS`, whose sizes differ by at most one.
pub fn blocks(vectors: usize) -> impl Iterator<Item = usize> {
    let count = vectors.div_ceil(VECTORS);
    (0..count).map(move |block| vectors * (block + 1) / count - vectors * block / count)
}

/// Rows and columns that are transposed at a time.
const SQUARE: usize = 8;

/// Transposes `from`, whose rows have `length` elements, to `to`, whose rows have `width` elements; surplus
/// elements of `to` are unchanged.
pub fn transpose_rows(from: &[f32], length: usize, to: &mut [f32], width: usize) {
    for column in (0..length).step_by(SQUARE) {
        for row in (0..from.len() / length).step_by(SQUARE) {
            transpose_block(from, length, (row, column), to, width);
        }
    }
}

/// Transposes the square of `from` (rows of `length`) that begins at `corner` into `to` (rows of `width`). At
/// the edges of `from` the block is smaller.
fn transpose_block(from: &[f32], length: usize, corner: (usize, usize), to: &mut [f32], width: usize) {
    let (row, column) = corner;
    let (rows, columns) = ((from.len() / length - row).min(SQUARE), (length - column).min(SQUARE));
    let mut square = [[0.0f32; SQUARE]; SQUARE];
    for (index, line) in square.iter_mut().enumerate().take(rows) {
        let values = &from[(row + index) * length + column..][..columns];
        match <&[f32; SQUARE]>::try_from(values) {
            Ok(values) => *line = *values,
            Err(_) => line[..columns].copy_from_slice(values),
        }
    }
    for index in 0..columns {
        let line: [f32; SQUARE] = std::array::from_fn(|row| square[row][index]);
        let target = &mut to[(column + index) * width + row..][..rows];
        match <&mut [f32; SQUARE]>::try_from(&mut *target) {
            Ok(target) => *target = line,
            Err(_) => target.copy_from_slice(&line[..rows]),
        }
    }
}

struct AccumulateOuter<'a> {
    outer: &'a mut OuterProducts,
    offsets: &'a [usize],
    image: &'a [f32],
    positions: &'a [usize],
    gradient: &'a [f32],
}

impl WithSimd for AccumulateOuter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { outer, offsets, image, positions, gradient } = self;
        let depth = outer.taps.next_multiple_of(outer.tile_rows);
        let (mut sums, mut gradient) = (&mut outer.sums[..], gradient);
        for vectors in &outer.blocks {
            let width = vectors * S::F32_LANES;
            let (block, remaining_sums) = sums.split_at_mut(width * depth);
            let (block_gradient, next_gradient) = gradient.split_at(width * positions.len());
            let tile_rows = outer.tile_rows;
            // Few positions at a time, so that their gradients stay in the L1 cache for all taps.
            let count = (CACHED / width).max(1);
            for (positions, gradient) in positions.chunks(count).zip(block_gradient.chunks(count * width)) {
                for (offsets, sums) in
                    offsets.chunks(tile_rows).zip(block.chunks_exact_mut(tile_rows * width))
                {
                    let step = OuterProductStep { offsets, image, positions, gradient };
                    match (tile_rows, vectors) {
                        (8, 3) => step.sums::<S, 8, 3>(simd, sums),
                        (8, 2) => step.sums::<S, 8, 2>(simd, sums),
                        (8, _) => step.sums::<S, 8, 1>(simd, sums),
                        (_, 3) => step.sums::<S, 4, 3>(simd, sums),
                        (_, 2) => step.sums::<S, 4, 2>(simd, sums),
                        (_, _) => step.sums::<S, 4, 1>(simd, sums),
                    }
                }
            }
            (sums, gradient) = (remaining_sums, next_gradient);
        }
    }
}

struct OuterProductStep<'a> {
    offsets: &'a [usize],
    image: &'a [f32],
    positions: &'a [usize],
    gradient: &'a [f32],
}

impl OuterProductStep<'_> {
    #[inline(always)]
    fn sums<S: Simd, const TAPS: usize, const VECTOR_COUNT: usize>(&self, simd: S, sums: &mut [f32]) {
        // Positions ascend, so one span holds all pixels of a tap. Spans of equal length need one bounds
        // check.
        let (Some(first), Some(last)) = (self.positions.first(), self.positions.last()) else { return };
        let span = last - first + 1;
        // Padding taps repeat the first one; their sums are not read.
        let pixels: [&[f32]; TAPS] = std::array::from_fn(|tap| {
            let from = self.offsets.get(tap).unwrap_or(&self.offsets[0]) + first;
            &self.image[from..from + span]
        });
        let mut tile = [[simd.splat_f32s(0.0); VECTOR_COUNT]; TAPS];
        let (gradient, _) = S::as_simd_f32s(self.gradient);
        for (position, gradient) in self.positions.iter().zip(gradient.chunks_exact(VECTOR_COUNT)) {
            let at = position - first;
            for tap in 0..TAPS {
                let pixel = simd.splat_f32s(pixels[tap][at]);
                for vector in 0..VECTOR_COUNT {
                    tile[tap][vector] = simd.mul_add_f32s(pixel, gradient[vector], tile[tap][vector]);
                }
            }
        }
        let (totals, _) = S::as_mut_simd_f32s(sums);
        for (totals, sums) in totals.chunks_exact_mut(VECTOR_COUNT).zip(&tile) {
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = simd.add_f32s(*total, *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use crate::model::kernel::outer_product::OuterProducts;

    /// Without SIMD, and with the instruction set of this CPU.
    fn instruction_sets() -> [Arch; 2] {
        [Arch::Scalar, Arch::new()]
    }

    /// Integers, so that sums are exact in any order.
    fn whole(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i + salt) * 7919 % 13) as f32 - 6.0).collect()
    }

    #[test]
    fn agrees_with_plain_sums_for_every_instruction_set() {
        for arch in instruction_sets() {
            for (filters, channels, rows, columns) in
                [(1, 1, 1, 1), (5, 2, 3, 4), (19, 3, 7, 9), (70, 2, 5, 21)]
            {
                let pitch = columns + 2;
                let offset = |tap: usize| (tap / 6 * (rows + 1) + tap / 3 % 2) * pitch + tap % 3;
                let offsets: Vec<usize> = (0..channels * 6).map(offset).collect();
                let image = whole(channels * (rows + 1) * pitch, 1);
                let positions: Vec<usize> =
                    (0..rows * columns).map(|p| p / columns * pitch + p % columns).collect();
                let gradient = whole(filters * positions.len(), 3);
                let (mut outer, mut transposed) =
                    (OuterProducts::on(arch, filters, offsets.len()), Vec::new());
                outer.add(&offsets, &image, &positions, &gradient, &mut transposed);
                outer.add(&offsets, &image, &positions, &gradient, &mut transposed);
                let mut result = vec![1.0; filters * offsets.len()];
                outer.finish(&mut result);
                for (f, gradient) in gradient.chunks(positions.len()).enumerate() {
                    for (t, offset) in offsets.iter().enumerate() {
                        let sum: f32 =
                            gradient.iter().zip(&positions).map(|(g, p)| g * image[offset + p]).sum();
                        assert_eq!(
                            result[f * offsets.len() + t],
                            1.0 + 2.0 * sum,
                            "{arch:?} {filters}: {f} {t}"
                        );
                    }
                }
            }
        }
    }
}
