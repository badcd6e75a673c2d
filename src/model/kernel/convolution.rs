//! activation(convolution + bias) of images as one operation, and the same for transposed convolutions.
//!
//! Both connect an image with the positions of a window moving over it, by weights
//! `[channels of positions, channels of the image, size, size]`: a convolution reads the image at each
//! position, a transposed convolution writes it. Each is the gradient of the other.

mod depthwise;
mod linear_convolution;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::autograd::apply3;
use crate::model::kernel::activation::{
    activation, backward_from_output, composed as composed_activation, has_derivative_from_output,
};
use crate::model::kernel::convolution::depthwise::DepthwiseOp;
use crate::model::kernel::convolution::linear_convolution::{ConvolutionEpilogue, LinearConvolution};
use crate::model::kernel::window::Window;
use crate::model::kernel::{fits, floats, with_floats};

/// activation(x * weight + bias) `[batch, filters, window.rows, window.columns]` of x
/// `[batch, channels, height, width]` and weight `[filters, channels / groups, size, size]`: each of the
/// groups of filters reads its own group of channels.
///
/// # Errors
/// Shapes that do not fit the window, or filters that cannot be divided into the groups.
pub fn convolution(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    window: Window,
    function: Activation,
) -> Result<Tensor> {
    let (channels, own, filters) = (x.dim(1)?, weight.dim(1)?.max(1), weight.dim(0)?);
    let groups = channels / own;
    if groups < 2 {
        return convolve(x, weight, bias, window, function, ConvolutionDirection::Read);
    }
    if channels % own != 0 || filters % groups != 0 {
        candle_core::bail!("{channels} channels and {filters} filters are not {groups} equal groups");
    }
    if own > 1 || !fits(&[x, weight, bias]) {
        return grouped(x, weight, bias, groups, |x, weight, bias| {
            convolve(x, weight, bias, window, function, ConvolutionDirection::Read)
        });
    }
    let fused = fused(function);
    let y = apply3(&x.contiguous()?, weight, bias, DepthwiseOp { window, function: fused })?;
    if fused == function { Ok(y) } else { activation(function, &y) }
}

/// `convolve` for each group of channels and its filters, side by side.
fn grouped(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    groups: usize,
    convolve: impl Fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let (own, filters) = (weight.dim(1)?, weight.dim(0)? / groups);
    let part = |group: usize| {
        let x = x.narrow(1, group * own, own)?.contiguous()?;
        let weight = weight.narrow(0, group * filters, filters)?.contiguous()?;
        convolve(&x, &weight, &bias.narrow(0, group * filters, filters)?.contiguous()?)
    };
    Tensor::cat(&(0..groups).map(part).collect::<Result<Vec<_>>>()?, 1)
}

/// The activation that a kernel applies itself: only the output is saved, so activations whose derivative
/// needs the pre-activation are applied separately.
fn fused(function: Activation) -> Activation {
    if has_derivative_from_output(function) { function } else { Activation::Identity }
}

/// The transposed convolution `[batch, filters, height, width]` of x
/// `[batch, channels, window.rows, window.columns]` and weight `[channels, filters, size, size]`, plus bias,
/// with an activation.
///
/// # Errors
/// Shapes that do not fit the window.
pub fn transposed(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    window: Window,
    function: Activation,
) -> Result<Tensor> {
    convolve(x, weight, bias, window, function, ConvolutionDirection::Write)
}

fn convolve(
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
    let fused = fused(function);
    let op = ConvolutionOp { window, function: fused, direction };
    let y = apply3(&x.contiguous()?, weight, bias, op)?;
    if fused == function { Ok(y) } else { activation(function, &y) }
}

/// Composed form of `convolution` and `transposed`.
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
            // candle's gradient is wrong if the stride leaves rows or columns over.
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
    composed_activation(function, &y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?)
}

