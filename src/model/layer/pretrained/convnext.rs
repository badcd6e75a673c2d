//! ConvNeXt (Liu et al. 2022, arXiv 2201.03545) with the names of transformers or `timm`: blocks of a
//! depthwise convolution and a feed-forward network over the channels of each pixel. The features are those
//! of the last block, before pooling and the norm of the classifier.

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::window::Window;
use crate::model::layer::conv2d::{Conv2d, ConvolutionChannels};
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::layer::padding::Padding;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::family::{FineTuning, PretrainedFamily};
use crate::model::layer::{Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::pretrained::WeightSource;
use crate::model::weights::{Init, Parameter, Weights};

const KERNEL: usize = 7;
/// Height, width and stride of the windows between two stages.
const HALF: usize = 2;
/// Hidden features per channel.
const EXPANSION: usize = 4;
/// Added to variances, whatever `layer_norm_eps` says: as in the reference.
const EPSILON: f64 = 1e-6;
/// More blocks in a stage are a mistake, and would make a network that no memory holds.
const MAX_DEPTH: usize = 1000;

/// The architectures of `timm`: blocks and channels of each stage.
const VARIANTS: [(&str, [usize; 4], [usize; 4]); 5] = [
    ("convnext_tiny", [3, 3, 9, 3], [96, 192, 384, 768]),
    ("convnext_small", [3, 3, 27, 3], [96, 192, 384, 768]),
    ("convnext_base", [3, 3, 27, 3], [128, 256, 512, 1024]),
    ("convnext_large", [3, 3, 27, 3], [192, 384, 768, 1536]),
    ("convnext_xlarge", [3, 3, 27, 3], [256, 512, 1024, 2048]),
];

/// Names of weights: of the stem and its norm; of what precedes the number of a block in a stage; in a block
/// of the convolution, the norm, both matrices and the scale; and in a stage of what is between two stages.
#[derive(Clone, Copy, Debug)]
struct ConvNextNames {
    prefix: &'static str,
    stem: [&'static str; 2],
    stages: &'static str,
    blocks: &'static str,
    block: [&'static str; 4],
    scale: &'static str,
    between: &'static str,
}

const TRANSFORMERS: ConvNextNames = ConvNextNames {
    prefix: "convnext",
    stem: ["embeddings.patch_embeddings", "embeddings.layernorm"],
    stages: "encoder.stages",
    blocks: "layers",
    block: ["dwconv", "layernorm", "pwconv1", "pwconv2"],
    scale: "layer_scale_parameter",
    between: "downsampling_layer",
};

const TIMM: ConvNextNames = ConvNextNames {
    prefix: "model",
    stem: ["stem.0", "stem.1"],
    stages: "stages",
    blocks: "blocks",
    block: ["conv_dw", "norm", "mlp.fc1", "mlp.fc2"],
    scale: "gamma",
    between: "downsample",
};

/// A ConvNeXt.
#[derive(Clone, Debug)]
struct ConvNext {
    /// Channels, height and width of the images that it is made for.
    input: [usize; 3],
    /// Height and width of the stem's windows, and their stride.
    patch: usize,
    depths: [usize; 4],
    widths: [usize; 4],
    activation: Activation,
    names: ConvNextNames,
}

/// Reads the configuration of a ConvNeXt of transformers.
///
/// # Errors
/// A setting is missing or not supported.
pub fn convnext(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let stages = configuration.count_or("num_stages", 4)?;
    if stages != 4 {
        return Err(format!("`num_stages` is {stages}; only 4 is supported"));
    }
    let rate = configuration.number_or("drop_path_rate", 0.0)?;
    if rate > 0.0 {
        return Err(format!("`drop_path_rate` is {rate}; only 0 is supported"));
    }
    if configuration.number_or("layer_scale_init_value", 1e-6)? == 0.0 {
        return Err(
            "`layer_scale_init_value` is 0, so that blocks have no scale; that is not supported".into()
        );
    }
    let [height, width] = configuration.sides("image_size")?;
    Ok(Box::new(ConvNext {
        input: [configuration.count_or("num_channels", 3)?, height, width],
        patch: configuration.count_or("patch_size", 4)?,
        depths: depths(configuration, "depths", [3, 3, 9, 3])?,
        widths: configuration.counts_or("hidden_sizes", [96, 192, 384, 768])?,
        activation: configuration.activation("hidden_act", "gelu")?,
        names: TRANSFORMERS,
    }))
}

/// Reads the configuration of a ConvNeXt of `timm`. `model_args` may hold other `depths` and `dims`.
///
/// # Errors
/// The architecture or a setting is not known.
pub fn timm(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let architecture = configuration.text_or("architecture", "")?;
    let variant = VARIANTS.iter().find(|(name, ..)| *name == architecture);
    let (_, blocks, widths) = variant.ok_or_else(|| {
        let known: Vec<&str> = VARIANTS.iter().map(|(name, ..)| *name).collect();
        format!("`architecture` is `{architecture}`; known: {}", known.join(", "))
    })?;
    let arguments = configuration.section("model_args");
    arguments.only(&["depths", "dims"])?;
    Ok(Box::new(ConvNext {
        input: configuration.image_size()?,
        patch: 4,
        depths: depths(&arguments, "depths", *blocks)?,
        widths: arguments.counts_or("dims", *widths)?,
        activation: Activation::Gelu,
        names: TIMM,
    }))
}

fn depths(configuration: &Configuration, name: &str, default: [usize; 4]) -> Result<[usize; 4], String> {
    let depths = configuration.counts_or(name, default)?;
    match depths.iter().any(|depth| *depth > MAX_DEPTH) {
        true => Err(format!("`{name}` has more than {MAX_DEPTH} blocks in a stage")),
        false => Ok(depths),
    }
}

impl ConvNext {
    /// The stage of each block, and its number there.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        self.depths.into_iter().enumerate().flat_map(|(stage, depth)| (0..depth).map(move |at| (stage, at)))
    }

    fn stem(&self, height: usize, width: usize) -> ModelResult<Window, String> {
        Padding::Valid.window(height, width, self.patch, self.patch)
    }

    fn between(height: usize, width: usize) -> ModelResult<Window, String> {
        Padding::Valid.window(height, width, HALF, HALF)
    }
}

impl PretrainedFamily for ConvNext {
    fn input(&self) -> Shape {
        let [channels, height, width] = self.input;
        Shape::Image { channels, height, width }
    }

    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (channels, height, width) = image(input)?;
        if channels != self.input[0] {
            let expected = self.input[0];
            return Err(format!("needs an image of {expected} channels, not {input}"));
        }
        let mut window = self.stem(height, width)?;
        for _ in 1..self.widths.len() {
            window = Self::between(window.rows, window.columns)?;
        }
        Ok(Shape::Image { channels: self.widths[3], height: window.rows, width: window.columns })
    }

    fn blocks(&self) -> usize {
        self.depths.iter().sum()
    }

    fn max_tokens(&self) -> Option<usize> {
        None
    }

    fn prefix(&self) -> &'static str {
        self.names.prefix
    }

    fn sources(&self) -> Vec<WeightSource> {
        let names = &self.names;
        // Weight and bias of a convolution or a norm.
        let both = WeightSource::layer_norm;
        let [stem, norm] = names.stem;
        let mut sources = [both("stem", stem), both("stem.norm", norm)].concat();
        for (index, (stage, at)) in self.places().enumerate() {
            let in_stage = format!("{}.{stage}", names.stages);
            if stage > 0 && at == 0 {
                let between = format!("{in_stage}.{}", names.between);
                sources.extend(both(&format!("{index}.between.norm"), &format!("{between}.0")));
                sources.extend(both(&format!("{index}.between"), &format!("{between}.1")));
            }
            let theirs = |part: &str| format!("{in_stage}.{}.{at}.{part}", names.blocks);
            let [depthwise, norm, up, down] = names.block;
            sources.extend(both(&format!("{index}.depthwise"), &theirs(depthwise)));
            sources.extend(both(&format!("{index}.norm"), &theirs(norm)));
            sources.extend(WeightSource::linear(&format!("{index}.up"), &theirs(up)));
            sources.extend(WeightSource::linear(&format!("{index}.down"), &theirs(down)));
            sources.push(WeightSource::same(format!("{index}.scale.weight"), theirs(names.scale)));
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
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let count = self.blocks();
        let outside = tuning.enter_embeddings(count, weights);
        let linear = Activation::Identity;
        let mut window = self.stem(height, width).map_err(candle_core::Error::msg)?;
        let stem = format!("{name}.stem");
        let full = ConvolutionChannels::full(channels, self.widths[0]);
        let stem_convolution = Conv2d::build(&stem, full, window, linear, true, weights)?;
        let stem_norm = LayerNorm::build(&format!("{stem}.norm"), self.widths[0], EPSILON, weights)?;
        let mut blocks = Vec::with_capacity(count);
        for (index, (stage, at)) in self.places().enumerate() {
            tuning.enter_block(index, count, weights);
            let (name, width) = (format!("{name}.{index}"), self.widths[stage]);
            let between = match stage > 0 && at == 0 {
                true => {
                    let name = format!("{name}.between");
                    let before = self.widths[stage - 1];
                    window = Self::between(window.rows, window.columns).map_err(candle_core::Error::msg)?;
                    let norm = LayerNorm::build(&format!("{name}.norm"), before, EPSILON, weights)?;
                    let full = ConvolutionChannels::full(before, width);
                    Some((norm, Conv2d::build(&name, full, window, linear, true, weights)?))
                }
                false => None,
            };
            let same = Padding::Pixels(KERNEL / 2).window(window.rows, window.columns, KERNEL, 1);
            let same = same.map_err(candle_core::Error::msg)?;
            let part = |part: &str| format!("{name}.{part}");
            let (depthwise, hidden) = (ConvolutionChannels::depthwise(width), EXPANSION * width);
            blocks.push(ConvNextBlock {
                between,
                depthwise: Conv2d::build(&part("depthwise"), depthwise, same, linear, true, weights)?,
                norm: LayerNorm::build(&part("norm"), width, EPSILON, weights)?,
                up: Dense::build(&part("up"), width, hidden, self.activation, true, weights)?,
                down: Dense::projection(&part("down"), hidden, width, weights)?,
                scale: weights.parameter(&part("scale.weight"), &[width], Init::Ones)?,
            });
        }
        tuning.leave(outside, weights);
        Ok(Box::new(BuiltConvNext { stem: stem_convolution, stem_norm, blocks }))
    }
}

/// A built block.
struct ConvNextBlock {
    /// What halves the image before the first block of a stage.
    between: Option<(LayerNorm, Conv2d)>,
    depthwise: Conv2d,
    norm: LayerNorm,
    up: Dense,
    down: Dense,
    /// `[channels]`
    scale: Parameter,
}

/// A built ConvNeXt.
struct BuiltConvNext {
    stem: Conv2d,
    stem_norm: LayerNorm,
    blocks: Vec<ConvNextBlock>,
}

/// Normalizes the channels of each pixel of `x`, `[batch, channels, height, width]`.
fn pixel_norm<O: Ops>(ops: &mut O, norm: &LayerNorm, x: &O::Value) -> ModelResult<O::Value> {
    let pixels = ops.transpose(x, &[0, 2, 3, 1])?;
    let normalized = norm.on(ops, &pixels)?;
    ops.transpose(&normalized, &[0, 3, 1, 2])
}

impl ConvNextBlock {
    fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let x = match &self.between {
            Some((norm, convolution)) => {
                let x = pixel_norm(ops, norm, x)?;
                convolution.on(ops, &x)?
            }
            None => x.clone(),
        };
        let y = self.depthwise.on(ops, &x)?;
        let pixels = ops.transpose(&y, &[0, 2, 3, 1])?;
        let y = self.norm.on(ops, &pixels)?;
        let y = self.up.on(ops, &y)?;
        let y = self.down.on(ops, &y)?;
        let scale = ops.weight(&self.scale)?;
        let y = ops.mul(&y, &scale)?;
        let y = ops.transpose(&y, &[0, 3, 1, 2])?;
        ops.add(&x, &y)
    }
}

impl Layer for BuiltConvNext {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let y = self.stem.on(ops, &x.x)?;
        let mut y = pixel_norm(ops, &self.stem_norm, &y)?;
        for block in &self.blocks {
            y = block.on(ops, &y)?;
        }
        Ok(Activations::plain(y))
    }
}

#[cfg(test)]
mod tests;
