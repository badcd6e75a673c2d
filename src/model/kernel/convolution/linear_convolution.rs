//! Images and positions linked by weights: from the one to the other, and the weights' gradient of both.

use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::kernel::activation::apply;
use crate::model::kernel::direct::{PackedFilters, SLACK, correlate};
use crate::model::kernel::outer_product::OuterProducts;
use crate::model::kernel::window::{Window, WindowGather, WindowScatter};
use crate::model::kernel::winograd::{ConvolutionScratch, Filters, Tiles, WinogradGradient, convolve};
use crate::model::kernel::zeros;

/// What is added to and done with each value in the end.
#[derive(Clone, Copy)]
pub struct ConvolutionEpilogue<'a> {
    pub bias: &'a [f32],
    pub function: Activation,
}

impl ConvolutionEpilogue<'_> {
    /// values: `[channels][plane]`
    fn finish(self, values: &mut [f32]) {
        for (plane, bias) in values.chunks_exact_mut(values.len() / self.bias.len()).zip(self.bias) {
            plane.iter_mut().for_each(|value| *value += bias);
        }
        apply(self.function, values);
    }
}

/// Images and the positions of a window, linked by weights.
pub struct LinearConvolution {
    pub window: Window,
    /// Channels of the image.
    pub image: usize,
    /// Channels of each position.
    pub positions: usize,
}

impl LinearConvolution {
    fn image_size(&self) -> usize {
        self.image * self.window.pixels()
    }

    fn positions_size(&self) -> usize {
        self.positions * self.window.positions()
    }

    fn taps(&self) -> usize {
        self.image * self.window.size * self.window.size
    }

    /// Images a thread takes at a time. Sums over images are made within such a group, and then over the
    /// groups in their order, so that they do not depend on the threads.
    fn group(&self, images: usize) -> usize {
        let groups = if self.positions * self.taps() > 1 << 20 { 4 } else { 16 };
        images.div_ceil(groups).max(1)
    }

    /// Images to the values at all positions.
    pub fn read(&self, images: &[f32], weight: &[f32], end: Option<ConvolutionEpilogue>) -> Vec<f32> {
        let (from, to, taps) = (self.image_size(), self.positions_size(), self.taps());
        if let Some(tiles) = Tiles::new(self.window, self.image, self.positions) {
            let filters = Filters::new(self.positions, self.image, |filter, channel, y, x| {
                weight[filter * taps + channel * 9 + y * 3 + x]
            });
            return self.in_tiles(&tiles, &filters, (images, from), to, end);
        }
        let count = images.len() / from;
        let gather = WindowGather::new(self.window, self.image);
        let packed = PackedFilters::new(self.positions, taps, |filter, tap| weight[filter * taps + tap]);
        let (length, columns) = (gather.length(), self.window.columns);
        let pitch = length + SLACK;
        let mut values = zeros(count * to);
        let group = self.group(count);
        values.par_chunks_mut(group * to).zip(images.par_chunks(group * from)).for_each(
            |(values, images)| {
                let mut room = gather.zeros();
                let mut wide = vec![0.0; packed.rows() * pitch];
                for (values, image) in values.chunks_exact_mut(to).zip(images.chunks_exact(from)) {
                    gather.fill(image, &mut room);
                    correlate(&packed, &gather.offsets, &room, length, pitch, &mut wide);
                    let planes = values.chunks_exact_mut(self.window.positions());
                    for (plane, wide) in planes.zip(wide.chunks_exact(pitch)) {
                        for (row, line) in plane.chunks_exact_mut(columns).enumerate() {
                            line.copy_from_slice(&wide[row * gather.pitch..][..columns]);
                        }
                    }
                    if let Some(end) = end {
                        end.finish(values);
                    }
                }
            },
        );
        values
    }

