//! Squeeze-and-excitation (Hu, Shen & Sun 2018, arXiv 1709.01507) in the blocks of convolutional encoders.

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::kernel::pool::Pooling;
use crate::model::layer::conv2d::{Conv2d, ConvolutionChannels};
use crate::model::layer::padding::Padding;
use crate::model::ops::Ops;
use crate::model::pretrained::WeightSource;
use crate::model::weights::Weights;

/// Scales the channels of an image by gate(W2 activation(W1 mean over pixels + b1) + b2), where W1 and W2 are
/// 1 x 1 convolutions.
#[derive(Clone, Debug)]
pub struct SqueezePlan {
    /// Their name, such as `blocks.0.0.se`.
    pub theirs: String,
    pub channels: usize,
    pub hidden: usize,
    pub activation: Activation,
    pub gate: Activation,
}

impl SqueezePlan {
    /// Where its weights are, below our name of the convolution before it.
    pub fn sources(&self, ours: &str) -> Vec<WeightSource> {
        let source = |own: &str, their: &str, part: &str| {
            WeightSource::same(format!("{ours}.{own}.{part}"), format!("{}.{their}.{part}", self.theirs))
        };
        let parts = [("reduce", "conv_reduce"), ("expand", "conv_expand")];
        parts
            .iter()
            .flat_map(|(own, their)| ["weight", "bias"].map(|part| source(own, their, part)))
            .collect()
    }
}

/// A built squeeze-and-excitation.
pub struct Squeeze {
    channels: usize,
    reduce: Conv2d,
    expand: Conv2d,
}

impl Squeeze {
    /// Weights are named below `name`: `reduce`, `expand`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(name: &str, plan: &SqueezePlan, weights: &mut Weights) -> ModelResult<Self> {
        let &SqueezePlan { channels, hidden, activation, gate, .. } = plan;
        let pixel = Padding::Valid.window(1, 1, 1, 1).map_err(candle_core::Error::msg)?;
        let mut part = |part: &str, from: usize, to: usize, activation: Activation| {
            let channels = ConvolutionChannels::full(from, to);
            Conv2d::build(&format!("{name}.{part}"), channels, pixel, activation, true, weights)
        };
        let reduce = part("reduce", channels, hidden, activation)?;
        let expand = part("expand", hidden, channels, gate)?;
        Ok(Self { channels, reduce, expand })
    }

    /// Scales the channels of `x`, `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let means = ops.global_pool(x, Pooling::Mean)?;
        let means = ops.reshape(&means, &[-1, self.channels as i64, 1, 1])?;
        let hidden = self.reduce.on(ops, &means)?;
        let gates = self.expand.on(ops, &hidden)?;
        ops.mul(x, &gates)
    }
}
