//! Encoders of inverted residual blocks: MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381), EfficientNet
//! (Tan & Le 2019, arXiv 1905.11946: squeeze-and-excitation and SiLU) and EfficientNet-lite (without
//! squeeze-and-excitation and with ReLU6), with the names of `timm`.

use crate::model::activation::Activation;
use crate::model::layer::conv2d::ConvolutionChannels;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::conv_net::{ConvBlockPlan, ConvNetPlan, ConvPlan, ShortcutPlan};
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::squeeze::SqueezePlan;

/// Blocks of a stage; the first has its stride.
struct MobileStage {
    blocks: usize,
    kernel: usize,
    stride: usize,
    /// Channels of the depthwise convolution per channel of the input.
    expansion: usize,
    filters: usize,
}

const fn stage(blocks: usize, kernel: usize, stride: usize, expansion: usize, filters: usize) -> MobileStage {
    MobileStage { blocks, kernel, stride, expansion, filters }
}

const EFFICIENTNET: [MobileStage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];

const MOBILENET_V2: [MobileStage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(3, 3, 2, 6, 32),
    stage(4, 3, 2, 6, 64),
    stage(3, 3, 1, 6, 96),
    stage(3, 3, 2, 6, 160),
    stage(1, 3, 1, 6, 320),
];

/// Channels of the stem and of the features, before scaling.
const STEM: usize = 32;
const FEATURES: usize = 1280;
/// Larger factors are a mistake, and would make a network that no memory holds.
const MAX_MULTIPLIER: f64 = 16.0;

/// An architecture of `timm`.
struct MobileVariant {
    name: &'static str,
    stages: &'static [MobileStage; 7],
    /// Factors of the numbers of channels and of blocks.
    width: f64,
    depth: f64,
    /// Whether stem, features, and the depth of the first and last stage are not scaled.
    fixed_ends: bool,
    /// Whether blocks have squeeze-and-excitation, and SiLU in place of ReLU6.
    squeezes: bool,
}

const fn lite(name: &'static str, width: f64, depth: f64) -> MobileVariant {
    // EfficientNet-lite does not scale its features either.
    MobileVariant { fixed_ends: true, squeezes: false, ..efficientnet(name, width, depth) }
}

const fn efficientnet(name: &'static str, width: f64, depth: f64) -> MobileVariant {
    MobileVariant { name, stages: &EFFICIENTNET, width, depth, fixed_ends: false, squeezes: true }
}

const fn mobile(name: &'static str, width: f64, depth: f64, fixed_ends: bool) -> MobileVariant {
    MobileVariant { name, stages: &MOBILENET_V2, width, depth, fixed_ends, squeezes: false }
}

const VARIANTS: [MobileVariant; 19] = [
    efficientnet("efficientnet_b0", 1.0, 1.0),
    efficientnet("efficientnet_b1", 1.0, 1.1),
    efficientnet("efficientnet_b2", 1.1, 1.2),
    efficientnet("efficientnet_b3", 1.2, 1.4),
    efficientnet("efficientnet_b4", 1.4, 1.8),
    efficientnet("efficientnet_b5", 1.6, 2.2),
    efficientnet("efficientnet_b6", 1.8, 2.6),
    efficientnet("efficientnet_b7", 2.0, 3.1),
    lite("efficientnet_lite0", 1.0, 1.0),
    lite("efficientnet_lite1", 1.0, 1.1),
    lite("efficientnet_lite2", 1.1, 1.2),
    lite("efficientnet_lite3", 1.2, 1.4),
    lite("efficientnet_lite4", 1.4, 1.8),
    mobile("mobilenetv2_050", 0.5, 1.0, false),
    mobile("mobilenetv2_075", 0.75, 1.0, false),
    mobile("mobilenetv2_100", 1.0, 1.0, false),
    mobile("mobilenetv2_110d", 1.1, 1.2, true),
    mobile("mobilenetv2_120d", 1.2, 1.4, true),
    mobile("mobilenetv2_140", 1.4, 1.0, false),
];

