//! Llama (Touvron et al. 2023, arXiv 2302.13971; Grattafiori et al. 2024, arXiv 2407.21783) and families of
//! the same architecture: causal blocks whose norms come first, with root mean square norms, rotary
//! positions, grouped-query attention and a gated feed-forward network.
//!
//! - Mistral (Jiang et al. 2023, arXiv 2310.06825): attention may be limited to a window.
//! - Qwen2 (Yang et al. 2024, arXiv 2407.10671): queries, keys and values have a bias; later blocks may have
//!   a window.

use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::embeddings::EmbeddingOptions;
use crate::model::layer::pretrained::encoder::{LocalBlocks, TextEncoder, TextNames};
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::rotary_settings::rotary;
use crate::model::layer::transformer::block::{BlockOptions, NormPosition};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::ops::AttentionSettings;

const NAMES: TextNames = TextNames {
    prefix: "model",
    tables: ["embed_tokens", "", ""],
    first_position: 0,
    embedding_norm: "",
    projection: "",
    block: ["layers.", ""],
    attention: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    attention_output: "self_attn.o_proj",
    attention_norm: "input_layernorm",
    gate: "mlp.gate_proj",
    dense: ["mlp.up_proj", "mlp.down_proj"],
    dense_norm: "post_attention_layernorm",
    final_norm: "norm",
    relative: "",
    relative_norm: "",
    is_in_out: false,
};

/// Reads the configuration of a Llama.
pub fn llama(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    for name in ["attention_bias", "mlp_bias"] {
        if configuration.flag_or(name, false)? {
            return Err(format!("`{name}` is true; only false is supported"));
        }
    }
    Ok(Box::new(decoder(configuration, false)?))
}

/// Reads the configuration of a Mistral.
pub fn mistral(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let mut decoder = decoder(configuration, false)?;
    if configuration.has("sliding_window") {
        decoder.local = Some(local(configuration, &decoder, vec![true; decoder.blocks])?);
    }
    Ok(Box::new(decoder))
}

/// Reads the configuration of a Qwen2.
pub fn qwen2(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let mut decoder = decoder(configuration, true)?;
    if configuration.flag_or("use_sliding_window", false)? {
        let first = configuration.index_or("max_window_layers", 28)?;
        let blocks = match configuration.names("layer_types")?.as_slice() {
            [] => (0..decoder.blocks).map(|block| block >= first).collect(),
            kinds => kinds.iter().map(|kind| *kind == "sliding_attention").collect(),
        };
        decoder.local = Some(local(configuration, &decoder, blocks)?);
    }
    Ok(Box::new(decoder))
}

/// Blocks with a window of `sliding_window` steps, of which the last is the query's own.
fn local(
    configuration: &Configuration,
    decoder: &TextEncoder,
    blocks: Vec<bool>,
) -> Result<LocalBlocks, String> {
    if blocks.len() != decoder.blocks {
        let (found, expected) = (blocks.len(), decoder.blocks);
        return Err(format!("`layer_types` has {found} names; expected one for each of {expected} layers"));
    }
    let window = configuration.count("sliding_window")? - 1;
    Ok(LocalBlocks { blocks, window, rotary: decoder.block.heads.rotary })
}

/// A decoder as a causal encoder, with or without a bias of queries, keys and values.
fn decoder(configuration: &Configuration, qkv_bias: bool) -> Result<TextEncoder, String> {
    let width = configuration.count("hidden_size")?;
    let count = configuration.count("num_attention_heads")?;
    if !configuration.has("head_dim") {
        Configuration::check_heads(width, count)?;
    }
    let head_width = configuration.count_or("head_dim", width / count)?;
    if !head_width.is_multiple_of(2) {
        return Err(format!("heads have a width of {head_width}; rotary positions need an even one"));
    }
    let kv_count = configuration.count_or("num_key_value_heads", count)?;
    if !count.is_multiple_of(kv_count) {
        return Err(format!("`num_key_value_heads` is {kv_count}; expected a divisor of {count} heads"));
    }
    let heads = AttentionSettings {
        kv_count,
        causal: true,
        rotary: Some(rotary(configuration, 10_000.0)?),
        dropout: configuration.number_or("attention_dropout", 0.0)?,
        ..AttentionSettings::of(count)
    };
    let is_tied = configuration.flag_or("tie_word_embeddings", false)?;
    Ok(TextEncoder {
        embeddings: EmbeddingOptions {
            vocabulary: configuration.count("vocab_size")?,
            width,
            token_scale: 1.0,
            is_sinusoidal: false,
            positions: 0,
            segments: 0,
            norm_kind: NormKind::Rms,
            epsilon: None,
            dropout: 0.0,
            projected: None,
        },
        max_tokens: Some(configuration.count("max_position_embeddings")?),
        width,
        blocks: configuration.count("num_hidden_layers")?,
        repeats: 1,
        block: BlockOptions {
            norm: NormPosition::Pre,
            norm_kind: NormKind::Rms,
            epsilon: configuration.number_or("rms_norm_eps", 1e-6)?,
            bias: false,
            heads,
            attention: AttentionVariant {
                head_width: Some(head_width),
                qkv_bias: Some(qkv_bias),
                ..AttentionVariant::default()
            },
            attention_norm: true,
            feed_forward: FeedForwardKind::Gated,
            hidden: configuration.count("intermediate_size")?,
            activation: configuration.activation("hidden_act", "silu")?,
            dropout: 0.0,
            hidden_dropout: 0.0,
        },
        local: None,
        relative: None,
        final_dropout: 0.0,
        convolution: None,
        logits: Some(if is_tied { NAMES.tables[0] } else { "lm_head" }),
        decoder: None,
        names: NAMES,
    })
}
