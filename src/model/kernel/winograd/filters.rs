//! The forward pass: weights are transformed once, then images one after the other.

use rayon::prelude::*;

use crate::model::kernel::choice::arch;
use crate::model::kernel::direct::{PackedFilters, correlate};
use crate::model::kernel::winograd::transform::{InputTransform, OutputTransform, transform_weights};
use crate::model::kernel::winograd::{CHUNK, ELEMENTS, PITCH, ROW_GAP, Tiles};

/// Transformed weights G g G': a matrix `[filters, channels]` for each element.
pub struct Filters {
    elements: Vec<PackedFilters>,
    filters: usize,
    channels: usize,
    offsets: Vec<usize>,
}

impl Filters {
    /// Transforms the weights; `weight` returns that of a filter, a channel, and a row and a column of the
    /// window.
    pub fn new(
        filters: usize,
        channels: usize,
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let mut tiles = vec![[0.0; ELEMENTS]; filters * channels];
        tiles.par_chunks_mut(channels).enumerate().for_each(|(filter, tiles)| {
            for (channel, tile) in tiles.iter_mut().enumerate() {
                let mut lines = [[0.0; 4]; 3];
                for (y, line) in lines.iter_mut().enumerate() {
                    *line = transform_weights([0, 1, 2].map(|x| weight(filter, channel, y, x)));
                }
                for column in 0..4 {
                    for (row, value) in
                        transform_weights(lines.map(|line| line[column])).into_iter().enumerate()
                    {
                        tile[row * 4 + column] = value;
                    }
                }
            }
        });
        let element = |element: usize| {
            PackedFilters::new(filters, channels, |filter, channel| {
                tiles[filter * channels + channel][element]
            })
        };
        let elements = (0..ELEMENTS).into_par_iter().map(element).collect();
        let offsets = (0..channels).map(|channel| channel * CHUNK).collect();
        Self { elements, filters, channels, offsets }
    }

    /// Number of input channels.
    pub fn channels(&self) -> usize {
        self.channels
    }
}

/// Buffers for the tiles of an image, which are reused for the next image.
#[derive(Default)]
pub struct ConvolutionScratch {
    pixels: Vec<f32>,
    products: Vec<f32>,
    values: Vec<f32>,
}

/// Computes the values `[filters][positions]` of an image that `Tiles::fill` has split into phases.
pub fn convolve(
    tiles: &Tiles,
    filters: &Filters,
    image: &[f32],
    scratch: &mut ConvolutionScratch,
    values: &mut [f32],
) {
    let Filters { channels, .. } = *filters;
    // Filters, including padding.
    let rows = filters.elements[0].rows();
    let (pixels_size, products_size) = (channels * CHUNK + ROW_GAP, rows * PITCH + ROW_GAP);
    let phase_stride = tiles.length().next_multiple_of(CHUNK);
    scratch.pixels.resize(ELEMENTS * pixels_size, 0.0);
    scratch.products.resize(ELEMENTS * products_size, 0.0);
    scratch.values.resize(filters.filters * 4 * phase_stride, 0.0);
    for from in (0..tiles.length()).step_by(CHUNK) {
        let count = CHUNK.min(tiles.length() - from);
        arch().dispatch(InputTransform { tiles, image, from, count, channels, to: &mut scratch.pixels });
        let products = scratch.products.chunks_exact_mut(products_size);
        for ((element, pixels), products) in
            filters.elements.iter().zip(scratch.pixels.chunks_exact(pixels_size)).zip(products)
        {
            correlate(element, &filters.offsets, pixels, count, PITCH, products);
        }
        let to = &mut scratch.values;
        arch().dispatch(OutputTransform { products: &scratch.products, rows, from, count, phase_stride, to });
    }
    tiles.collect_positions(phase_stride, &scratch.values, values);
}
