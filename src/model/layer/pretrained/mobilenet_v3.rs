//! MobileNetV3 (Howard et al. 2019, arXiv 1905.02244) with the names of `timm`: inverted residual blocks,
//! some with squeeze-and-excitation. The features are those of the last block, before pooling.

use crate::model::activation::Activation;
use crate::model::layer::conv2d::ConvolutionChannels;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::conv_net::{ConvBlockPlan, ConvNetPlan, ConvPlan, ShortcutPlan};
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::inverted_residual::divisible;
use crate::model::layer::pretrained::squeeze::SqueezePlan;

/// A block: of its stage, with a kernel, a stride, an expansion, and so many channels after it.
#[derive(Clone, Copy)]
struct BlockSpec {
    stage: usize,
    kernel: usize,
    stride: usize,
    /// Channels of the depthwise convolution per channel of the input; 0: no 1 x 1 convolution before it.
    expansion: f64,
    filters: usize,
    squeezes: bool,
    activation: Activation,
}

const fn relu(stage: usize, size: [usize; 2], expansion: f64, filters: usize, squeezes: bool) -> BlockSpec {
    let [kernel, stride] = size;
    BlockSpec { stage, kernel, stride, expansion, filters, squeezes, activation: Activation::Relu }
}

const fn swish(stage: usize, size: [usize; 2], expansion: f64, filters: usize, squeezes: bool) -> BlockSpec {
    BlockSpec { activation: Activation::HardSwish, ..relu(stage, size, expansion, filters, squeezes) }
}

const LARGE: [BlockSpec; 15] = [
    relu(0, [3, 1], 0.0, 16, false),
    relu(1, [3, 2], 4.0, 24, false),
    relu(1, [3, 1], 3.0, 24, false),
    relu(2, [5, 2], 3.0, 40, true),
    relu(2, [5, 1], 3.0, 40, true),
    relu(2, [5, 1], 3.0, 40, true),
    swish(3, [3, 2], 6.0, 80, false),
    swish(3, [3, 1], 2.5, 80, false),
    swish(3, [3, 1], 2.3, 80, false),
    swish(3, [3, 1], 2.3, 80, false),
    swish(4, [3, 1], 6.0, 112, true),
    swish(4, [3, 1], 6.0, 112, true),
    swish(5, [5, 2], 6.0, 160, true),
    swish(5, [5, 1], 6.0, 160, true),
    swish(5, [5, 1], 6.0, 160, true),
];

const SMALL: [BlockSpec; 11] = [
    relu(0, [3, 2], 0.0, 16, true),
    relu(1, [3, 2], 4.5, 24, false),
    relu(1, [3, 1], 3.67, 24, false),
    swish(2, [5, 2], 4.0, 40, true),
    swish(2, [5, 1], 6.0, 40, true),
    swish(2, [5, 1], 6.0, 40, true),
    swish(3, [5, 1], 3.0, 48, true),
    swish(3, [5, 1], 3.0, 48, true),
    swish(4, [5, 2], 6.0, 96, true),
    swish(4, [5, 1], 6.0, 96, true),
    swish(4, [5, 1], 6.0, 96, true),
];

/// An architecture: its blocks, the channels after them, and the factor of the numbers of channels.
struct MobileV3Variant {
    name: &'static str,
    blocks: &'static [BlockSpec],
    features: usize,
    width: f64,
}

const fn large(name: &'static str, width: f64) -> MobileV3Variant {
    MobileV3Variant { name, blocks: &LARGE, features: 960, width }
}

const fn small(name: &'static str, width: f64) -> MobileV3Variant {
    MobileV3Variant { name, blocks: &SMALL, features: 576, width }
}

const VARIANTS: [MobileV3Variant; 5] = [
    large("mobilenetv3_large_075", 0.75),
    large("mobilenetv3_large_100", 1.0),
    small("mobilenetv3_small_050", 0.5),
    small("mobilenetv3_small_075", 0.75),
    small("mobilenetv3_small_100", 1.0),
];

/// Channels of the stem; narrower networks than this factor do not scale it.
const STEM: usize = 16;
const SCALED_STEM: f64 = 0.75;
/// Larger factors are a mistake, and would make a network that no memory holds.
const MAX_MULTIPLIER: f64 = 16.0;
/// Hidden channels of a squeeze-and-excitation per channel.
const SQUEEZE: f64 = 0.25;

