//! What goes in and out of the products: the tiles' small matrices, in registers.

// Loops over places instead of closures: a closure is not compiled for wide registers by itself.
#![allow(clippy::needless_range_loop)]

use pulp::{Simd, WithSimd};

use crate::model::kernel::outer_product::blocks;
use crate::model::kernel::window::Window;
use crate::model::kernel::winograd::{CHUNK, ELEMENTS, PITCH, ROW_GAP, Tiles};

/// G g
pub fn spread([a, b, c]: [f32; 3]) -> [f32; 4] {
    [a, (a + c + b) / 2.0, (a + c - b) / 2.0, c]
}

/// G' u
pub fn gather([a, b, c, d]: [f32; 4]) -> [f32; 3] {
    [a + (b + c) / 2.0, (b - c) / 2.0, (b + c) / 2.0 + d]
}

/// B' d
#[inline(always)]
fn pixels<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// A' m
#[inline(always)]
fn values<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    [simd.add_f32s(a, simd.add_f32s(b, c)), simd.sub_f32s(simd.sub_f32s(b, c), d)]
}

/// A y
#[inline(always)]
fn gradients<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 4] {
    [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.neg_f32s(b)]
}

/// B' d B of some tiles, `[element][channel][tile]`.
pub struct InputTransform<'a> {
    pub tiles: &'a Tiles,
    pub image: &'a [f32],
    pub from: usize,
    pub some: usize,
    pub channels: usize,
    pub to: &'a mut [f32],
}

impl WithSimd for InputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles, image, from, some, channels, to } = self;
        let (plane, pitch) = (tiles.plane(), tiles.pitch);
        let some = some.next_multiple_of(S::F32_LANES);
        for channel in 0..channels {
            let mut d: [[&[S::f32s]; 4]; 4] = [[&[]; 4]; 4];
            for (i, line) in d.iter_mut().enumerate() {
                for (j, pixels) in line.iter_mut().enumerate() {
                    let offset = (channel * 4 + i % 2 * 2 + j % 2) * plane + i / 2 * pitch + j / 2;
                    *pixels = S::as_simd_f32s(&image[offset + from..][..some]).0;
                }
            }
            for at in 0..some / S::F32_LANES {
                let mut columns = [[simd.splat_f32s(0.0); 4]; 4];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = pixels::<S>(simd, [d[0][j][at], d[1][j][at], d[2][j][at], d[3][j][at]]);
                }
                for i in 0..4 {
                    let line = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
                    for (j, value) in pixels::<S>(simd, line).into_iter().enumerate() {
                        let element = (i * 4 + j) * (channels * CHUNK + ROW_GAP);
                        let offset = element + channel * CHUNK + at * S::F32_LANES;
                        S::as_mut_simd_f32s(&mut to[offset..offset + S::F32_LANES]).0[0] = value;
                    }
                }
            }
        }
    }
}

/// A' m A of some tiles, `[filter][row and column mod 2][tile]`.
pub struct OutputTransform<'a> {
    /// `[element][row][tile]`
    pub products: &'a [f32],
    /// Filters, and those that fill up.
    pub rows: usize,
    pub from: usize,
    pub some: usize,
    /// From the first tile to the first of the next row and column mod 2.
    pub phases: usize,
    pub to: &'a mut [f32],
}

impl WithSimd for OutputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { products, rows, from, some, phases: dealt, to } = self;
        let some = some.next_multiple_of(S::F32_LANES);
        for (filter, to) in to.chunks_exact_mut(4 * dealt).enumerate() {
            let mut m: [&[S::f32s]; ELEMENTS] = [&[]; ELEMENTS];
            for (element, m) in m.iter_mut().enumerate() {
                let first = element * (rows * PITCH + ROW_GAP) + filter * PITCH;
                *m = S::as_simd_f32s(&products[first..][..some]).0;
            }
            for at in 0..some / S::F32_LANES {
                let mut columns = [[simd.splat_f32s(0.0); 2]; 4];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = values::<S>(simd, [m[j][at], m[4 + j][at], m[8 + j][at], m[12 + j][at]]);
                }
                for i in 0..2 {
                    let line = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
                    for (j, value) in values::<S>(simd, line).into_iter().enumerate() {
                        let offset = (i * 2 + j) * dealt + from + at * S::F32_LANES;
                        S::as_mut_simd_f32s(&mut to[offset..offset + S::F32_LANES]).0[0] = value;
                    }
                }
            }
        }
    }
}

/// A dy A' of some tiles, for each element as `Outer` wants it: `[block of filters][tile][filter]`.
pub struct TransformGradients<'a> {
    pub tiles: &'a Tiles,
    /// `[position][filter]`, and one position more of zeros.
    pub transposed: &'a [f32],
    pub width: usize,
    pub from: usize,
    pub some: usize,
    pub to: &'a mut [f32],
}

impl WithSimd for TransformGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles, transposed, width, from, some, to } = self;
        let Window { rows, columns, .. } = tiles.window;
        let (dy, _) = S::as_simd_f32s(transposed);
        let vectors = width / S::F32_LANES;
        for tile in 0..some {
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
                    let (left, right) = (gradients::<S>(simd, left), gradients::<S>(simd, right));
                    let offset = (first * some + tile * block + vector) * S::F32_LANES;
                    for i in 0..4 {
                        let line = gradients::<S>(simd, [left[i], right[i]]);
                        for (j, value) in line.into_iter().enumerate() {
                            let offset = (i * 4 + j) * (some * width + ROW_GAP) + offset;
                            S::as_mut_simd_f32s(&mut to[offset..offset + S::F32_LANES]).0[0] = value;
                        }
                    }
                }
                first += block;
            }
        }
    }
}