    /// The values at all positions to images.
    pub fn write(&self, values: &[f32], weight: &[f32], end: Option<ConvolutionEpilogue>) -> Vec<f32> {
        let (from, to) = (self.positions_size(), self.image_size());
        let transposed = self.window.transposed();
        if let Some(tiles) = transposed.and_then(|window| Tiles::new(window, self.positions, self.image)) {
            let filters = Filters::new(self.image, self.positions, |filter, channel, y, x| {
                weight[(channel * self.image + filter) * 9 + (2 - y) * 3 + 2 - x]
            });
            return self.in_tiles(&tiles, &filters, (values, from), to, end);
        }
        let count = values.len() / from;
        let size = self.window.size;
        let spread = WindowScatter::new(self.window, self.positions, self.image, |channel, filter, y, x| {
            weight[((channel * self.image + filter) * size + y) * size + x]
        });
        let mut images = zeros(count * to);
        let group = self.group(count);
        images.par_chunks_mut(group * to).zip(values.par_chunks(group * from)).for_each(
            |(images, values)| {
                let (mut room, mut wide) = (spread.zeros(), Vec::new());
                for (image, values) in images.chunks_exact_mut(to).zip(values.chunks_exact(from)) {
                    spread.fill(values, &mut room);
                    spread.sums(&room, image, &mut wide);
                    if let Some(end) = end {
                        end.finish(image);
                    }
                }
            },
        );
        images
    }

    /// Either way, where the window is Winograd's: from images of some size to such of another.
    fn in_tiles(
        &self,
        tiles: &Tiles,
        filters: &Filters,
        (images, from): (&[f32], usize),
        to: usize,
        end: Option<ConvolutionEpilogue>,
    ) -> Vec<f32> {
        let mut values = zeros(images.len() / from * to);
        let group = self.group(images.len() / from);
        values.par_chunks_mut(group * to).zip(images.par_chunks(group * from)).for_each(
            |(values, images)| {
                let (mut dealt, mut room) = (tiles.zeros(filters.channels()), ConvolutionScratch::default());
                for (values, image) in values.chunks_exact_mut(to).zip(images.chunks_exact(from)) {
                    tiles.fill(image, &mut dealt);
                    convolve(tiles, filters, &dealt, &mut room, values);
                    if let Some(end) = end {
                        end.finish(values);
                    }
                }
            },
        );
        values
    }

    /// The gradient of the weights: the sum over images and positions of pixel times value.
    pub fn weights(&self, images: &[f32], values: &[f32]) -> Vec<f32> {
        let (from, to) = (self.image_size(), self.positions_size());
        let group = self.group(images.len() / from);
        let groups = images.par_chunks(group * from).zip(values.par_chunks(group * to));
        let mut weights = vec![0.0; self.positions * self.taps()];
        if let Some(tiles) = Tiles::new(self.window, self.image, self.positions) {
            let sums: Vec<WinogradGradient> = groups
                .map(|(images, values)| {
                    let mut gradient = WinogradGradient::new(self.positions, self.image);
                    let mut dealt = tiles.zeros(self.image);
                    for (image, values) in images.chunks_exact(from).zip(values.chunks_exact(to)) {
                        tiles.fill(image, &mut dealt);
                        gradient.add(&tiles, &dealt, values);
                    }
                    gradient
                })
                .collect();
            WinogradGradient::finish(&sums, &mut weights);
            return weights;
        }
        let gather = WindowGather::new(self.window, self.image);
        let sums: Vec<OuterProducts> = groups
            .map(|(images, values)| {
                let mut outer = OuterProducts::new(self.positions, self.taps());
                let (mut room, mut transposed) = (gather.zeros(), Vec::new());
                for (image, values) in images.chunks_exact(from).zip(values.chunks_exact(to)) {
                    gather.fill(image, &mut room);
                    outer.add(&gather.offsets, &room, &gather.places, values, &mut transposed);
                }
                outer
            })
            .collect();
        sums.iter().for_each(|outer| outer.finish(&mut weights));
        weights
    }
}
