//! Convolutions with 3 x 3 windows and stride 1 by Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin & Gray
//! 2016): a tile of 2 x 2 positions costs 16 products instead of 36.
//!
//! A tile reads 4 x 4 pixels, d. With the 3 x 3 weights g, y = A' ((G g G') * (B' d B)) A, where `*` is the
//! element-wise product and
//!
//! ```text
//! B' = 1  0 -1  0    G =  1    0    0     A' = 1  1  1  0
//!      0  1  1  0        1/2  1/2  1/2         0  1 -1 -1
//!      0 -1  1  0        1/2 -1/2  1/2
//!      0  1  0 -1         0    0    1
//! ```
//!
//! Summed over channels, each of the 16 elements is a matrix product. The gradient of the weights is
//! G' (sum of (A dy A') * (B' d B)) G. Results differ from those of direct convolution in the last digits.
//!
//! An image is split into four phases by even and odd rows and columns, so that neighbouring tiles are
//! neighbours in memory: pixel (i, j) of tile (r, c) is element (r + i / 2, c + j / 2) of phase (i mod 2, j
//! mod 2). A row of tiles ends with one that is not used, and tiles are numbered row after row.

mod filters;
mod gradient;
mod transform;

pub use filters::{ConvolutionScratch, Filters, convolve};
pub use gradient::WinogradGradient;

use crate::model::kernel::direct::SLACK;
use crate::model::kernel::window::Window;

/// Elements of a transformed tile.
const ELEMENTS: usize = 16;

/// Tiles that are transformed and multiplied while they are in the L2 cache: a multiple of every register
/// width.
const CHUNK: usize = 48;

/// Distance from one row of products to the next.
const PITCH: usize = CHUNK + SLACK;

/// Gap between the values of one element and the next, so that those of a tile do not map to the same set of
/// the L1 cache.
const ROW_GAP: usize = 16;

/// Channels of the image and of the positions from which on Winograd's algorithm is faster.
const CHANNELS: usize = 32;

/// The memory layout of the tiles of an image.
#[derive(Clone, Copy, Debug)]
pub struct Tiles {
    window: Window,
    /// Rows of tiles.
    rows: usize,
    /// Distance from one row of tiles to the next: one more than the tiles of a row.
    pitch: usize,
}

impl Tiles {
    /// `None` for other windows, and for convolutions too small to gain. `image` and `positions` are their
    /// channels.
    pub fn new(window: Window, image: usize, positions: usize) -> Option<Self> {
        let is_supported = window.size == 3 && window.stride == 1 && window.top.max(window.left) < 3;
        let is_large = window.positions() > CHUNK && image.min(positions) >= CHANNELS;
        let (rows, columns) = (window.rows.div_ceil(2), window.columns.div_ceil(2));
        (is_supported && is_large).then_some(Self { window, rows, pitch: columns + 1 })
    }

    /// Number of tiles, including the unused ones between rows.
    fn length(&self) -> usize {
        self.rows * self.pitch - 1
    }

    /// Elements of one phase.
    fn plane(&self) -> usize {
        (self.rows + 1) * self.pitch
    }

    /// A buffer for the phases of an image, filled with zeros.
    pub fn zeros(&self, channels: usize) -> Vec<f32> {
        vec![0.0; channels * 4 * self.plane() + CHUNK + self.pitch]
    }

    /// Splits an image `[channels][pixels]` into its phases, in a buffer of `zeros`; the padding is
    /// unchanged.
    pub fn fill(&self, image: &[f32], buffer: &mut [f32]) {
        let Window { top, left, height, width, .. } = self.window;
        let (plane, pitch) = (self.plane(), self.pitch);
        // Pixels that no tile covers are left out.
        let (lines, across) = (height.min(2 * (self.rows + 1) - top), width.min(2 * pitch - left));
        for (image, buffer) in image.chunks_exact(height * width).zip(buffer.chunks_exact_mut(4 * plane)) {
            for (y, line) in image.chunks_exact(width).take(lines).enumerate() {
                let y = y + top;
                let (even, odd) = buffer[y % 2 * 2 * plane + y / 2 * pitch..].split_at_mut(plane);
                // The parity of the left padding decides which phase the first pixel belongs to.
                let (first, second) = match left {
                    1 => (odd, &mut even[1..]),
                    _ => (&mut even[left / 2..], &mut odd[left / 2..]),
                };
                let (pairs, last) = line[..across].as_chunks::<2>();
                for ((pair, one), two) in pairs.iter().zip(&mut *first).zip(second) {
                    (*one, *two) = (pair[0], pair[1]);
                }
                last.iter().for_each(|pixel| first[pairs.len()] = *pixel);
            }
        }
    }

    /// Reorders the values of all tiles, `[filters][row and column mod 2][tile]`, whose phases begin
    /// `phase_stride` apart, to `[filters][positions]`.
    fn collect_positions(&self, phase_stride: usize, tiles: &[f32], values: &mut [f32]) {
        let Window { rows, columns, .. } = self.window;
        for (plane, tiles) in
            values.chunks_exact_mut(rows * columns).zip(tiles.chunks_exact(4 * phase_stride))
        {
            for (row, line) in plane.chunks_exact_mut(columns).enumerate() {
                let (even, odd) = tiles[row % 2 * 2 * phase_stride..].split_at(phase_stride);
                let (even, odd) = (&even[row / 2 * self.pitch..], &odd[row / 2 * self.pitch..]);
                let (pairs, last) = line.as_chunks_mut::<2>();
                for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
                    *pair = [*even, *odd];
                }
                last.iter_mut().for_each(|value| *value = even[columns / 2]);
            }
        }
    }
}
