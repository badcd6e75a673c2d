//! The way forward: weights transformed once, then images one after the other.

use rayon::prelude::*;

use crate::model::kernel::choice::arch;
use crate::model::kernel::direct::{PackedFilters, correlate};
use crate::model::kernel::winograd::transform::{InputTransform, OutputTransform, spread};
use crate::model::kernel::winograd::{CHUNK, ELEMENTS, PITCH, ROW_GAP, Tiles};

/// Transformed weights, G g G': for each element a matrix `[filters, channels]`.
pub struct Filters {
    elements: Vec<PackedFilters>,
    filters: usize,
    channels: usize,
    offsets: Vec<usize>,
}

impl Filters {
    /// `weight` of a filter, a channel, and a row and a column of the window.
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
                    *line = spread([0, 1, 2].map(|x| weight(filter, channel, y, x)));
                }
                for column in 0..4 {
                    for (row, value) in spread(lines.map(|line| line[column])).into_iter().enumerate() {
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

    pub fn channels(&self) -> usize {
        self.channels
    }
}

/// What an image's tiles are made in, used again for the next.
#[derive(Default)]
pub struct ConvolutionScratch {
    pixels: Vec<f32>,
    products: Vec<f32>,
    values: Vec<f32>,
}

/// The values `[filters][positions]` of an image that was dealt out.
pub fn convolve(
    tiles: &Tiles,
    filters: &Filters,
    image: &[f32],
    room: &mut ConvolutionScratch,
    values: &mut [f32],
) {
    let Filters { channels, .. } = *filters;
    // Filters, and those that fill up.
    let rows = filters.elements[0].rows();
    let (pixels_of, products_of) = (channels * CHUNK + ROW_GAP, rows * PITCH + ROW_GAP);
    let dealt = tiles.length().next_multiple_of(CHUNK);
    room.pixels.resize(ELEMENTS * pixels_of, 0.0);
    room.products.resize(ELEMENTS * products_of, 0.0);
    room.values.resize(filters.filters * 4 * dealt, 0.0);
    for from in (0..tiles.length()).step_by(CHUNK) {
        let some = CHUNK.min(tiles.length() - from);
        arch().dispatch(InputTransform { tiles, image, from, some, channels, to: &mut room.pixels });
        let products = room.products.chunks_exact_mut(products_of);
        for ((element, pixels), products) in
            filters.elements.iter().zip(room.pixels.chunks_exact(pixels_of)).zip(products)
        {
            correlate(element, &filters.offsets, pixels, some, PITCH, products);
        }
        let to = &mut room.values;
        arch().dispatch(OutputTransform { products: &room.products, rows, from, some, phases: dealt, to });
    }
    tiles.collect(dealt, &room.values, values);
}
