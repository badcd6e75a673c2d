//! Convolutional encoders as `timm` writes them: blocks of convolutions with batch normalization, from an
//! image to an image of features.

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::pool::Pooling;
use crate::model::kernel::window::Window;
use crate::model::layer::batch_norm::build_batch_norm;
use crate::model::layer::conv2d::{Conv2d, ConvolutionChannels};
use crate::model::layer::padding::Padding;
use crate::model::layer::pretrained::family::{FineTuning, PretrainedFamily};
use crate::model::layer::pretrained::squeeze::{Squeeze, SqueezePlan};
use crate::model::layer::{Layer, Module, image};
use crate::model::ops::{BatchNorm, Ops};
use crate::model::pretrained::WeightSource;
use crate::model::weights::Weights;

/// Weight of a batch in the running statistics; that of PyTorch.
const MOMENTUM: f64 = 0.1;

/// A convolution without bias, batch normalization, and an activation.
#[derive(Clone, Debug)]
pub struct ConvPlan {
    /// Our name, and theirs of the convolution and of the normalization.
    pub ours: String,
    pub convolution: String,
    pub norm: String,
    pub channels: ConvolutionChannels,
    pub kernel: usize,
    pub stride: usize,
    pub activation: Activation,
    /// Scales the channels after the activation.
    pub squeeze: Option<SqueezePlan>,
}

/// What is added to the output of a block's convolutions.
#[derive(Clone, Debug)]
pub enum ShortcutPlan {
    Nothing,
    Input,
    Projection(ConvPlan),
}

/// Convolutions after each other, a shortcut, and an activation.
#[derive(Clone, Debug)]
pub struct ConvBlockPlan {
    pub convolutions: Vec<ConvPlan>,
    pub shortcut: ShortcutPlan,
    pub activation: Activation,
}

/// A convolutional encoder.
#[derive(Clone, Debug)]
pub struct ConvNetPlan {
    /// Channels, height and width of the images that it is made for.
    pub input: [usize; 3],
    pub stem: ConvPlan,
    /// Whether the stem is followed by max pooling over 3 x 3 pixels with stride 2.
    pub pools: bool,
    pub blocks: Vec<ConvBlockPlan>,
    /// Whether images are padded as in TensorFlow, not by half a kernel on every side.
    pub pads_as_tensorflow: bool,
    /// Added to variances.
    pub epsilon: f64,
}

impl ConvNetPlan {
    fn padding(&self, kernel: usize) -> Padding {
        if self.pads_as_tensorflow { Padding::Same } else { Padding::Pixels(kernel / 2) }
    }

    fn window(&self, convolution: &ConvPlan, height: usize, width: usize) -> ModelResult<Window, String> {
        let ConvPlan { kernel, stride, .. } = *convolution;
        self.padding(kernel).window(height, width, kernel, stride)
    }

    fn pool(height: usize, width: usize) -> ModelResult<Window, String> {
        Padding::Pixels(1).window(height, width, 3, 2)
    }

    fn all(&self) -> impl Iterator<Item = &ConvPlan> {
        let blocks = self.blocks.iter().flat_map(|block| {
            let projection = match &block.shortcut {
                ShortcutPlan::Projection(projection) => Some(projection),
                _ => None,
            };
            block.convolutions.iter().chain(projection)
        });
        std::iter::once(&self.stem).chain(blocks)
    }
}

impl PretrainedFamily for ConvNetPlan {
    fn input(&self) -> Shape {
        let [channels, height, width] = self.input;
        Shape::Image { channels, height, width }
    }

    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (channels, mut height, mut width) = image(input)?;
        if channels != self.input[0] {
            let expected = self.input[0];
            return Err(format!("needs an image of {expected} channels, not {input}"));
        }
        let mut filters = self.stem.channels.filters;
        let stem = self.window(&self.stem, height, width)?;
        (height, width) = (stem.rows, stem.columns);
        if self.pools {
            (height, width) = Self::pool(height, width).map(|window| (window.rows, window.columns))?;
        }
        for convolution in self.blocks.iter().flat_map(|block| &block.convolutions) {
            let Window { rows, columns, .. } = self.window(convolution, height, width)?;
            (height, width, filters) = (rows, columns, convolution.channels.filters);
        }
        Ok(Shape::Image { channels: filters, height, width })
    }

    fn blocks(&self) -> usize {
        self.blocks.len()
    }

    fn max_tokens(&self) -> Option<usize> {
        None
    }

    fn prefix(&self) -> &'static str {
        "model"
    }

    fn sources(&self) -> Vec<WeightSource> {
        let mut sources = Vec::new();
        for ConvPlan { ours, convolution, norm, squeeze, .. } in self.all() {
            sources.push(WeightSource::same(format!("{ours}.weight"), format!("{convolution}.weight")));
            for (own, their) in [
                ("weight", "weight"),
                ("bias", "bias"),
                ("running_mean", "running_mean"),
                ("running_variance", "running_var"),
            ] {
                sources.push(WeightSource::same(format!("{ours}.norm.{own}"), format!("{norm}.{their}")));
            }
            sources.extend(squeeze.iter().flat_map(|squeeze| squeeze.sources(ours)));
        }
        sources
    }

    fn build(
        &self,
        name: &str,
        input: Shape,
        tuning: &FineTuning,
        weights: &mut Weights,
    ) -> ModelResult<Box<dyn Module>> {
        let (_, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let mut builder = ConvNetBuilder { plan: self, name, height, width, frozen: false, weights };
        builder.freeze(tuning.frozen_blocks.is_some());
        let outside = builder.weights.set_blocks_after(Some(self.blocks.len()));
        let stem = builder.convolution(&self.stem)?;
        let pool = match self.pools {
            true => {
                let window = Self::pool(builder.height, builder.width).map_err(candle_core::Error::msg)?;
                (builder.height, builder.width) = (window.rows, window.columns);
                Some(window)
            }
            false => None,
        };
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (index, block) in self.blocks.iter().enumerate() {
            builder.freeze(tuning.freezes(index));
            builder.weights.set_blocks_after(Some(self.blocks.len() - 1 - index));
            blocks.push(builder.block(block)?);
        }
        builder.weights.set_blocks_after(outside);
        Ok(Box::new(ConvNet { stem, pool, blocks }))
    }
}

