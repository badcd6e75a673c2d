//! Encoders of inverted residual blocks: MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) and
//! EfficientNet-lite (EfficientNet of Tan & Le 2019, arXiv 1905.11946, without squeeze-and-excitation and
//! with ReLU6), with the names of `timm`.

use crate::model::activation::Activation;
use crate::model::layer::conv2d::ConvolutionChannels;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::conv_net::{ConvBlockPlan, ConvNetPlan, ConvPlan, ShortcutPlan};
use crate::model::layer::pretrained::family::PretrainedFamily;

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

const EFFICIENTNET_LITE: [MobileStage; 7] = [
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
}

const fn lite(name: &'static str, width: f64, depth: f64) -> MobileVariant {
    // EfficientNet-lite does not scale its features either.
    MobileVariant { name, stages: &EFFICIENTNET_LITE, width, depth, fixed_ends: true }
}

const fn mobile(name: &'static str, width: f64, depth: f64, fixed_ends: bool) -> MobileVariant {
    MobileVariant { name, stages: &MOBILENET_V2, width, depth, fixed_ends }
}

const VARIANTS: [MobileVariant; 11] = [
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

/// Reads the configuration of an EfficientNet-lite or a MobileNetV2. `tf_` before the name means the
/// padding and the epsilon of TensorFlow; `model_args` may hold other factors.
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
    let features = if variant.fixed_ends { FEATURES } else { scaled(FEATURES).max(FEATURES) };
    let input = configuration.image_size()?;
    let mut channels = stem;
    let mut blocks = Vec::new();
    for (number, stage) in variant.stages.iter().enumerate() {
        let is_end = number == 0 || number + 1 == variant.stages.len();
        let depth = if variant.fixed_ends && is_end { 1.0 } else { depth };
        let filters = scaled(stage.filters);
        for index in 0..((stage.blocks as f64 * depth).ceil() as usize).max(1) {
            let stride = if index == 0 { stage.stride } else { 1 };
            let theirs = format!("blocks.{number}.{index}");
            blocks.push(block(blocks.len(), &theirs, stage, channels, filters, stride));
            channels = filters;
        }
    }
    let head = ConvolutionChannels::full(channels, features);
    let head = relu6(format!("{}.head", blocks.len()), "conv_head".into(), "bn2".into(), head, 1, 1);
    blocks.push(ConvBlockPlan {
        convolutions: vec![head],
        shortcut: ShortcutPlan::Nothing,
        activation: Activation::Identity,
    });
    let channels = ConvolutionChannels::full(input[0], stem);
    Ok(Box::new(ConvNetPlan {
        input,
        stem: relu6("stem".into(), "conv_stem".into(), "bn1".into(), channels, 3, 2),
        pools: false,
        blocks,
        pads_as_tensorflow: is_tensorflow,
        epsilon: if is_tensorflow { 1e-3 } else { 1e-5 },
    }))
}

fn relu6(
    ours: String,
    convolution: String,
    norm: String,
    channels: ConvolutionChannels,
    kernel: usize,
    stride: usize,
) -> ConvPlan {
    ConvPlan {
        ours,
        convolution,
        norm,
        channels,
        kernel,
        stride,
        activation: Activation::Relu6,
        squeeze: None,
    }
}

/// An inverted residual block: expansion, depthwise convolution, linear projection.
fn block(
    index: usize,
    theirs: &str,
    stage: &MobileStage,
    channels: usize,
    filters: usize,
    stride: usize,
) -> ConvBlockPlan {
    let hidden = divisible((channels * stage.expansion) as f64);
    let expands = stage.expansion > 1;
    let part = |ours: &str, theirs_part: &str, norm: usize, channels, kernel, stride| {
        let (convolution, norm) = (format!("{theirs}.{theirs_part}"), format!("{theirs}.bn{norm}"));
        relu6(format!("{index}.{ours}"), convolution, norm, channels, kernel, stride)
    };
    let mut convolutions = Vec::with_capacity(3);
    if expands {
        convolutions.push(part("expand", "conv_pw", 1, ConvolutionChannels::full(channels, hidden), 1, 1));
    }
    let depthwise = ConvolutionChannels::depthwise(hidden);
    let first = convolutions.len() + 1;
    convolutions.push(part("depthwise", "conv_dw", first, depthwise, stage.kernel, stride));
    let name = if expands { "conv_pwl" } else { "conv_pw" };
    let project = ConvolutionChannels::full(hidden, filters);
    let project = part("project", name, first + 1, project, 1, 1);
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
