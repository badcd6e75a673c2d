//! activation(convolution + bias) of images as one operation, and its transpose.
//!
//! Both link images with the values at the positions of a window moving over them, by weights
//! `[channels of positions, channels of the image, size, size]`: a convolution reads the image at each
//! position, a transposed one writes it. Each is the other's gradient.

mod linear_convolution;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::autograd::apply3;
use crate::model::kernel::activation::{
    activation, composed as activation_twin, slope_by_output, slope_from_output,
};
use crate::model::kernel::convolution::linear_convolution::{ConvolutionEpilogue, LinearConvolution};
use crate::model::kernel::window::Window;
use crate::model::kernel::{fits, floats, with_floats};

/// x `[rows, channels, height, width]` and weight `[filters, channels, size, size]` to activation(x * weight
/// + bias), `[rows, filters, window.rows, window.columns]`.
pub fn convolution(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    window: Window,
    function: Activation,
) -> Result<Tensor> {
    link(x, weight, bias, window, function, ConvolutionDirection::Read)
}

/// x `[rows, channels, window.rows, window.columns]` and weight `[channels, filters, size, size]` to the
/// image `[rows, filters, height, width]` whose windows are the sums of x's values times the weight.
pub fn transposed(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    window: Window,
    function: Activation,
) -> Result<Tensor> {
    link(x, weight, bias, window, function, ConvolutionDirection::Write)
}

fn link(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    window: Window,
    function: Activation,
    direction: ConvolutionDirection,
) -> Result<Tensor> {
    if !fits(&[x, weight, bias]) {
        return composed(x, weight, bias, window, function, direction);
    }
    // The slopes of the others are not known from their output, which alone is kept.
    let inside = if slope_by_output(function) { function } else { Activation::Identity };
    let op = ConvolutionOp { window, function: inside, direction };
    let y = apply3(&x.contiguous()?, weight, bias, op)?;
    if inside == function { Ok(y) } else { activation(function, &y) }
}

/// The same, composed of candle's operations.
fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    window: Window,
    function: Activation,
    direction: ConvolutionDirection,
) -> Result<Tensor> {
    let Window { stride, top, left, height, width, rows, columns, size } = window;
    let y = match direction {
        ConvolutionDirection::Read => {
            let x = x.pad_with_zeros(2, top, window.bottom())?.pad_with_zeros(3, left, window.right())?;
            // candle's gradient needs that no row or column is left over.
            let reached = |count: usize| (count - 1) * stride + size;
            let x = x.narrow(2, 0, reached(rows))?.narrow(3, 0, reached(columns))?;
            x.conv2d(weight, 0, stride, 1, 1)?
        }
        ConvolutionDirection::Write => {
            let y = x.conv_transpose2d(weight, 0, 0, stride, 1)?;
            let missing = |length: usize, before: usize, count: usize| {
                (length + before).saturating_sub((count - 1) * stride + size)
            };
            let y = y.pad_with_zeros(2, 0, missing(height, top, rows))?;
            let y = y.pad_with_zeros(3, 0, missing(width, left, columns))?;
            y.narrow(2, top, height)?.narrow(3, left, width)?
        }
    };
    activation_twin(function, &y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConvolutionDirection {
    /// From the image to the positions.
    Read,
    /// From the positions to the image.
    Write,
}

struct ConvolutionOp {
    window: Window,
    function: Activation,
    direction: ConvolutionDirection,
}

impl ConvolutionOp {
    fn links(&self, weight: &Shape) -> Result<LinearConvolution> {
        let (positions, image, size, across) = weight.dims4()?;
        if (size, across) != (self.window.size, self.window.size) {
            candle_core::bail!("weights {weight:?} for a window of {}", self.window.size);
        }
        Ok(LinearConvolution { window: self.window, image, positions })
    }
}

impl CustomOp3 for ConvolutionOp {
    fn name(&self) -> &'static str {
        "convolution"
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
        let links = self.links(weight_layout.shape())?;
        let Window { rows, columns, .. } = self.window;
        let image = [links.image, self.window.height, self.window.width];
        let values = [links.positions, rows, columns];
        let (taken, given) =
            if self.direction == ConvolutionDirection::Read { (image, values) } else { (values, image) };
        if [channels, height, width] != taken {
            candle_core::bail!("x has rows of {:?}, not {taken:?}", [channels, height, width]);
        }
        let (x, weight) = (floats(x, x_layout)?, floats(weight, weight_layout)?);
        let end = ConvolutionEpilogue { bias: floats(bias, bias_layout)?, function: self.function };
        let y = match self.direction {
            ConvolutionDirection::Read => links.read(x, weight, Some(end)),
            ConvolutionDirection::Write => links.write(x, weight, Some(end)),
        };
        Ok((CpuStorage::F32(y), Shape::from((batch, given[0], given[1], given[2]))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let links = self.links(weight.shape())?;
        let plane = y.dim(2)? * y.dim(3)?;
        let sloped = match self.function {
            Activation::Identity => gradient.contiguous()?,
            function => with_floats(y, |y| {
                let mut values = with_floats(gradient, |values| Ok(values.to_vec()))?;
                values
                    .par_chunks_mut(plane)
                    .zip(y.par_chunks(plane))
                    .for_each(|(gradient, y)| slope_from_output(function, y, gradient));
                Tensor::from_vec(values, gradient.shape(), gradient.device())
            })?,
        };
        let of_x = match x.track_op() {
            false => None,
            true => Some(with_floats(weight, |weight| {
                with_floats(&sloped, |gradient| {
                    let values = match self.direction {
                        ConvolutionDirection::Read => links.write(gradient, weight, None),
                        ConvolutionDirection::Write => links.read(gradient, weight, None),
                    };
                    Tensor::from_vec(values, x.shape(), x.device())
                })
            })?),
        };
        let (of_weight, of_bias) = with_floats(x, |x| {
            with_floats(&sloped, |gradient| {
                let weights = match self.direction {
                    ConvolutionDirection::Read => links.weights(x, gradient),
                    ConvolutionDirection::Write => links.weights(gradient, x),
                };
                Ok((weights, plane_sums(gradient, plane, y.dim(1)?)))
            })
        })?;
        Ok((
            of_x,
            Some(Tensor::from_vec(of_weight, weight.shape(), x.device())?),
            Some(Tensor::from_vec(of_bias, bias.shape(), x.device())?),
        ))
    }
}

/// The sum of each channel over images and pixels.
fn plane_sums(values: &[f32], plane: usize, channels: usize) -> Vec<f32> {
    let each: Vec<f32> = values.par_chunks(plane).map(sum).collect();
    let mut sums = vec![0.0; channels];
    for image in each.chunks_exact(channels) {
        sums.iter_mut().zip(image).for_each(|(sum, value)| *sum += value);
    }
    sums
}

/// In sixteen sums side by side, as wide registers like it.
pub fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let chunks = values.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests;
