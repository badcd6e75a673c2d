//! The gradient of the weights.

use crate::model::kernel::choice::arch;
use crate::model::kernel::direct::QuerySimd;
use crate::model::kernel::outer_product::{OuterProducts, transpose_rows};
use crate::model::kernel::winograd::transform::{InputTransform, TransformGradients, gather};
use crate::model::kernel::winograd::{CHUNK, ELEMENTS, ROW_GAP, Tiles};

/// The transformed weights' gradient, summed over images: for each element `[filters, channels]`.
pub struct WinogradGradient {
    elements: Vec<OuterProducts>,
    filters: usize,
    channels: usize,
    /// Filters, and those that fill a register up.
    width: usize,
    offsets: Vec<usize>,
    places: Vec<usize>,
    pixels: Vec<f32>,
    transposed: Vec<f32>,
    gradients: Vec<f32>,
}

impl WinogradGradient {
    pub fn new(filters: usize, channels: usize) -> Self {
        Self {
            elements: (0..ELEMENTS).map(|_| OuterProducts::new(filters, channels)).collect(),
            filters,
            channels,
            width: filters.next_multiple_of(arch().dispatch(QuerySimd).lanes),
            offsets: (0..channels).map(|channel| channel * CHUNK).collect(),
            places: (0..CHUNK).collect(),
            pixels: vec![0.0; ELEMENTS * (channels * CHUNK + ROW_GAP)],
            transposed: Vec::new(),
            gradients: Vec::new(),
        }
    }

    /// Adds those of one image that was dealt out and of the gradient of its positions,
    /// `[filters][positions]`.
    pub fn add(&mut self, tiles: &Tiles, image: &[f32], gradient: &[f32]) {
        let Self { filters, channels, width, .. } = *self;
        let positions = gradient.len() / filters;
        // One position more, of zeros, for tiles that have fewer than four.
        self.transposed.resize((positions + 1) * width, 0.0);
        transpose_rows(gradient, positions, &mut self.transposed, width);
        for from in (0..tiles.length()).step_by(CHUNK) {
            let some = CHUNK.min(tiles.length() - from);
            let gradients_of = some * width + ROW_GAP;
            self.gradients.resize(self.gradients.len().max(ELEMENTS * gradients_of), 0.0);
            arch().dispatch(InputTransform { tiles, image, from, some, channels, to: &mut self.pixels });
            let to = &mut self.gradients[..ELEMENTS * gradients_of];
            arch().dispatch(TransformGradients {
                tiles,
                transposed: &self.transposed,
                width,
                from,
                some,
                to,
            });
            let pixels = self.pixels.chunks_exact(channels * CHUNK + ROW_GAP);
            let gradients = self.gradients.chunks_exact(gradients_of);
            for ((element, pixels), gradients) in self.elements.iter_mut().zip(pixels).zip(gradients) {
                element.add_transposed(
                    &self.offsets,
                    pixels,
                    &self.places[..some],
                    &gradients[..some * width],
                );
            }
        }
    }

    /// Adds the sums of these groups of images to `weights`, `[filters][channels][3][3]`.
    pub fn finish(groups: &[Self], weights: &mut [f32]) {
        let count = weights.len() / 9;
        let mut elements = vec![0.0; ELEMENTS * count];
        for group in groups {
            for (outer, sums) in group.elements.iter().zip(elements.chunks_exact_mut(count)) {
                outer.finish(sums);
            }
        }
        for (index, weights) in weights.chunks_exact_mut(9).enumerate() {
            let element = |row: usize, column: usize| elements[(row * 4 + column) * count + index];
            let lines = [0, 1, 2, 3].map(|row| gather([0, 1, 2, 3].map(|column| element(row, column))));
            for column in 0..3 {
                for (row, value) in gather(lines.map(|line| line[column])).into_iter().enumerate() {
                    weights[row * 3 + column] += value;
                }
            }
        }
    }
}
