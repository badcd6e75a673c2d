//! activation(depthwise convolution + bias) of images as one operation: every channel of an image has filters
//! of its own (Howard et al. 2017, arXiv 1704.04861).
//!
//! A window has too few products for the tiles of `kernel/direct.rs`, which share pixels between filters.
//! Here a tile is several vectors of positions of one plane, in the layout of `kernel/window.rs`.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::kernel::activation::apply as apply_activation;
use crate::model::kernel::choice::arch;
use crate::model::kernel::convolution::{plane_sums, pre_activation_gradient};
use crate::model::kernel::direct::SLACK;
use crate::model::kernel::window::{Window, WindowGather};
use crate::model::kernel::{PARALLEL_THRESHOLD, floats, with_floats, zeros};

/// The operation on x `[batch, channels, height, width]`, weight `[filters, 1, size, size]` and bias
/// `[filters]`; filter f reads channel f / (filters / channels). The activation's derivative must follow from
/// its output.
pub struct DepthwiseOp {
    pub window: Window,
    pub function: Activation,
}

impl CustomOp3 for DepthwiseOp {
    fn name(&self) -> &'static str {
        "depthwise_convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = x_layout.shape().dims4()?;
        let Window { size, rows, columns, .. } = self.window;
        let (filters, one, down, across) = weight_layout.shape().dims4()?;
        if (height, width) != (self.window.height, self.window.width) {
            candle_core::bail!(
                "expected images of {} x {} pixels, found {height} x {width}",
                self.window.height,
                self.window.width
            );
        }
        if (one, down, across) != (1, size, size) || filters % channels != 0 {
            candle_core::bail!(
                "expected depthwise weights for {channels} channels and a window of size {size}, found {:?}",
                weight_layout.shape()
            );
        }
        let planes = DepthwisePlanes::new(self.window, channels, filters / channels);
        let (x, weight) = (floats(x, x_layout)?, floats(weight, weight_layout)?);
        let y = planes.forward(x, weight, floats(bias, bias_layout)?, self.function);
        Ok((CpuStorage::F32(y), Shape::from((batch, filters, rows, columns))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (channels, filters) = (x.dim(1)?, weight.dim(0)?);
        let planes = DepthwisePlanes::new(self.window, channels, filters / channels);
        let gradient = pre_activation_gradient(self.function, y, gradient)?;
        let x_gradient = match x.track_op() {
            false => None,
            true => Some(with_floats(weight, |weight| {
                with_floats(&gradient, |gradient| {
                    Tensor::from_vec(planes.image_gradient(gradient, weight), x.shape(), x.device())
                })
            })?),
        };
        let (weights, biases) = with_floats(x, |x| {
            with_floats(&gradient, |gradient| {
                let biases = plane_sums(gradient, self.window.positions(), filters);
                Ok((planes.weight_gradient(x, gradient), biases))
            })
        })?;
        let weights = Tensor::from_vec(weights, weight.shape(), x.device())?;
        Ok((x_gradient, Some(weights), Some(Tensor::from_vec(biases, bias.shape(), x.device())?)))
    }
}

/// The planes of a batch of images and of their positions.
struct DepthwisePlanes {
    window: Window,
    channels: usize,
    /// Filters per channel.
    multiplier: usize,
    gather: WindowGather,
    /// Zeros before the first position in the layout of gradients.
    front: usize,
}

impl DepthwisePlanes {
    fn new(window: Window, channels: usize, multiplier: usize) -> Self {
        let gather = WindowGather::new(window, 1);
        let reach = (window.size - 1) / window.stride;
        Self { window, channels, multiplier, front: reach * gather.pitch + reach, gather }
    }

    fn filters(&self) -> usize {
        self.channels * self.multiplier
    }

    fn taps(&self) -> usize {
        self.window.size * self.window.size
    }

