//! Direct convolution: sums of products over the windows of an image, read from the image itself with the
//! widest registers of the CPU, without a matrix of windows (im2col).
//!
//! The layout of the image (`kernel/window.rs`) is such that moving every window by one position moves its
//! pixels by one element. A *tap* is one product of a window; its *offset* is the index of its pixel at the
//! first position. A tile keeps the sums of several filters at several vectors of positions in registers
//! while it iterates over the taps.

use pulp::{Arch, Simd, WithSimd};

use crate::model::kernel::choice::arch;

/// Maximal number of vectors of positions (or of filters) per filter (or tap) of a tile.
pub const VECTORS: usize = 3;

/// Elements that must follow those of the last position, because the last tile reads and writes them.
pub const SLACK: usize = 16;

/// Tile sizes that fit the registers of the CPU.
#[derive(Clone, Copy, Debug)]
pub struct SimdTiling {
    /// Floats per register.
    pub lanes: usize,
    /// Filters (or taps) per tile, each with up to `VECTORS` sums: 8 with 32 registers, 4 with 16.
    pub tile_rows: usize,
}

/// Queries the `SimdTiling` of an instruction set.
pub struct QuerySimd;

impl WithSimd for QuerySimd {
    type Output = SimdTiling;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> SimdTiling {
        SimdTiling { lanes: S::F32_LANES, tile_rows: if S::REGISTER_COUNT >= 32 { 8 } else { 4 } }
    }
}

/// Weights in the order in which tiles read them: in blocks of filters, tap after tap within a block.
pub struct PackedFilters {
    arch: Arch,
    /// Filters of each block; the last block may be padded with zeros.
    blocks: Vec<usize>,
    taps: usize,
    values: Vec<f32>,
}

impl PackedFilters {
    /// Packs the weights; `weight` returns that of a filter and a tap.
    pub fn new(filters: usize, taps: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        Self::on(arch(), filters, taps, weight)
    }

    fn on(arch: Arch, filters: usize, taps: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let tile_rows = arch.dispatch(QuerySimd).tile_rows;
        let mut blocks = Vec::new();
        let mut values = Vec::with_capacity((filters + tile_rows) * taps);
        let mut first = 0;
        while first < filters {
            let size = (filters - first).next_power_of_two().clamp(2, tile_rows);
            for tap in 0..taps {
                let filter = |filter| if filter < filters { weight(filter, tap) } else { 0.0 };
                values.extend((first..first + size).map(filter));
            }
            blocks.push(size);
            first += size;
        }
        Self { arch, blocks, taps, values }
    }

    /// Rows of the output of `correlate`: the filters, including padding.
    pub fn rows(&self) -> usize {
        self.blocks.iter().sum()
    }
}

/// `out[filter][at]` = sum over taps of `weights[filter][tap] image[offsets[tap] + at]`, for `at` below
/// `length`. A row of `out` has `pitch` elements, at least `length + SLACK`.
pub fn correlate(
    weights: &PackedFilters,
    offsets: &[usize],
    image: &[f32],
    length: usize,
    pitch: usize,
    out: &mut [f32],
) {
    debug_assert!(offsets.len() == weights.taps && pitch >= length + SLACK);
    weights.arch.dispatch(CorrelateTiles { weights, offsets, image, length, pitch, out });
}

struct CorrelateTiles<'a> {
    weights: &'a PackedFilters,
    offsets: &'a [usize],
    image: &'a [f32],
    length: usize,
    pitch: usize,
    out: &'a mut [f32],
}

impl WithSimd for CorrelateTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, offsets, image, length, pitch, out } = self;
        let mut at = 0;
        // The outer loop is over positions: the pixels of a tile stay in the L1 cache for all filters.
        while at < length {
            let vectors = (length - at).div_ceil(S::F32_LANES).min(VECTORS);
            let (mut values, mut out) = (&weights.values[..], &mut out[..]);
            for size in &weights.blocks {
                let (block, next_values) = values.split_at(size * weights.taps);
                let (rows, next_out) = out.split_at_mut(size * pitch);
                let tile = OutputTile { weights: block, offsets, image, at, pitch };
                match size {
                    8 => tile.sum_vectors::<S, 8>(simd, vectors, rows),
                    4 => tile.sum_vectors::<S, 4>(simd, vectors, rows),
                    _ => tile.sum_vectors::<S, 2>(simd, vectors, rows),
                }
                (values, out) = (next_values, next_out);
            }
            at += vectors * S::F32_LANES;
        }
    }
}

struct OutputTile<'a> {
    weights: &'a [f32],
    offsets: &'a [usize],
    image: &'a [f32],
    at: usize,
    pitch: usize,
}

impl OutputTile<'_> {
    /// Calls `sums` for this number of vectors.
    #[inline(always)]
    fn sum_vectors<S: Simd, const ROWS: usize>(&self, simd: S, vectors: usize, out: &mut [f32]) {
        match vectors {
            3 => self.sums::<S, ROWS, 3>(simd, out),
            2 => self.sums::<S, ROWS, 2>(simd, out),
            _ => self.sums::<S, ROWS, 1>(simd, out),
        }
    }

    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize, const VECTOR_COUNT: usize>(&self, simd: S, out: &mut [f32]) {
        let width = VECTOR_COUNT * S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; VECTOR_COUNT]; ROWS];
        for (offset, weights) in self.offsets.iter().zip(self.weights.chunks_exact(ROWS)) {
            let from = offset + self.at;
            let (loaded, _) = S::as_simd_f32s(&self.image[from..from + width]);
            let mut pixels = [zero; VECTOR_COUNT];
            pixels.copy_from_slice(&loaded[..VECTOR_COUNT]);
            for row in 0..ROWS {
                let weight = simd.splat_f32s(weights[row]);
                for vector in 0..VECTOR_COUNT {
                    sums[row][vector] = simd.mul_add_f32s(weight, pixels[vector], sums[row][vector]);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let from = row * self.pitch + self.at;
            let (stored, _) = S::as_mut_simd_f32s(&mut out[from..from + width]);
            stored[..VECTOR_COUNT].copy_from_slice(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use crate::model::kernel::direct::{PackedFilters, SLACK, correlate};

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
                let image = whole(channels * (rows + 1) * pitch + SLACK, 1);
                let weights = whole(filters * offsets.len(), 2);
                let packed =
                    PackedFilters::on(arch, filters, offsets.len(), |f, t| weights[f * offsets.len() + t]);
                let length = (rows - 1) * pitch + columns;
                let mut result = vec![f32::NAN; packed.rows() * (length + SLACK)];
                correlate(&packed, &offsets, &image, length, length + SLACK, &mut result);
                for (f, own) in weights.chunks(offsets.len()).enumerate() {
                    for at in 0..length {
                        let sum: f32 = own.iter().zip(&offsets).map(|(w, o)| w * image[o + at]).sum();
                        assert_eq!(result[f * (length + SLACK) + at], sum, "{arch:?} {filters}: {f} {at}");
                    }
                }
            }
        }
    }
}
