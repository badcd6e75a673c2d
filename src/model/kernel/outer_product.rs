//! The gradient of a convolution's weights, straight from the image as `kernel/direct.rs` has it.

use pulp::{Arch, Simd, WithSimd};

use crate::model::kernel::choice::arch;
use crate::model::kernel::direct::{QuerySimd, SimdTiling, VECTORS};

/// Floats that stay in the nearest cache beside what else is in use.
const NEAR: usize = 1 << 12;

/// The gradient of weights: for every tap and filter, the sum over positions of pixel times gradient.
///
/// Kept as the tiles want it, filters side by side, until `finish` puts it in the weights' own order.
pub struct OuterProducts {
    arch: Arch,
    filters: usize,
    taps: usize,
    lanes: usize,
    together: usize,
    /// Vectors of filters of each block.
    blocks: Vec<usize>,
    /// `[block][taps, filled up][vectors x lanes]`
    sums: Vec<f32>,
}

impl OuterProducts {
    pub fn new(filters: usize, taps: usize) -> Self {
        Self::on(arch(), filters, taps)
    }

    fn on(arch: Arch, filters: usize, taps: usize) -> Self {
        let SimdTiling { lanes, together } = arch.dispatch(QuerySimd);
        let vectors = filters.div_ceil(lanes);
        let blocks: Vec<usize> = blocks(vectors).collect();
        let sums = vec![0.0; vectors * lanes * taps.next_multiple_of(together)];
        Self { arch, filters, taps, lanes, together, blocks, sums }
    }

    /// Adds those of one image. The pixel of a tap and a position lies at the offset of the one plus the
    /// place of the other; `gradient` is `[filters][places]`, and `turned` room to turn it in.
    pub fn add(
        &mut self,
        offsets: &[usize],
        image: &[f32],
        indices: &[usize],
        gradient: &[f32],
        transposed: &mut Vec<f32>,
    ) {
        debug_assert_eq!(offsets.len(), self.taps);
        self.transpose_blocks(gradient, transposed);
        self.arch.dispatch(AccumulateOuter {
            outer: self,
            offsets,
            image,
            places: indices,
            gradient: transposed,
        });
    }

    /// The same of a gradient that stands as tiles want it: `[block][places][vectors x lanes]`.
    pub fn add_transposed(&mut self, offsets: &[usize], image: &[f32], indices: &[usize], gradient: &[f32]) {
        debug_assert_eq!(offsets.len(), self.taps);
        self.arch.dispatch(AccumulateOuter { outer: self, offsets, image, places: indices, gradient });
    }

    /// `[filters][positions]` to `[block][positions][vectors x lanes]`, zeros where there is no filter.
    fn transpose_blocks(&self, gradient: &[f32], transposed: &mut Vec<f32>) {
        let positions = gradient.len() / self.filters;
        // What stays from the image before is written over, or is 0 for want of a filter.
        transposed.resize(self.blocks.iter().sum::<usize>() * self.lanes * positions, 0.0);
        let (mut first, mut rest) = (0, &mut transposed[..]);
        for vectors in &self.blocks {
            let width = vectors * self.lanes;
            let (block, others) = rest.split_at_mut(width * positions);
            let some = width.min(self.filters - first);
            let own = &gradient[first * positions..(first + some) * positions];
            transpose_rows(own, positions, block, width);
            first += width;
            rest = others;
        }
    }

    /// Adds to `weights`, `[filters][taps]`.
    pub fn finish(&self, weights: &mut [f32]) {
        let depth = self.taps.next_multiple_of(self.together);
        let (mut first, mut sums) = (0, &self.sums[..]);
        for vectors in &self.blocks {
            let width = vectors * self.lanes;
            let (block, others) = sums.split_at(width * depth);
            for filter in first..(first + width).min(self.filters) {
                let own = &mut weights[filter * self.taps..(filter + 1) * self.taps];
                for (tap, weight) in own.iter_mut().enumerate() {
                    *weight += block[tap * width + filter - first];
                }
            }
            first += width;
            sums = others;
        }
    }
}

/// Vectors of filters shared out to blocks that differ by one at most.
pub fn blocks(vectors: usize) -> impl Iterator<Item = usize> {
    let count = vectors.div_ceil(VECTORS);
    (0..count).map(move |block| vectors * (block + 1) / count - vectors * block / count)
}

/// Rows and columns turned at once.
const SQUARE: usize = 8;

/// Writes rows of `length` as columns of rows of `width`; what these have more stays as it is.
pub fn transpose_rows(from: &[f32], length: usize, to: &mut [f32], width: usize) {
    for column in (0..length).step_by(SQUARE) {
        for row in (0..from.len() / length).step_by(SQUARE) {
            transpose_block(from, length, (row, column), to, width);
        }
    }
}

/// Writes the square of `from` (rows of `length`) that begins at `corner` into `to` (rows of `width`), its
/// rows as columns; less of it where `from` ends.
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
    places: &'a [usize],
    gradient: &'a [f32],
}