    /// Planes per task.
    fn group(&self) -> usize {
        (PARALLEL_THRESHOLD / 4).div_ceil(self.window.positions().max(self.window.pixels()))
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32], function: Activation) -> Vec<f32> {
        let (pixels, positions, length) =
            (self.window.pixels(), self.window.positions(), self.gather.length());
        let (group, filters, taps) = (self.group(), self.filters(), self.taps());
        let mut y = zeros(x.len() / pixels * self.multiplier * positions);
        y.par_chunks_mut(group * positions).enumerate().for_each(|(task, y)| {
            let (mut buffer, mut sums) = (self.gather.zeros(), vec![0.0; length + SLACK]);
            for (index, y) in y.chunks_exact_mut(positions).enumerate() {
                let plane = task * group + index;
                let filter = plane % filters;
                let image = plane / self.multiplier * pixels;
                self.gather.fill(&x[image..image + pixels], &mut buffer);
                let weights = &weight[filter * taps..][..taps];
                arch().dispatch(TapSums {
                    weights,
                    offsets: &self.gather.offsets,
                    image: &buffer,
                    length,
                    out: &mut sums,
                });
                for (row, line) in y.chunks_exact_mut(self.window.columns).enumerate() {
                    let from = &sums[row * self.gather.pitch..];
                    line.iter_mut().zip(from).for_each(|(y, sum)| *y = sum + bias[filter]);
                }
            }
            apply_activation(function, y);
        });
        y
    }

    /// Elements of a plane of gradients in their layout: rows of `pitch` elements, and zeros around them.
    fn spread_length(&self) -> usize {
        self.front + self.gather.phase_length() + SLACK
    }

    /// Copies the gradients of a plane into a buffer of zeros.
    fn spread(&self, gradient: &[f32], buffer: &mut [f32]) {
        let Window { columns, .. } = self.window;
        for (row, line) in gradient.chunks_exact(columns).enumerate() {
            buffer[self.front + row * self.gather.pitch..][..columns].copy_from_slice(line);
        }
    }

    /// The gradient of x. Pixel q of a phase meets position q - shift by the taps of that phase.
    fn image_gradient(&self, gradient: &[f32], weight: &[f32]) -> Vec<f32> {
        let Window { size, stride, .. } = self.window;
        let (pixels, positions, taps) = (self.window.pixels(), self.window.positions(), self.taps());
        let (group, spread, phase_length) = (self.group(), self.spread_length(), self.gather.phase_length());
        // For each phase: the taps that meet it, with their distances.
        let mut phases = vec![Vec::new(); stride * stride];
        for tap in 0..taps {
            let (down, across) = (tap / size, tap % size);
            let shift = down / stride * self.gather.pitch + across / stride;
            phases[down % stride * stride + across % stride].push((tap, self.front - shift));
        }
        let images = gradient.len() / positions / self.multiplier;
        let mut x = zeros(images * pixels);
        x.par_chunks_mut(group * pixels).enumerate().for_each(|(task, x)| {
            let mut spreads = vec![0.0; self.multiplier * spread];
            let mut buffer = self.gather.zeros();
            for (index, x) in x.chunks_exact_mut(pixels).enumerate() {
                let plane = task * group + index;
                let channel = plane % self.channels;
                let own = &gradient[plane * self.multiplier * positions..];
                for (gradient, spread) in own.chunks_exact(positions).zip(spreads.chunks_exact_mut(spread)) {
                    self.spread(gradient, spread);
                }
                for (phase, met) in phases.iter().enumerate() {
                    let (mut weights, mut offsets) = (Vec::new(), Vec::new());
                    for copy in 0..self.multiplier {
                        let own = &weight[(channel * self.multiplier + copy) * taps..];
                        weights.extend(met.iter().map(|(tap, _)| own[*tap]));
                        offsets.extend(met.iter().map(|(_, offset)| copy * spread + offset));
                    }
                    // What a tile writes beyond its phase is overwritten by the next.
                    arch().dispatch(TapSums {
                        weights: &weights,
                        offsets: &offsets,
                        image: &spreads,
                        length: phase_length,
                        out: &mut buffer[phase * phase_length..],
                    });
                }
                self.gather.read_back(&buffer, x);
            }
        });
        x
    }