/// Reads the configuration of a MobileNetV3. `tf_` before the name means the padding and the epsilon of
/// TensorFlow; `model_args` may hold another `channel_multiplier`.
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
    arguments.only(&["channel_multiplier"])?;
    let width = arguments.number_or("channel_multiplier", variant.width)?;
    if width > MAX_MULTIPLIER {
        return Err(format!("`model_args` has a multiplier of more than {MAX_MULTIPLIER}"));
    }
    let scaled = |channels: usize| divisible(channels as f64 * width);
    let stem = if width < SCALED_STEM { STEM } else { scaled(STEM) };
    let input = configuration.image_size()?;
    let (mut channels, mut stage, mut number) = (stem, 0, 0);
    let mut blocks = Vec::with_capacity(variant.blocks.len() + 1);
    for spec in variant.blocks {
        number = if spec.stage == stage { number } else { 0 };
        stage = spec.stage;
        let filters = scaled(spec.filters);
        let names = (format!("{}", blocks.len()), format!("blocks.{stage}.{number}"));
        blocks.push(block(names, spec, channels, filters));
        (channels, number) = (filters, number + 1);
    }
    let theirs = format!("blocks.{}.0", stage + 1);
    let last = ConvolutionChannels::full(channels, scaled(variant.features));
    blocks.push(ConvBlockPlan {
        convolutions: vec![ConvPlan {
            ours: format!("{}.last", blocks.len()),
            convolution: format!("{theirs}.conv"),
            norm: format!("{theirs}.bn1"),
            channels: last,
            kernel: 1,
            stride: 1,
            activation: Activation::HardSwish,
            squeeze: None,
        }],
        shortcut: ShortcutPlan::Nothing,
        activation: Activation::Identity,
    });
    Ok(Box::new(ConvNetPlan {
        input,
        stem: ConvPlan {
            ours: "stem".into(),
            convolution: "conv_stem".into(),
            norm: "bn1".into(),
            channels: ConvolutionChannels::full(input[0], stem),
            kernel: 3,
            stride: 2,
            activation: Activation::HardSwish,
            squeeze: None,
        },
        pools: false,
        blocks,
        pads_as_tensorflow: is_tensorflow,
        epsilon: if is_tensorflow { 1e-3 } else { 1e-5 },
    }))
}

/// A block with our name and theirs: expansion, depthwise convolution, squeeze-and-excitation, projection.
fn block(
    (ours, theirs): (String, String),
    spec: &BlockSpec,
    channels: usize,
    filters: usize,
) -> ConvBlockPlan {
    let expands = spec.expansion > 0.0;
    let hidden = if expands { divisible(channels as f64 * spec.expansion) } else { channels };
    let part = |own: &str, their: &str, norm: usize, channels| ConvPlan {
        ours: format!("{ours}.{own}"),
        convolution: format!("{theirs}.{their}"),
        norm: format!("{theirs}.bn{norm}"),
        channels,
        kernel: 1,
        stride: 1,
        activation: spec.activation,
        squeeze: None,
    };
    let mut convolutions = Vec::with_capacity(3);
    if expands {
        convolutions.push(part("expand", "conv_pw", 1, ConvolutionChannels::full(channels, hidden)));
    }
    let first = convolutions.len() + 1;
    convolutions.push(ConvPlan {
        kernel: spec.kernel,
        stride: spec.stride,
        squeeze: spec.squeezes.then(|| SqueezePlan {
            theirs: format!("{theirs}.se"),
            channels: hidden,
            hidden: divisible(hidden as f64 * SQUEEZE),
            activation: Activation::Relu,
            gate: Activation::HardSigmoid,
        }),
        ..part("depthwise", "conv_dw", first, ConvolutionChannels::depthwise(hidden))
    });
    let name = if expands { "conv_pwl" } else { "conv_pw" };
    let project = part("project", name, first + 1, ConvolutionChannels::full(hidden, filters));
    convolutions.push(ConvPlan { activation: Activation::Identity, ..project });
    let adds = spec.stride == 1 && channels == filters;
    ConvBlockPlan {
        convolutions,
        shortcut: if adds { ShortcutPlan::Input } else { ShortcutPlan::Nothing },
        activation: Activation::Identity,
    }
}
