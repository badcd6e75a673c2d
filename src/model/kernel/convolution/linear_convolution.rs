//! Convolution and transposed convolution of batches of images, and the gradient of their weights.

use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::kernel::activation::apply as apply_activation;
use crate::model::kernel::direct::{PackedFilters, SLACK, correlate};
use crate::model::kernel::outer_product::OuterProducts;
use crate::model::kernel::window::{Window, WindowGather, WindowScatter};
use crate::model::kernel::winograd::{ConvolutionScratch, Filters, Tiles, WinogradGradient, convolve};
use crate::model::kernel::zeros;

/// The bias and the activation that are applied to the values of an image.
#[derive(Clone, Copy)]
pub struct ConvolutionEpilogue<'a> {
    pub bias: &'a [f32],
    pub function: Activation,
}

impl ConvolutionEpilogue<'_> {
    /// Applies both to the values `[channels][plane]` of one image.
    fn apply(self, values: &mut [f32]) {
        for (plane, bias) in values.chunks_exact_mut(values.len() / self.bias.len()).zip(self.bias) {
            plane.iter_mut().for_each(|value| *value += bias);
        }
        apply_activation(self.function, values);
    }
}

/// A convolution: images and the positions of a window, connected by weights
/// `[positions, image, size, size]`.
pub struct LinearConvolution {
    pub window: Window,
    /// Channels of the image.
    pub image: usize,
    /// Channels of each position.
    pub positions: usize,
}

impl LinearConvolution {
    /// Elements of an image.
    fn image_size(&self) -> usize {
        self.image * self.window.pixels()
    }

    /// Elements at the positions of an image.
    fn positions_size(&self) -> usize {
        self.positions * self.window.positions()
    }

    /// Weights per channel of the positions.
    fn taps(&self) -> usize {
        self.image * self.window.size * self.window.size
    }

    /// Images per task. Sums over images are computed within such a group, and then over the groups in their
    /// order, so that they do not depend on the number of threads.
    fn group(&self, images: usize) -> usize {
        let groups = if self.positions * self.taps() > 1 << 20 { 4 } else { 16 };
        images.div_ceil(groups).max(1)
    }

    /// The convolution: images to the values at all positions.
    pub fn read(&self, images: &[f32], weight: &[f32], epilogue: Option<ConvolutionEpilogue>) -> Vec<f32> {
        let (from, to, taps) = (self.image_size(), self.positions_size(), self.taps());
        if let Some(tiles) = Tiles::new(self.window, self.image, self.positions) {
            let filters = Filters::new(self.positions, self.image, |filter, channel, y, x| {
                weight[filter * taps + channel * 9 + y * 3 + x]
            });
            return self.in_tiles(&tiles, &filters, (images, from), to, epilogue);
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
                let mut buffer = gather.zeros();
                let mut rows = vec![0.0; packed.rows() * pitch];
                for (values, image) in values.chunks_exact_mut(to).zip(images.chunks_exact(from)) {
                    gather.fill(image, &mut buffer);
                    correlate(&packed, &gather.offsets, &buffer, length, pitch, &mut rows);
                    let planes = values.chunks_exact_mut(self.window.positions());
                    for (plane, rows) in planes.zip(rows.chunks_exact(pitch)) {
                        for (row, line) in plane.chunks_exact_mut(columns).enumerate() {
                            line.copy_from_slice(&rows[row * gather.pitch..][..columns]);
                        }
                    }
                    if let Some(epilogue) = epilogue {
                        epilogue.apply(values);
                    }
                }
            },
        );
        values
    }

    /// The transposed convolution: the values at all positions to images.
    pub fn write(&self, values: &[f32], weight: &[f32], epilogue: Option<ConvolutionEpilogue>) -> Vec<f32> {
        let (from, to) = (self.positions_size(), self.image_size());
        let transposed = self.window.transposed();
        if let Some(tiles) = transposed.and_then(|window| Tiles::new(window, self.positions, self.image)) {
            let filters = Filters::new(self.image, self.positions, |filter, channel, y, x| {
                weight[(channel * self.image + filter) * 9 + (2 - y) * 3 + 2 - x]
            });
            return self.in_tiles(&tiles, &filters, (values, from), to, epilogue);
        }
        let count = values.len() / from;
        let size = self.window.size;
        let scatter = WindowScatter::new(self.window, self.positions, self.image, |channel, filter, y, x| {
            weight[((channel * self.image + filter) * size + y) * size + x]
        });
        let mut images = zeros(count * to);
        let group = self.group(count);
        images.par_chunks_mut(group * to).zip(values.par_chunks(group * from)).for_each(
            |(images, values)| {
                let (mut buffer, mut rows) = (scatter.zeros(), Vec::new());
                for (image, values) in images.chunks_exact_mut(to).zip(values.chunks_exact(from)) {
                    scatter.fill(values, &mut buffer);
                    scatter.sums(&buffer, image, &mut rows);
                    if let Some(epilogue) = epilogue {
                        epilogue.apply(image);
                    }
                }
            },
        );
        images
    }

    /// Either of them by Winograd's algorithm: from inputs of `from` elements to outputs of `to` elements
    /// each.
    fn in_tiles(
        &self,
        tiles: &Tiles,
        filters: &Filters,
        (images, from): (&[f32], usize),
        to: usize,
        epilogue: Option<ConvolutionEpilogue>,
    ) -> Vec<f32> {
        let mut values = zeros(images.len() / from * to);
        let group = self.group(images.len() / from);
        values.par_chunks_mut(group * to).zip(images.par_chunks(group * from)).for_each(
            |(values, images)| {
                let (mut phases, mut scratch) =
                    (tiles.zeros(filters.channels()), ConvolutionScratch::default());
                for (values, image) in values.chunks_exact_mut(to).zip(images.chunks_exact(from)) {
                    tiles.fill(image, &mut phases);
                    convolve(tiles, filters, &phases, &mut scratch, values);
                    if let Some(epilogue) = epilogue {
                        epilogue.apply(values);
                    }
                }
            },
        );
        values
    }

    /// The gradient of the weights: the sum over images and positions of pixel times gradient at the
    /// position.
    pub fn weights(&self, images: &[f32], values: &[f32]) -> Vec<f32> {
        let (from, to) = (self.image_size(), self.positions_size());
        let group = self.group(images.len() / from);
        let groups = images.par_chunks(group * from).zip(values.par_chunks(group * to));
        let mut weights = vec![0.0; self.positions * self.taps()];
        if let Some(tiles) = Tiles::new(self.window, self.image, self.positions) {
            let sums: Vec<WinogradGradient> = groups
                .map(|(images, values)| {
                    let mut gradient = WinogradGradient::new(self.positions, self.image);
                    let mut phases = tiles.zeros(self.image);
                    for (image, values) in images.chunks_exact(from).zip(values.chunks_exact(to)) {
                        tiles.fill(image, &mut phases);
                        gradient.add(&tiles, &phases, values);
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
                let (mut buffer, mut transposed) = (gather.zeros(), Vec::new());
                for (image, values) in images.chunks_exact(from).zip(values.chunks_exact(to)) {
                    gather.fill(image, &mut buffer);
                    outer.add(&gather.offsets, &buffer, &gather.positions, values, &mut transposed);
                }
                outer
            })
            .collect();
        sums.iter().for_each(|outer| outer.finish(&mut weights));
        weights
    }
}
