//! Convolutions with windows of 3 x 3 that move by 1, by Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin
//! & Gray 2016): a tile of 2 x 2 positions costs 16 products where their sums have 36.
//!
//! A tile reads 4 x 4 pixels, d. With g the 3 x 3 weights, y = A' ((G g G') * (B' d B)) A, `*` element by
//! element, where
//!
//! ```text
//! B' = 1  0 -1  0    G =  1    0    0     A' = 1  1  1  0
//!      0  1  1  0        1/2  1/2  1/2         0  1 -1 -1
//!      0 -1  1  0        1/2 -1/2  1/2
//!      0  1  0 -1         0    0    1
//! ```
//!
//! Summed over channels, each of the 16 elements is a product of matrices. The weights' gradient is
//! G' (sum of (A dy A') * (B' d B)) G. Sums differ from the window's own in their last digits.
//!
//! An image is dealt out to four, its even and odd rows and columns apart, so that tiles beside one another
//! lie beside one another: pixel (i, j) of tile (r, c) is element (r + i / 2, c + j / 2) of image (i mod 2, j
//! mod 2). A row of tiles has one more that is nobody's, and tiles are counted through.

mod filters;
mod gradient;
mod transform;

pub use filters::{ConvolutionScratch, Filters, convolve};
pub use gradient::WinogradGradient;

use crate::model::kernel::direct::SLACK;
use crate::model::kernel::window::Window;

/// Elements of a transformed tile.
const ELEMENTS: usize = 16;

/// Tiles transformed and multiplied before their numbers leave the second nearest cache: a multiple of every
/// register.
const CHUNK: usize = 48;

/// From a row of products to the next.
const PITCH: usize = CHUNK + SLACK;

/// Between one element's numbers and the next's, so that those of a tile do not share one place in the
/// nearest cache.
const ROW_GAP: usize = 16;

/// Channels of the image and of the positions from which on the transforms are worth their while.
const CHANNELS: usize = 32;

/// Where the tiles of an image lie.
#[derive(Clone, Copy, Debug)]
pub struct Tiles {
    window: Window,
    /// Rows of tiles.
    rows: usize,
    /// From a row of tiles to the next: one more than it has.
    pitch: usize,
}

impl Tiles {
    /// None for another window, or where there is too little to gain. `image` and `positions` are channels.
    pub fn new(window: Window, image: usize, positions: usize) -> Option<Self> {
        let fits = window.size == 3 && window.stride == 1 && window.top.max(window.left) < 3;
        let large = window.positions() > CHUNK && image.min(positions) >= CHANNELS;
        let (rows, columns) = (window.rows.div_ceil(2), window.columns.div_ceil(2));
        (fits && large).then_some(Self { window, rows, pitch: columns + 1 })
    }

    /// Tiles, counted through.
    fn length(&self) -> usize {
        self.rows * self.pitch - 1
    }

    /// Of one of the four images.
    fn plane(&self) -> usize {
        (self.rows + 1) * self.pitch
    }

    /// Room for an image dealt out, all zeros.
    pub fn zeros(&self, channels: usize) -> Vec<f32> {
        vec![0.0; channels * 4 * self.plane() + CHUNK + self.pitch]
    }

    /// Deals an image `[channels][pixels]` out; the zeros around it stay as they are.
    pub fn fill(&self, image: &[f32], room: &mut [f32]) {
        let Window { top, left, height, width, .. } = self.window;
        let (plane, pitch) = (self.plane(), self.pitch);
        // What no tile reaches is left out.
        let (lines, across) = (height.min(2 * (self.rows + 1) - top), width.min(2 * pitch - left));
        for (image, room) in image.chunks_exact(height * width).zip(room.chunks_exact_mut(4 * plane)) {
            for (y, line) in image.chunks_exact(width).take(lines).enumerate() {
                let y = y + top;
                let (even, odd) = room[y % 2 * 2 * plane + y / 2 * pitch..].split_at_mut(plane);
                // The first pixel's column decides whose turn it is.
                let (first, second) = match left {
                    1 => (odd, &mut even[1..]),
                    _ => (&mut even[left / 2..], &mut odd[left / 2..]),
                };
                let (pairs, rest) = line[..across].as_chunks::<2>();
                for ((pair, one), two) in pairs.iter().zip(&mut *first).zip(second) {
                    (*one, *two) = (pair[0], pair[1]);
                }
                rest.iter().for_each(|last| first[pairs.len()] = *last);
            }
        }
    }

    /// Puts the values of all tiles, `[filters][row and column mod 2][tile]` with `dealt` from one to the
    /// next, in the positions' order, `[filters][positions]`.
    fn collect(&self, dealt: usize, tiles: &[f32], values: &mut [f32]) {
        let Window { rows, columns, .. } = self.window;
        for (plane, tiles) in values.chunks_exact_mut(rows * columns).zip(tiles.chunks_exact(4 * dealt)) {
            for (row, line) in plane.chunks_exact_mut(columns).enumerate() {
                let (even, odd) = tiles[row % 2 * 2 * dealt..].split_at(dealt);
                let (even, odd) = (&even[row / 2 * self.pitch..], &odd[row / 2 * self.pitch..]);
                let (pairs, rest) = line.as_chunks_mut::<2>();
                for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
                    *pair = [*even, *odd];
                }
                rest.iter_mut().for_each(|last| *last = even[columns / 2]);
            }
        }
    }
}
