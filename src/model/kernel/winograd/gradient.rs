//! The gradient of the weights.

use crate::model::kernel::choice::arch;
use crate::model::kernel::direct::QuerySimd;
use crate::model::kernel::outer_product::{OuterProducts, transpose_rows};
use crate::model::kernel::winograd::transform::{InputTransform, TransformGradients, transform_gradient};
use crate::model::kernel::winograd::{CHUNK, ELEMENTS, ROW_GAP, Tiles};

/// The gradient of the transformed weights, summed over images: `[filters, channels]` for each element.
pub struct WinogradGradient {
    elements: Vec<OuterProducts>,
    filters: usize,
    channels: usize,
    /// Filters, including those that pad the last register.
    width: usize,
    offsets: Vec<usize>,
    positions: Vec<usize>,
    pixels: Vec<f32>,
    transposed: Vec<f32>,
    gradients: Vec<f32>,
}

impl WinogradGradient {
    /// A gradient that is zero.
    pub fn new(filters: usize, channels: usize) -> Self {
        Self {
            elements: (0..ELEMENTS).map(|_| OuterProducts::new(filters, channels)).collect(),
            filters,
            channels,
            width: filters.next_multiple_of(arch().dispatch(QuerySimd).lanes),
            offsets: (0..channels).map(|channel| channel * CHUNK).collect(),
            positions: (0..CHUNK).collect(),
            pixels: vec![0.0; ELEMENTS * (channels * CHUNK + ROW_GAP)],
            transposed: Vec::new(),
            gradients: Vec::new(),
        }
    }

    /// Adds the gradient of one image, which `Tiles::fill` has split into phases. `gradient` is that of its
    /// positions `[filters][positions]`.
    pub fn add(&mut self, tiles: &Tiles, image: &[f32], gradient: &[f32]) {
        let Self { filters, channels, width, .. } = *self;
        let position_count = gradient.len() / filters;
        // An additional position of zeros, for tiles with fewer than four positions.
        self.transposed.resize((position_count + 1) * width, 0.0);
        transpose_rows(gradient, position_count, &mut self.transposed, width);
        for from in (0..tiles.length()).step_by(CHUNK) {
            let count = CHUNK.min(tiles.length() - from);
            let gradients_size = count * width + ROW_GAP;
            self.gradients.resize(self.gradients.len().max(ELEMENTS * gradients_size), 0.0);
            arch().dispatch(InputTransform { tiles, image, from, count, channels, to: &mut self.pixels });
            let to = &mut self.gradients[..ELEMENTS * gradients_size];
            arch().dispatch(TransformGradients {
                tiles,
                transposed: &self.transposed,
                width,
                from,
                count,
                to,
            });
            let pixels = self.pixels.chunks_exact(channels * CHUNK + ROW_GAP);
            let gradients = self.gradients.chunks_exact(gradients_size);
            for ((element, pixels), gradients) in self.elements.iter_mut().zip(pixels).zip(gradients) {
                element.add_transposed(
                    &self.offsets,
                    pixels,
                    &self.positions[..count],
                    &gradients[..count * width],
                );
            }
        }
    }

    /// Adds the sums of all groups of images to `weights` `[filters][channels][3][3]`.
    pub fn finish(groups: &[Self], weights: &mut [f32]) {
        let weight_count = weights.len() / 9;
        let mut elements = vec![0.0; ELEMENTS * weight_count];
        for group in groups {
            for (outer, sums) in group.elements.iter().zip(elements.chunks_exact_mut(weight_count)) {
                outer.finish(sums);
            }
        }
        for (index, weights) in weights.chunks_exact_mut(9).enumerate() {
            let element = |row: usize, column: usize| elements[(row * 4 + column) * weight_count + index];
            let lines =
                [0, 1, 2, 3].map(|row| transform_gradient([0, 1, 2, 3].map(|column| element(row, column))));
            for column in 0..3 {
                for (row, value) in transform_gradient(lines.map(|line| line[column])).into_iter().enumerate()
                {
                    weights[row * 3 + column] += value;
                }
            }
        }
    }
}
