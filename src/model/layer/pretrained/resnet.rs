//! ResNet (He et al. 2016, arXiv 1512.03385) with the names of `timm` and torchvision: blocks of two 3 x 3
//! convolutions, or bottlenecks with the stride at their 3 x 3 convolution.

use crate::model::activation::Activation;
use crate::model::layer::conv2d::ConvolutionChannels;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::conv_net::{ConvBlockPlan, ConvNetPlan, ConvPlan, ShortcutPlan};
use crate::model::layer::pretrained::family::PretrainedFamily;

/// Architectures: their blocks in each stage, and whether these are bottlenecks.
const VARIANTS: [(&str, [usize; 4], bool); 5] = [
    ("resnet18", [2, 2, 2, 2], false),
    ("resnet34", [3, 4, 6, 3], false),
    ("resnet50", [3, 4, 6, 3], true),
    ("resnet101", [3, 4, 23, 3], true),
    ("resnet152", [3, 8, 36, 3], true),
];

const STEM: usize = 64;
const WIDTHS: [usize; 4] = [64, 128, 256, 512];
/// Channels of a bottleneck's output per channel inside.
const EXPANSION: usize = 4;
/// More blocks in a stage are a mistake, and would make a network that no memory holds.
const MAX_DEPTH: usize = 1000;

/// Reads the configuration of a ResNet. `model_args` may hold other `layers` and `channels`.
///
/// # Errors
/// The architecture or a setting is not known.
pub fn read(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let architecture = configuration.text_or("architecture", "")?;
    let variant = VARIANTS.iter().find(|(name, ..)| *name == architecture);
    let (_, depths, is_bottleneck) = variant.ok_or_else(|| {
        let known: Vec<&str> = VARIANTS.iter().map(|(name, ..)| *name).collect();
        format!("`architecture` is `{architecture}`; known: {}", known.join(", "))
    })?;
    let arguments = configuration.section("model_args");
    arguments.only(&["layers", "channels"])?;
    let depths = arguments.counts_or("layers", *depths)?;
    if depths.iter().any(|depth| *depth > MAX_DEPTH) {
        return Err(format!("`model_args` has more than {MAX_DEPTH} `layers` in a stage"));
    }
    let widths = arguments.counts_or("channels", WIDTHS)?;
    let input = configuration.image_size()?;
    let mut channels = STEM;
    let mut blocks = Vec::new();
    for (stage, (depth, width)) in depths.into_iter().zip(widths).enumerate() {
        for index in 0..depth {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            let names = (format!("{}", blocks.len()), format!("layer{}.{index}", stage + 1));
            let filters = if *is_bottleneck { width * EXPANSION } else { width };
            blocks.push(block(names, channels, width, filters, stride));
            channels = filters;
        }
    }
    let stem = ConvolutionChannels::full(input[0], STEM);
    Ok(Box::new(ConvNetPlan {
        input,
        stem: relu("stem".into(), "conv1".into(), "bn1".into(), stem, 7, 2),
        pools: true,
        blocks,
        pads_as_tensorflow: false,
        epsilon: 1e-5,
    }))
}

fn relu(
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
        activation: Activation::Relu,
        squeeze: None,
    }
}

/// A block with our name and theirs: a bottleneck if its `filters` are more than its `width`.
fn block(
    (ours, theirs): (String, String),
    channels: usize,
    width: usize,
    filters: usize,
    stride: usize,
) -> ConvBlockPlan {
    let part = |number: usize, from: usize, to: usize, kernel: usize, stride: usize| {
        let (convolution, norm) = (format!("{theirs}.conv{number}"), format!("{theirs}.bn{number}"));
        let channels = ConvolutionChannels::full(from, to);
        relu(format!("{ours}.conv{number}"), convolution, norm, channels, kernel, stride)
    };
    let mut convolutions = match filters > width {
        true => vec![
            part(1, channels, width, 1, 1),
            part(2, width, width, 3, stride),
            part(3, width, filters, 1, 1),
        ],
        false => vec![part(1, channels, width, 3, stride), part(2, width, filters, 3, 1)],
    };
    if let Some(last) = convolutions.last_mut() {
        last.activation = Activation::Identity;
    }
    let shortcut = match stride == 1 && channels == filters {
        true => ShortcutPlan::Input,
        false => ShortcutPlan::Projection(ConvPlan {
            ours: format!("{ours}.projection"),
            convolution: format!("{theirs}.downsample.0"),
            norm: format!("{theirs}.downsample.1"),
            channels: ConvolutionChannels::full(channels, filters),
            kernel: 1,
            stride,
            activation: Activation::Identity,
            squeeze: None,
        }),
    };
    ConvBlockPlan { convolutions, shortcut, activation: Activation::Relu }
}