/// Whether a convolution or a transposed convolution is computed.
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
    fn linear(&self, weight: &Shape) -> Result<LinearConvolution> {
        let (positions, image, size, across) = weight.dims4()?;
        if (size, across) != (self.window.size, self.window.size) {
            candle_core::bail!(
                "expected weights for a window of size {}, found {weight:?}",
                self.window.size
            );
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
        let linear = self.linear(weight_layout.shape())?;
        let Window { rows, columns, .. } = self.window;
        let image = [linear.image, self.window.height, self.window.width];
        let values = [linear.positions, rows, columns];
        let (input_shape, output_shape) =
            if self.direction == ConvolutionDirection::Read { (image, values) } else { (values, image) };
        if [channels, height, width] != input_shape {
            candle_core::bail!(
                "expected images of shape {input_shape:?}, found {:?}",
                [channels, height, width]
            );
        }
        let (x, weight) = (floats(x, x_layout)?, floats(weight, weight_layout)?);
        let epilogue = ConvolutionEpilogue { bias: floats(bias, bias_layout)?, function: self.function };
        let y = match self.direction {
            ConvolutionDirection::Read => linear.read(x, weight, Some(epilogue)),
            ConvolutionDirection::Write => linear.write(x, weight, Some(epilogue)),
        };
        Ok((CpuStorage::F32(y), Shape::from((batch, output_shape[0], output_shape[1], output_shape[2]))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let linear = self.linear(weight.shape())?;
        let plane = y.dim(2)? * y.dim(3)?;
        let pre_gradient = pre_activation_gradient(self.function, y, gradient)?;
        let x_gradient = match x.track_op() {
            false => None,
            true => Some(with_floats(weight, |weight| {
                with_floats(&pre_gradient, |gradient| {
                    let values = match self.direction {
                        ConvolutionDirection::Read => linear.write(gradient, weight, None),
                        ConvolutionDirection::Write => linear.read(gradient, weight, None),
                    };
                    Tensor::from_vec(values, x.shape(), x.device())
                })
            })?),
        };
        let (weight_gradient, bias_gradient) = with_floats(x, |x| {
            with_floats(&pre_gradient, |gradient| {
                let weights = match self.direction {
                    ConvolutionDirection::Read => linear.weights(x, gradient),
                    ConvolutionDirection::Write => linear.weights(gradient, x),
                };
                Ok((weights, plane_sums(gradient, plane, y.dim(1)?)))
            })
        })?;
        Ok((
            x_gradient,
            Some(Tensor::from_vec(weight_gradient, weight.shape(), x.device())?),
            Some(Tensor::from_vec(bias_gradient, bias.shape(), x.device())?),
        ))
    }
}

/// The gradient before the activation, from the output y `[batch, channels, rows, columns]`.
fn pre_activation_gradient(function: Activation, y: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    if function == Activation::Identity {
        return gradient.contiguous();
    }
    let plane = y.dim(2)? * y.dim(3)?;
    with_floats(y, |y| {
        let mut values = with_floats(gradient, |values| Ok(values.to_vec()))?;
        values
            .par_chunks_mut(plane)
            .zip(y.par_chunks(plane))
            .for_each(|(gradient, y)| backward_from_output(function, y, gradient));
        Tensor::from_vec(values, gradient.shape(), gradient.device())
    })
}

/// The sum of each channel over all images and pixels.
fn plane_sums(values: &[f32], plane: usize, channels: usize) -> Vec<f32> {
    let each: Vec<f32> = values.par_chunks(plane).map(sum).collect();
    let mut sums = vec![0.0; channels];
    for image in each.chunks_exact(channels) {
        sums.iter_mut().zip(image).for_each(|(sum, value)| *sum += value);
    }
    sums
}

/// The sum of the values, in sixteen partial sums, which the compiler vectorizes.
pub fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let chunks = values.chunks_exact(16);
    let remainder: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum::<f32>() + remainder
}

#[cfg(test)]
mod tests;