/// Reads the configuration of an EfficientNet, an EfficientNet-lite or a MobileNetV2. `tf_` before the name
/// means the padding and the epsilon of TensorFlow; `model_args` may hold other factors.
///
/// # Errors
/// The architecture or a setting is not known.
pub fn read(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let architecture = configuration.text_or("architecture", "")?;
    let (name, is_tensorflow) = match architecture.strip_prefix("tf_") {
        Some(name) => (name, true),
        None => (architecture, false),
    };
    let variant = VARIANTS.iter().find(|variant| variant.name == name).ok_or_else(|| {
        let known: Vec<&str> = VARIANTS.iter().map(|variant| variant.name).collect();
        format!("`architecture` is `{architecture}`; known: {}", known.join(", "))
    })?;
    let arguments = configuration.section("model_args");
    arguments.only(&["channel_multiplier", "depth_multiplier"])?;
    let width = arguments.number_or("channel_multiplier", variant.width)?;
    let depth = arguments.number_or("depth_multiplier", variant.depth)?;
    if width.max(depth) > MAX_MULTIPLIER {
        return Err(format!("`model_args` has a multiplier of more than {MAX_MULTIPLIER}"));
    }
    let scaled = |channels: usize| divisible(channels as f64 * width);
    let stem = if variant.fixed_ends { STEM } else { scaled(STEM) };
    let features = match (variant.fixed_ends, variant.squeezes) {
        (true, _) => FEATURES,
        (false, true) => scaled(FEATURES),
        // Narrow MobileNets keep their features.
        (false, false) => scaled(FEATURES).max(FEATURES),
    };
    let input = configuration.image_size()?;
    let activation = activation(variant.squeezes);
    let mut channels = stem;
    let mut blocks = Vec::new();
    for (number, stage) in variant.stages.iter().enumerate() {
        let is_end = number == 0 || number + 1 == variant.stages.len();
        let depth = if variant.fixed_ends && is_end { 1.0 } else { depth };
        let filters = scaled(stage.filters);
        for index in 0..((stage.blocks as f64 * depth).ceil() as usize).max(1) {
            let stride = if index == 0 { stage.stride } else { 1 };
            let theirs = format!("blocks.{number}.{index}");
            let names = (blocks.len(), theirs.as_str());
            blocks.push(block(names, stage, [channels, filters], stride, variant.squeezes));
            channels = filters;
        }
    }
    let head = ConvolutionChannels::full(channels, features);
    let names = [&format!("{}.head", blocks.len()), "conv_head", "bn2"];
    let head = convolution(names, head, [1, 1], activation);
    blocks.push(ConvBlockPlan {
        convolutions: vec![head],
        shortcut: ShortcutPlan::Nothing,
        activation: Activation::Identity,
    });
    let channels = ConvolutionChannels::full(input[0], stem);
    Ok(Box::new(ConvNetPlan {
        input,
        stem: convolution(["stem", "conv_stem", "bn1"], channels, [3, 2], activation),
        pools: false,
        blocks,
        pads_as_tensorflow: is_tensorflow,
        epsilon: if is_tensorflow { 1e-3 } else { 1e-5 },
    }))
}

fn activation(squeezes: bool) -> Activation {
    if squeezes { Activation::Silu } else { Activation::Relu6 }
}

/// A convolution with our name, and theirs of it and of its normalization.
fn convolution(
    [ours, convolution, norm]: [&str; 3],
    channels: ConvolutionChannels,
    [kernel, stride]: [usize; 2],
    activation: Activation,
) -> ConvPlan {
    let [ours, convolution, norm] = [ours, convolution, norm].map(str::to_owned);
    ConvPlan { ours, convolution, norm, channels, kernel, stride, activation, squeeze: None }
}

/// An inverted residual block: expansion, depthwise convolution, squeeze-and-excitation, linear projection.
fn block(
    (index, theirs): (usize, &str),
    stage: &MobileStage,
    [channels, filters]: [usize; 2],
    stride: usize,
    squeezes: bool,
) -> ConvBlockPlan {
    let hidden = divisible((channels * stage.expansion) as f64);
    let expands = stage.expansion > 1;
    let part = |ours: &str, theirs_part: &str, norm: usize, channels, size| {
        let (ours, norm) = (format!("{index}.{ours}"), format!("{theirs}.bn{norm}"));
        let names = [ours.as_str(), &format!("{theirs}.{theirs_part}"), norm.as_str()];
        convolution(names, channels, size, activation(squeezes))
    };
    let mut convolutions = Vec::with_capacity(3);
    if expands {
        convolutions.push(part("expand", "conv_pw", 1, ConvolutionChannels::full(channels, hidden), [1, 1]));
    }
    let first = convolutions.len() + 1;
    let depthwise = ConvolutionChannels::depthwise(hidden);
    convolutions.push(ConvPlan {
        squeeze: squeezes.then(|| SqueezePlan {
            theirs: format!("{theirs}.se"),
            channels: hidden,
            // A quarter of the block's input, which is a multiple of 8.
            hidden: channels / 4,
            activation: activation(squeezes),
            gate: Activation::Sigmoid,
        }),
        ..part("depthwise", "conv_dw", first, depthwise, [stage.kernel, stride])
    });
    let name = if expands { "conv_pwl" } else { "conv_pw" };
    let project = part("project", name, first + 1, ConvolutionChannels::full(hidden, filters), [1, 1]);
    convolutions.push(ConvPlan { activation: Activation::Identity, ..project });
    let adds = stride == 1 && channels == filters;
    ConvBlockPlan {
        convolutions,
        shortcut: if adds { ShortcutPlan::Input } else { ShortcutPlan::Nothing },
        activation: Activation::Identity,
    }
}

/// The multiple of 8 next to a number of channels, at least 8 and at least nine tenths of it, as in the
/// code of MobileNet's authors.
pub fn divisible(channels: f64) -> usize {
    let near = (((channels + 4.0) as usize) / 8 * 8).max(8);
    if (near as f64) < 0.9 * channels { near + 8 } else { near }
}