/// Builds the convolutions, each for the image that the one before it returns.
struct ConvNetBuilder<'a> {
    plan: &'a ConvNetPlan,
    name: &'a str,
    height: usize,
    width: usize,
    frozen: bool,
    weights: &'a mut Weights,
}

impl ConvNetBuilder<'_> {
    fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
        self.weights.freeze_new(frozen);
    }

    fn convolution(&mut self, plan: &ConvPlan) -> ModelResult<ConvNorm> {
        let name = format!("{}.{}", self.name, plan.ours);
        let window = self.plan.window(plan, self.height, self.width).map_err(candle_core::Error::msg)?;
        let linear = Activation::Identity;
        let convolution = Conv2d::build(&name, plan.channels, window, linear, false, self.weights)?;
        let norm = build_batch_norm(
            &format!("{name}.norm"),
            plan.channels.filters,
            MOMENTUM,
            self.plan.epsilon,
            self.weights,
        )?;
        (self.height, self.width) = (window.rows, window.columns);
        let squeeze = plan.squeeze.as_ref();
        let squeeze = squeeze.map(|squeeze| Squeeze::build(&name, squeeze, self.weights)).transpose()?;
        Ok(ConvNorm {
            convolution,
            norm: BatchNorm { frozen: self.frozen, ..norm },
            activation: plan.activation,
            squeeze,
        })
    }

    fn block(&mut self, plan: &ConvBlockPlan) -> ModelResult<ConvBlock> {
        let (height, width) = (self.height, self.width);
        let convolutions =
            plan.convolutions.iter().map(|plan| self.convolution(plan)).collect::<ModelResult<Vec<_>>>()?;
        let after = (self.height, self.width);
        let shortcut = match &plan.shortcut {
            ShortcutPlan::Nothing => ConvShortcut::Nothing,
            ShortcutPlan::Input => ConvShortcut::Input,
            ShortcutPlan::Projection(projection) => {
                (self.height, self.width) = (height, width);
                ConvShortcut::Projection(Box::new(self.convolution(projection)?))
            }
        };
        (self.height, self.width) = after;
        Ok(ConvBlock { convolutions, shortcut, activation: plan.activation })
    }
}

/// A convolution, its normalization and an activation.
struct ConvNorm {
    convolution: Conv2d,
    norm: BatchNorm,
    activation: Activation,
    squeeze: Option<Squeeze>,
}

impl ConvNorm {
    fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let y = self.convolution.on(ops, x)?;
        let y = ops.batch_norm(&y, &self.norm)?;
        let y = ops.activation(self.activation, &y)?;
        match &self.squeeze {
            Some(squeeze) => squeeze.on(ops, &y),
            None => Ok(y),
        }
    }
}

enum ConvShortcut {
    Nothing,
    Input,
    Projection(Box<ConvNorm>),
}

struct ConvBlock {
    convolutions: Vec<ConvNorm>,
    shortcut: ConvShortcut,
    activation: Activation,
}

impl ConvBlock {
    fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let mut y = x.clone();
        for convolution in &self.convolutions {
            y = convolution.on(ops, &y)?;
        }
        let sum = match &self.shortcut {
            ConvShortcut::Nothing => y,
            ConvShortcut::Input => ops.add(x, &y)?,
            ConvShortcut::Projection(projection) => {
                let projected = projection.on(ops, x)?;
                ops.add(&projected, &y)?
            }
        };
        ops.activation(self.activation, &sum)
    }
}

/// A built encoder.
struct ConvNet {
    stem: ConvNorm,
    pool: Option<Window>,
    blocks: Vec<ConvBlock>,
}

impl Layer for ConvNet {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let mut y = self.stem.on(ops, &x.x)?;
        if let Some(window) = self.pool {
            y = ops.pool2d(&y, window, Pooling::Max)?;
        }
        for block in &self.blocks {
            y = block.on(ops, &y)?;
        }
        Ok(Activations::plain(y))
    }
}

#[cfg(test)]
mod tests;