impl WithSimd for AccumulateOuter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { outer, offsets, image, places: indices, gradient } = self;
        let depth = outer.taps.next_multiple_of(outer.together);
        let (mut sums, mut gradient) = (&mut outer.sums[..], gradient);
        for vectors in &outer.blocks {
            let width = vectors * S::F32_LANES;
            let (block, others) = sums.split_at_mut(width * depth);
            let (own, rest) = gradient.split_at(width * indices.len());
            let together = outer.together;
            // Few positions at a time, so that their gradients stay in the nearest cache for all taps.
            let some = (NEAR / width).max(1);
            for (indices, gradient) in indices.chunks(some).zip(own.chunks(some * width)) {
                for (offsets, sums) in offsets.chunks(together).zip(block.chunks_exact_mut(together * width))
                {
                    let step = OuterProductStep { offsets, image, places: indices, gradient };
                    match (together, vectors) {
                        (8, 3) => step.sums::<S, 8, 3>(simd, sums),
                        (8, 2) => step.sums::<S, 8, 2>(simd, sums),
                        (8, _) => step.sums::<S, 8, 1>(simd, sums),
                        (_, 3) => step.sums::<S, 4, 3>(simd, sums),
                        (_, 2) => step.sums::<S, 4, 2>(simd, sums),
                        (_, _) => step.sums::<S, 4, 1>(simd, sums),
                    }
                }
            }
            (sums, gradient) = (others, rest);
        }
    }
}

struct OuterProductStep<'a> {
    offsets: &'a [usize],
    image: &'a [f32],
    places: &'a [usize],
    gradient: &'a [f32],
}

impl OuterProductStep<'_> {
    #[inline(always)]
    fn sums<S: Simd, const TAPS: usize, const WIDE: usize>(&self, simd: S, sums: &mut [f32]) {
        // Places ascend: one span holds every pixel of a tap. Spans of one length need one check.
        let (Some(first), Some(last)) = (self.places.first(), self.places.last()) else { return };
        let span = last - first + 1;
        // Taps that are not there repeat the first; nobody reads their sums.
        let pixels: [&[f32]; TAPS] = std::array::from_fn(|tap| {
            let from = self.offsets.get(tap).unwrap_or(&self.offsets[0]) + first;
            &self.image[from..from + span]
        });
        let mut sums_here = [[simd.splat_f32s(0.0); WIDE]; TAPS];
        let (gradient, _) = S::as_simd_f32s(self.gradient);
        for (target, gradient) in self.places.iter().zip(gradient.chunks_exact(WIDE)) {
            let at = target - first;
            for tap in 0..TAPS {
                let pixel = simd.splat_f32s(pixels[tap][at]);
                for wide in 0..WIDE {
                    sums_here[tap][wide] = simd.mul_add_f32s(pixel, gradient[wide], sums_here[tap][wide]);
                }
            }
        }
        let (kept, _) = S::as_mut_simd_f32s(sums);
        for (kept, sums) in kept.chunks_exact_mut(WIDE).zip(&sums_here) {
            for (kept, sum) in kept.iter_mut().zip(sums) {
                *kept = simd.add_f32s(*kept, *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use crate::model::kernel::outer_product::OuterProducts;

    /// Without wide registers, and with this machine's.
    fn machines() -> [Arch; 2] {
        [Arch::Scalar, Arch::new()]
    }

    /// Whole numbers, so that sums are exact in any order.
    fn whole(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i + salt) * 7919 % 13) as f32 - 6.0).collect()
    }

    #[test]
    fn sums_on_every_machine() {
        for arch in machines() {
            for (filters, channels, rows, columns) in
                [(1, 1, 1, 1), (5, 2, 3, 4), (19, 3, 7, 9), (70, 2, 5, 21)]
            {
                let pitch = columns + 2;
                let offset = |tap: usize| (tap / 6 * (rows + 1) + tap / 3 % 2) * pitch + tap % 3;
                let offsets: Vec<usize> = (0..channels * 6).map(offset).collect();
                let image = whole(channels * (rows + 1) * pitch, 1);
                let indices: Vec<usize> =
                    (0..rows * columns).map(|p| p / columns * pitch + p % columns).collect();
                let gradient = whole(filters * indices.len(), 3);
                let (mut outer, mut transposed) =
                    (OuterProducts::on(arch, filters, offsets.len()), Vec::new());
                outer.add(&offsets, &image, &indices, &gradient, &mut transposed);
                outer.add(&offsets, &image, &indices, &gradient, &mut transposed);
                let mut result = vec![1.0; filters * offsets.len()];
                outer.finish(&mut result);
                for (f, gradient) in gradient.chunks(indices.len()).enumerate() {
                    for (t, offset) in offsets.iter().enumerate() {
                        let sum: f32 =
                            gradient.iter().zip(&indices).map(|(g, p)| g * image[offset + p]).sum();
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
