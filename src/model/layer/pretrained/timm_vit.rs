//! Vision transformers with the names of `timm`: `vit_base_patch16_224`, `deit_small_distilled_patch16_224`,
//! `vit_small_patch14_dinov2` and others of these architectures.

use crate::model::activation::Activation;
use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::patch_tokens::PatchOptions;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::vision_transformer::{VisionNames, VisionTransformer};
use crate::model::layer::pretrained::vit::MAX_GRID;
use crate::model::layer::transformer::block::{BlockOptions, NormPosition};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::ops::AttentionSettings;

const NAMES: VisionNames = VisionNames {
    prefix: "model",
    embeddings: ["patch_embed.proj", "pos_embed"],
    tokens: &["cls_token"],
    blocks: "blocks",
    attention: &["attn.qkv"],
    attention_output: "attn.proj",
    norms: ["norm1", "norm2"],
    dense: ["mlp.fc1", "mlp.fc2"],
    scales: None,
    final_norm: "norm",
};

const DISTILLED: VisionNames = VisionNames { tokens: &["cls_token", "dist_token"], ..NAMES };
const SCALED: VisionNames = VisionNames { scales: Some(["ls1.gamma", "ls2.gamma"]), ..NAMES };

/// Width, blocks and heads by size.
const SIZES: [(&str, [usize; 3]); 5] = [
    ("tiny", [192, 12, 3]),
    ("small", [384, 12, 6]),
    ("base", [768, 12, 12]),
    ("large", [1024, 24, 16]),
    ("huge", [1280, 32, 16]),
];
const EPSILON: f64 = 1e-6;

/// What the name of an architecture says.
struct Variant {
    size: [usize; 3],
    patch: usize,
    is_distilled: bool,
    has_scales: bool,
}

impl Variant {
    /// `(vit|deit)_SIZE_[distilled_]patchN[_PIXELS|_dinov2]`
    fn parse(architecture: &str) -> Option<Self> {
        let (family, rest) = architecture.split_once('_')?;
        let (size, rest) = rest.split_once('_')?;
        let (_, size) = SIZES.into_iter().find(|(name, _)| *name == size)?;
        let (is_distilled, rest) = match rest.strip_prefix("distilled_") {
            Some(rest) if family == "deit" => (true, rest),
            _ => (false, rest),
        };
        let (patch, rest) = rest.strip_prefix("patch")?.split_once('_')?;
        let patch = patch.parse().ok().filter(|patch| (1..=1024).contains(patch))?;
        let has_scales = rest == "dinov2" && family == "vit";
        let is_known = matches!(family, "vit" | "deit") && (has_scales || rest.parse::<usize>().is_ok());
        is_known.then_some(Self { size, patch, is_distilled, has_scales })
    }
}

/// Reads the configuration of a vision transformer of `timm`. `model_args` may hold another `embed_dim`,
/// `depth`, `num_heads`, `mlp_ratio`, `patch_size`, `img_size` and `init_values`.
///
/// # Errors
/// The architecture or a setting is not known.
pub fn read(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let architecture = configuration.text_or("architecture", "")?;
    let variant = Variant::parse(architecture).ok_or_else(|| {
        format!(
            "`architecture` is `{architecture}`; known: vit_SIZE_patchN_PIXELS, deit_SIZE_patchN_PIXELS, \
             deit_SIZE_distilled_patchN_PIXELS and vit_SIZE_patchN_dinov2, where SIZE is tiny, small, base, large \
             or huge"
        )
    })?;
    let arguments = configuration.section("model_args");
    let known = ["embed_dim", "depth", "num_heads", "mlp_ratio", "patch_size", "img_size", "init_values"];
    arguments.only(&known)?;
    let [width, depth, heads] = variant.size;
    let width = arguments.count_or("embed_dim", width)?;
    let heads = arguments.count_or("num_heads", heads)?;
    Configuration::check_heads(width, heads)?;
    let hidden = (width as f64 * arguments.number_or("mlp_ratio", 4.0)?) as usize;
    if hidden == 0 {
        return Err("`mlp_ratio` is 0, so that the feed-forward network has no width".into());
    }
    let patch = arguments.count_or("patch_size", variant.patch)?;
    let [channels, height, image_width] = configuration.image_size()?;
    let [height, image_width] = match arguments.has("img_size") {
        true => arguments.sides("img_size")?,
        false => [height, image_width],
    };
    let grid = [height / patch, image_width / patch];
    if grid.contains(&0) || grid.iter().any(|side| *side > MAX_GRID) {
        return Err(format!(
            "images of {height} x {image_width} have {} x {} patches of {patch} pixels; expected 1 to {MAX_GRID}",
            grid[0], grid[1]
        ));
    }
    let (names, tokens): (_, &'static [&'static str]) = match variant.is_distilled {
        true => (DISTILLED, &["class_token", "distillation_token"]),
        false if variant.has_scales || arguments.has("init_values") => (SCALED, &["class_token"]),
        false => (NAMES, &["class_token"]),
    };
    Ok(Box::new(VisionTransformer {
        input: [channels, grid[0] * patch, grid[1] * patch],
        patches: PatchOptions { width, patch, tokens, positions: Some(grid) },
        blocks: arguments.count_or("depth", depth)?,
        block: BlockOptions {
            norm: NormPosition::Pre,
            norm_kind: NormKind::Layer,
            bias: true,
            feed_forward: FeedForwardKind::Plain,
            epsilon: EPSILON,
            heads: AttentionSettings::of(heads),
            attention: AttentionVariant::default(),
            attention_norm: true,
            hidden,
            activation: Activation::Gelu,
            dropout: 0.0,
            hidden_dropout: 0.0,
        },
        dropout: 0.0,
        names,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::layer::pretrained::configuration::Configuration;
    use crate::model::layer::pretrained::image_check::check;
    use crate::model::layer::pretrained::timm_vit::{Variant, read};

    #[test]
    fn vit_equals_timm() {
        check("vit_tiny_patch16_224", 9);
    }

    #[test]
    fn distilled_deit_equals_timm() {
        check("deit_tiny_distilled_patch16_224", 9);
    }

    #[test]
    fn dinov2_equals_timm() {
        check("vit_small_patch14_dinov2", 10);
    }

    #[test]
    fn other_architectures_are_refused() {
        for name in
            ["vit_base_patch32_clip_224", "vit_small_r26_s32_224", "deit3_base_patch16_224", "vit_tiny"]
        {
            assert!(Variant::parse(name).is_none(), "{name}");
        }
        let refused = |name: &str, arguments: serde_json::Value| {
            let json = json!({"architecture": name, "model_args": arguments,
                "pretrained_cfg": {"input_size": [3, 16, 16]}});
            read(&Configuration(&json)).expect_err(name)
        };
        let other = refused("vit_base_patch14_reg4_dinov2", json!({}));
        assert!(
            other.starts_with("`architecture` is `vit_base_patch14_reg4_dinov2`; known: vit_SIZE"),
            "{other}"
        );
        assert_eq!(
            refused("vit_base_patch32_224", json!({})),
            "images of 16 x 16 have 0 x 0 patches of 32 pixels; expected 1 to 4096"
        );
        let other = refused("vit_base_patch16_224", json!({"reg_tokens": 4}));
        assert!(other.contains("reg_tokens"), "{other}");
    }
}