    /// The gradient of the weights `[filters, taps]`. Sums over images are computed within groups of images,
    /// and then over the groups in their order, whatever the number of threads.
    fn weight_gradient(&self, x: &[f32], gradient: &[f32]) -> Vec<f32> {
        let (pixels, positions, taps) = (self.window.pixels(), self.window.positions(), self.taps());
        let filters = self.filters();
        let images = gradient.len() / (filters * positions);
        let groups = 64usize.div_ceil(filters).min(images.max(1));
        let group = images.div_ceil(groups).max(1);
        let sums: Vec<Vec<f32>> = (0..filters * groups)
            .into_par_iter()
            .map(|task| {
                let (filter, first) = (task / groups, task % groups * group);
                let (mut buffer, mut spread) = (self.gather.zeros(), vec![0.0; self.spread_length()]);
                let mut sums = vec![0.0; taps];
                for image in first..(first + group).min(images) {
                    let from = (image * self.channels + filter / self.multiplier) * pixels;
                    self.gather.fill(&x[from..from + pixels], &mut buffer);
                    self.spread(
                        &gradient[(image * filters + filter) * positions..][..positions],
                        &mut spread,
                    );
                    arch().dispatch(TapProducts {
                        offsets: &self.gather.offsets,
                        image: &buffer,
                        values: &spread[self.front..],
                        length: self.gather.length(),
                        sums: &mut sums,
                    });
                }
                sums
            })
            .collect();
        let mut weights = vec![0.0; filters * taps];
        for (task, sums) in sums.iter().enumerate() {
            let own = &mut weights[task / groups * taps..][..taps];
            own.iter_mut().zip(sums).for_each(|(weight, sum)| *weight += sum);
        }
        weights
    }
}

/// `out[at]` = sum over taps of `weights[tap] image[offsets[tap] + at]` for `at` below `length`, rounded up
/// to whole vectors.
struct TapSums<'a> {
    weights: &'a [f32],
    offsets: &'a [usize],
    image: &'a [f32],
    length: usize,
    out: &'a mut [f32],
}

impl WithSimd for TapSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut at = 0;
        while at < self.length {
            let vectors = (self.length - at).div_ceil(S::F32_LANES);
            at += S::F32_LANES
                * match vectors {
                    8.. => self.tile::<S, 8>(simd, at),
                    4.. => self.tile::<S, 4>(simd, at),
                    2.. => self.tile::<S, 2>(simd, at),
                    _ => self.tile::<S, 1>(simd, at),
                };
        }
    }
}

impl TapSums<'_> {
    /// Computes this number of vectors, and returns it.
    #[inline(always)]
    fn tile<S: Simd, const VECTORS: usize>(&mut self, simd: S, at: usize) -> usize {
        let width = VECTORS * S::F32_LANES;
        let mut sums = [simd.splat_f32s(0.0); VECTORS];
        for (offset, weight) in self.offsets.iter().zip(self.weights) {
            let (pixels, _) = S::as_simd_f32s(&self.image[offset + at..offset + at + width]);
            let weight = simd.splat_f32s(*weight);
            for vector in 0..VECTORS {
                sums[vector] = simd.mul_add_f32s(weight, pixels[vector], sums[vector]);
            }
        }
        let (stored, _) = S::as_mut_simd_f32s(&mut self.out[at..at + width]);
        stored[..VECTORS].copy_from_slice(&sums);
        VECTORS
    }
}

/// Adds to `sums[tap]` the sum over `at` below `length` of `image[offsets[tap] + at] values[at]`. Values from
/// `length` on are 0.
struct TapProducts<'a> {
    offsets: &'a [usize],
    image: &'a [f32],
    values: &'a [f32],
    length: usize,
    sums: &'a mut [f32],
}

impl WithSimd for TapProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut tap = 0;
        while tap < self.offsets.len() {
            tap += match self.offsets.len() - tap {
                9.. => self.tile::<S, 9>(simd, tap),
                4.. => self.tile::<S, 4>(simd, tap),
                2.. => self.tile::<S, 2>(simd, tap),
                _ => self.tile::<S, 1>(simd, tap),
            };
        }
    }
}

impl TapProducts<'_> {
    /// Computes the sums of this number of taps from `tap` on, and returns it.
    #[inline(always)]
    fn tile<S: Simd, const TAPS: usize>(&mut self, simd: S, tap: usize) -> usize {
        let mut sums = [simd.splat_f32s(0.0); TAPS];
        let mut at = 0;
        while at < self.length {
            let (values, _) = S::as_simd_f32s(&self.values[at..at + S::F32_LANES]);
            for (sum, offset) in sums.iter_mut().zip(&self.offsets[tap..tap + TAPS]) {
                let (pixels, _) = S::as_simd_f32s(&self.image[offset + at..offset + at + S::F32_LANES]);
                *sum = simd.mul_add_f32s(pixels[0], values[0], *sum);
            }
            at += S::F32_LANES;
        }
        for (total, sum) in self.sums[tap..tap + TAPS].iter_mut().zip(sums) {
            *total += simd.reduce_sum_f32s(sum);
        }
        TAPS
    }
}
