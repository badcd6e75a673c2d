//! The convolution beside the first block of the larger DeBERTa-v2 models.

use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::ModelResult;
use crate::model::kernel::steps::StepWindow;
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Settings of the convolution.
#[derive(Clone, Copy, Debug)]
pub struct ConvolutionOptions {
    /// Steps of a window, an odd number.
    pub kernel: usize,
    /// Its activation.
    pub activation: Activation,
    /// Added to the variance in the norm.
    pub epsilon: f64,
    /// Dropout rate before the activation.
    pub dropout: f64,
}

/// A built convolution.
pub struct BlockConvolution {
    name: String,
    options: ConvolutionOptions,
    /// `[kernel width, width]`
    weight: Parameter,
    /// `[width]`
    bias: Parameter,
    norm: LayerNorm,
}

impl BlockConvolution {
    /// Over steps of `width` features; weights are those of `name` and `{name}_norm`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        width: usize,
        options: ConvolutionOptions,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let (rows, init) = (options.kernel * width, Init::fan_in(options.kernel * width));
        Ok(Self {
            name: name.to_owned(),
            options,
            weight: weights.parameter(&format!("{name}.weight"), &[rows, width], init.clone())?,
            bias: weights.parameter(&format!("{name}.bias"), &[width], init)?,
            norm: LayerNorm::build(&format!("{name}_norm"), width, options.epsilon, weights)?,
        })
    }

    /// norm(y + activation(convolution(x))) of a block's input x and output y, `[batch, time, width]`;
    /// padding of x counts as 0.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
        y: &O::Value,
    ) -> ModelResult<O::Value> {
        let ConvolutionOptions { kernel, activation, dropout, .. } = self.options;
        let x = ops.mask_padding(&Activations { x: x.clone(), mask: mask.cloned() })?;
        let steps = StepWindow { size: kernel, dilation: 1, before: (kernel - 1) / 2 };
        let x = ops.conv1d(&x, &self.weight, Some(&self.bias), steps, Activation::Identity)?;
        let x = ops.dropout(&format!("{}_drop", self.name), dropout, &x)?;
        let x = ops.activation(activation, &x)?;
        let sum = ops.add(y, &x)?;
        self.norm.on(ops, &sum)
    }
}
