//! ModernBERT (Warner et al. 2024, arXiv 2412.13663): blocks whose norms come first, with rotary positions
//! and gated feed-forward networks; most blocks attend to near tokens only.

use crate::model::kernel::rotary::{RotaryFrequencies, RotaryScaling};
use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::embeddings::EmbeddingOptions;
use crate::model::layer::pretrained::encoder::{LocalBlocks, TextEncoder, TextNames};
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::rotary_settings::{parameters, theta};
use crate::model::layer::transformer::block::{BlockOptions, NormPosition};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::ops::AttentionSettings;

const NAMES: TextNames = TextNames {
    prefix: "model",
    tables: ["embeddings.tok_embeddings", "", ""],
    first_position: 0,
    embedding_norm: "embeddings.norm",
    projection: "",
    block: ["layers.", ""],
    attention: &["attn.Wqkv"],
    attention_output: "attn.Wo",
    attention_norm: "attn_norm",
    gate: "",
    dense: ["mlp.Wi", "mlp.Wo"],
    dense_norm: "mlp_norm",
    final_norm: "final_norm",
    relative: "",
    relative_norm: "",
    is_in_out: false,
};

/// Reads the configuration of a ModernBERT.
pub fn modernbert(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    for name in ["attention_bias", "mlp_bias"] {
        if configuration.flag_or(name, false)? {
            return Err(format!("`{name}` is true; only false is supported"));
        }
    }
    let width = configuration.count("hidden_size")?;
    let (count, blocks) =
        (configuration.count("num_attention_heads")?, configuration.count("num_hidden_layers")?);
    Configuration::check_heads(width, count)?;
    if !(width / count).is_multiple_of(2) {
        return Err(format!("heads have a width of {}; rotary positions need an even one", width / count));
    }
    let [global, local] = frequencies(configuration)?;
    let epsilon = configuration.number_or("norm_eps", 1e-5)?;
    let norm_kind = match configuration.flag_or("norm_bias", false)? {
        true => NormKind::Layer,
        false => NormKind::LayerWithoutBias,
    };
    Ok(Box::new(TextEncoder {
        embeddings: EmbeddingOptions {
            vocabulary: configuration.count("vocab_size")?,
            width,
            token_scale: 1.0,
            is_sinusoidal: false,
            positions: 0,
            segments: 0,
            norm_kind,
            epsilon: Some(epsilon),
            dropout: configuration.number_or("embedding_dropout", 0.0)?,
            projected: None,
        },
        max_tokens: Some(configuration.count("max_position_embeddings")?),
        width,
        blocks,
        repeats: 1,
        block: BlockOptions {
            norm: NormPosition::Pre,
            norm_kind,
            epsilon,
            bias: false,
            heads: AttentionSettings {
                rotary: Some(global),
                dropout: configuration.number_or("attention_dropout", 0.0)?,
                ..AttentionSettings::of(count)
            },
            attention: AttentionVariant::default(),
            attention_norm: false,
            feed_forward: FeedForwardKind::GatedTogether,
            hidden: configuration.count("intermediate_size")?,
            activation: configuration.activation("hidden_activation", "gelu")?,
            dropout: 0.0,
            hidden_dropout: configuration.number_or("mlp_dropout", 0.0)?,
        },
        local: Some(LocalBlocks {
            blocks: local_blocks(configuration, blocks)?,
            // `local_attention` counts the steps on both sides.
            window: configuration.count_or("local_attention", 128)? / 2,
            rotary: Some(local),
        }),
        relative: None,
        final_dropout: 0.0,
        convolution: None,
        logits: None,
        decoder: None,
        names: NAMES,
    }))
}

/// The rotary frequencies of global and of local blocks.
fn frequencies(configuration: &Configuration) -> Result<[RotaryFrequencies; 2], String> {
    const GLOBAL: f64 = 160_000.0;
    const LOCAL: f64 = 10_000.0;
    if configuration.has("rope_parameters") {
        let kinds = configuration.section("rope_parameters");
        return Ok([
            parameters(&kinds.section("full_attention"), GLOBAL)?,
            parameters(&kinds.section("sliding_attention"), LOCAL)?,
        ]);
    }
    // As transformers 4 wrote them.
    let plain = |theta| RotaryFrequencies { theta, scaling: RotaryScaling::None };
    Ok([
        plain(theta(configuration, "global_rope_theta", GLOBAL)?),
        plain(theta(configuration, "local_rope_theta", LOCAL)?),
    ])
}

/// Whether each block is local: by name, or all but every `global_attn_every_n_layers`th.
fn local_blocks(configuration: &Configuration, blocks: usize) -> Result<Vec<bool>, String> {
    let kinds = configuration.names("layer_types")?;
    if kinds.is_empty() {
        let every = configuration.count_or("global_attn_every_n_layers", 3)?;
        return Ok((0..blocks).map(|block| !block.is_multiple_of(every)).collect());
    }
    if kinds.len() != blocks {
        let found = kinds.len();
        return Err(format!("`layer_types` has {found} names; expected one for each of {blocks} layers"));
    }
    Ok(kinds.iter().map(|kind| *kind == "sliding_attention").collect())
}
