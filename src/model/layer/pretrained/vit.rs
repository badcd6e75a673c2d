//! ViT (Dosovitskiy et al. 2021, arXiv 2010.11929) and families of the same architecture.
//!
//! - DeiT (Touvron et al. 2021, arXiv 2012.12877): a distillation token after the class token.
//! - DINOv2 (Oquab et al. 2023, arXiv 2304.07193): the parts of a block are scaled.

use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::patch_tokens::PatchOptions;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::vision_transformer::{VisionNames, VisionTransformer};
use crate::model::layer::transformer::block::{BlockOptions, NormPosition};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::ops::AttentionSettings;

const VIT: VisionNames = VisionNames {
    prefix: "vit",
    embeddings: ["embeddings.patch_embeddings.projection", "embeddings.position_embeddings"],
    tokens: &["embeddings.cls_token"],
    blocks: "encoder.layer",
    attention: &["attention.attention.query", "attention.attention.key", "attention.attention.value"],
    attention_output: "attention.output.dense",
    norms: ["layernorm_before", "layernorm_after"],
    dense: ["intermediate.dense", "output.dense"],
    scales: None,
    final_norm: "layernorm",
};

const DEIT: VisionNames =
    VisionNames { prefix: "deit", tokens: &["embeddings.cls_token", "embeddings.distillation_token"], ..VIT };

const DINOV2: VisionNames = VisionNames {
    prefix: "dinov2",
    norms: ["norm1", "norm2"],
    dense: ["mlp.fc1", "mlp.fc2"],
    scales: Some(["layer_scale1.lambda1", "layer_scale2.lambda1"]),
    ..VIT
};

/// More patches in a row are a mistake, and would make a sequence that no memory holds.
pub(super) const MAX_GRID: usize = 4096;

/// Reads the configuration of a ViT.
pub fn vit(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let hidden = configuration.count("intermediate_size")?;
    Ok(Box::new(encoder(configuration, VIT, &["class_token"], hidden, 1e-12)?))
}

/// Reads the configuration of a DeiT.
pub fn deit(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let hidden = configuration.count("intermediate_size")?;
    let tokens = &["class_token", "distillation_token"];
    Ok(Box::new(encoder(configuration, DEIT, tokens, hidden, 1e-12)?))
}

/// Reads the configuration of a DINOv2.
pub fn dinov2(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    if configuration.flag_or("use_swiglu_ffn", false)? {
        return Err("`use_swiglu_ffn` is true; only false is supported".into());
    }
    let rate = configuration.number_or("drop_path_rate", 0.0)?;
    if rate > 0.0 {
        return Err(format!("`drop_path_rate` is {rate}; only 0 is supported"));
    }
    let ratio = configuration.number_or("mlp_ratio", 4.0)?;
    let hidden = (configuration.count("hidden_size")? as f64 * ratio) as usize;
    if hidden == 0 {
        return Err(format!("`mlp_ratio` is {ratio}, so that the feed-forward network has no width"));
    }
    Ok(Box::new(encoder(configuration, DINOV2, &["class_token"], hidden, 1e-6)?))
}

fn encoder(
    configuration: &Configuration,
    names: VisionNames,
    tokens: &'static [&'static str],
    hidden: usize,
    epsilon: f64,
) -> Result<VisionTransformer, String> {
    if !configuration.flag_or("qkv_bias", true)? {
        return Err("`qkv_bias` is false; only true is supported".into());
    }
    let width = configuration.count("hidden_size")?;
    let count = configuration.count("num_attention_heads")?;
    Configuration::check_heads(width, count)?;
    let attention_dropout = configuration.number_or("attention_probs_dropout_prob", 0.0)?;
    let dropout = configuration.number_or("hidden_dropout_prob", 0.0)?;
    let (patch, channels) = (configuration.count("patch_size")?, configuration.count_or("num_channels", 3)?);
    let [height, image_width] = configuration.sides("image_size")?;
    // Pixels that fill no patch are left out, as the convolution of the reference does.
    let grid = [height / patch, image_width / patch];
    if grid.iter().any(|side| *side > MAX_GRID) {
        return Err(format!(
            "`image_size` has more than {MAX_GRID} patches of {patch} pixels in a row or column"
        ));
    }
    if grid.contains(&0) {
        return Err(format!(
            "`patch_size` is {patch}, more than the {height} x {image_width} of `image_size`"
        ));
    }
    Ok(VisionTransformer {
        input: [channels, grid[0] * patch, grid[1] * patch],
        patches: PatchOptions { width, patch, tokens, positions: Some(grid) },
        blocks: configuration.count("num_hidden_layers")?,
        block: BlockOptions {
            norm: NormPosition::Pre,
            norm_kind: NormKind::Layer,
            bias: true,
            feed_forward: FeedForwardKind::Plain,
            epsilon: configuration.number_or("layer_norm_eps", epsilon)?,
            heads: AttentionSettings { dropout: attention_dropout, ..AttentionSettings::of(count) },
            attention: AttentionVariant::default(),
            attention_norm: true,
            hidden,
            activation: configuration.activation("hidden_act", "gelu")?,
            dropout,
            hidden_dropout: 0.0,
        },
        dropout,
        names,
    })
}
