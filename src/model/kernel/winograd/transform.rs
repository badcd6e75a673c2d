//! The transforms before and after the products: small matrix products per tile, in registers.

// Loops over indices instead of closures: the compiler does not vectorize a closure on its own.
#![allow(clippy::needless_range_loop)]

use pulp::{Simd, WithSimd};

use crate::model::kernel::outer_product::blocks;
use crate::model::kernel::window::Window;
use crate::model::kernel::winograd::{CHUNK, ELEMENTS, PITCH, ROW_GAP, Tiles};

/// G g, of weights.
pub fn transform_weights([a, b, c]: [f32; 3]) -> [f32; 4] {
    [a, (a + c + b) / 2.0, (a + c - b) / 2.0, c]
}

/// G' u, of a gradient of transformed weights.
pub fn transform_gradient([a, b, c, d]: [f32; 4]) -> [f32; 3] {
    [a + (b + c) / 2.0, (b - c) / 2.0, (b + c) / 2.0 + d]
}

/// B' d, of pixels.
#[inline(always)]
fn transform_pixels<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// A' m, of products.
#[inline(always)]
fn transform_products<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    [simd.add_f32s(a, simd.add_f32s(b, c)), simd.sub_f32s(simd.sub_f32s(b, c), d)]
}

/// A y, of gradients of positions.
#[inline(always)]
fn transform_positions<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 4] {
    [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.neg_f32s(b)]
}

/// Computes B' d B of `count` tiles, beginning with `from`: `[element][channel][tile]`.
pub struct InputTransform<'a> {
    pub tiles: &'a Tiles,
    pub image: &'a [f32],
    pub from: usize,
    pub count: usize,
    pub channels: usize,
    pub to: &'a mut [f32],
}

impl WithSimd for InputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles, image, from, count, channels, to } = self;
        let (plane, pitch) = (tiles.plane(), tiles.pitch);
        let padded = count.next_multiple_of(S::F32_LANES);
        for channel in 0..channels {
            let mut d: [[&[S::f32s]; 4]; 4] = [[&[]; 4]; 4];
            for (i, line) in d.iter_mut().enumerate() {
                for (j, pixels) in line.iter_mut().enumerate() {
                    let offset = (channel * 4 + i % 2 * 2 + j % 2) * plane + i / 2 * pitch + j / 2;
                    *pixels = S::as_simd_f32s(&image[offset + from..][..padded]).0;
                }
            }
            for at in 0..padded / S::F32_LANES {
                let mut columns = [[simd.splat_f32s(0.0); 4]; 4];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column =
                        transform_pixels::<S>(simd, [d[0][j][at], d[1][j][at], d[2][j][at], d[3][j][at]]);
                }
                for i in 0..4 {
                    let line = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
                    for (j, value) in transform_pixels::<S>(simd, line).into_iter().enumerate() {
                        let element = (i * 4 + j) * (channels * CHUNK + ROW_GAP);
                        let offset = element + channel * CHUNK + at * S::F32_LANES;
                        S::as_mut_simd_f32s(&mut to[offset..offset + S::F32_LANES]).0[0] = value;
                    }
                }
            }
        }
    }
}

/// Computes A' m A of `count` tiles, beginning with `from`: `[filter][row and column mod 2][tile]`.
pub struct OutputTransform<'a> {
    /// `[element][row][tile]`
    pub products: &'a [f32],
    /// Filters, including padding.
    pub rows: usize,
    pub from: usize,
    pub count: usize,
    /// Distance from the first tile of a phase to that of the next phase.
    pub phase_stride: usize,
    pub to: &'a mut [f32],
}

impl WithSimd for OutputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { products, rows, from, count, phase_stride, to } = self;
        let padded = count.next_multiple_of(S::F32_LANES);
        for (filter, to) in to.chunks_exact_mut(4 * phase_stride).enumerate() {
            let mut m: [&[S::f32s]; ELEMENTS] = [&[]; ELEMENTS];
            for (element, m) in m.iter_mut().enumerate() {
                let first = element * (rows * PITCH + ROW_GAP) + filter * PITCH;
                *m = S::as_simd_f32s(&products[first..][..padded]).0;
            }
            for at in 0..padded / S::F32_LANES {
                let mut columns = [[simd.splat_f32s(0.0); 2]; 4];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column =
                        transform_products::<S>(simd, [m[j][at], m[4 + j][at], m[8 + j][at], m[12 + j][at]]);
                }
                for i in 0..2 {
                    let line = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
                    for (j, value) in transform_products::<S>(simd, line).into_iter().enumerate() {
                        let offset = (i * 2 + j) * phase_stride + from + at * S::F32_LANES;
                        S::as_mut_simd_f32s(&mut to[offset..offset + S::F32_LANES]).0[0] = value;
                    }
                }
            }
        }
    }
}

/// Computes A dy A' of `count` tiles, beginning with `from`, in the order of `OuterProducts`:
/// `[element][block of filters][tile][filter]`.
pub struct TransformGradients<'a> {
    pub tiles: &'a Tiles,
    /// `[position][filter]`, with an additional position of zeros.
    pub transposed: &'a [f32],
    pub width: usize,
    pub from: usize,
    pub count: usize,
    pub to: &'a mut [f32],
}

impl WithSimd for TransformGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles, transposed, width, from, count, to } = self;
        let Window { rows, columns, .. } = tiles.window;
        let (dy, _) = S::as_simd_f32s(transposed);
        let vectors = width / S::F32_LANES;
        for tile in 0..count {
            let (y, x) = ((from + tile) / tiles.pitch * 2, (from + tile) % tiles.pitch * 2);
            let mut offsets = [[rows * columns * vectors; 2]; 2];
            for (i, line) in offsets.iter_mut().enumerate() {
                for (j, offset) in line.iter_mut().enumerate() {
                    if y + i < rows && x + j < columns {
                        *offset = ((y + i) * columns + x + j) * vectors;
                    }
                }
            }
            let mut first = 0;
            for block in blocks(vectors) {
                for vector in 0..block {
                    let at = first + vector;
                    let left = [dy[offsets[0][0] + at], dy[offsets[1][0] + at]];
                    let right = [dy[offsets[0][1] + at], dy[offsets[1][1] + at]];
                    let (left, right) =
                        (transform_positions::<S>(simd, left), transform_positions::<S>(simd, right));
                    let offset = (first * count + tile * block + vector) * S::F32_LANES;
                    for i in 0..4 {
                        let line = transform_positions::<S>(simd, [left[i], right[i]]);
                        for (j, value) in line.into_iter().enumerate() {
                            let offset = (i * 4 + j) * (count * width + ROW_GAP) + offset;
                            S::as_mut_simd_f32s(&mut to[offset..offset + S::F32_LANES]).0[0] = value;
                        }
                    }
                }
                first += block;
            }
        }
    }
}
