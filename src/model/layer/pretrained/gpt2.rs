//! GPT-2 (Radford et al. 2019): token and position embeddings, then causal transformer blocks whose norms
//! come first, and a final norm.

use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::embeddings::EmbeddingOptions;
use crate::model::layer::pretrained::encoder::{TextEncoder, TextNames};
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::transformer::block::{BlockOptions, NormPosition};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::ops::AttentionSettings;

const NAMES: TextNames = TextNames {
    prefix: "transformer",
    tables: ["wte", "wpe", ""],
    first_position: 0,
    embedding_norm: "",
    projection: "",
    block: ["h.", ""],
    attention: &["attn.c_attn"],
    attention_output: "attn.c_proj",
    attention_norm: "ln_1",
    gate: "",
    dense: ["mlp.c_fc", "mlp.c_proj"],
    dense_norm: "ln_2",
    final_norm: "ln_f",
    relative: "",
    relative_norm: "",
    is_in_out: true,
};

/// Reads the configuration of a GPT-2.
pub fn gpt2(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    for (name, expected) in [("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false)] {
        if configuration.flag_or(name, expected)? != expected {
            return Err(format!("`{name}` is {}; only {expected} is supported", !expected));
        }
    }
    let (width, positions) = (configuration.count("n_embd")?, configuration.count("n_positions")?);
    let count = configuration.count("n_head")?;
    Configuration::check_heads(width, count)?;
    let dropout = configuration.number_or("attn_pdrop", 0.1)?;
    Ok(Box::new(TextEncoder {
        embeddings: EmbeddingOptions {
            vocabulary: configuration.count("vocab_size")?,
            width,
            token_scale: 1.0,
            positions,
            is_sinusoidal: false,
            segments: 0,
            norm_kind: NormKind::Layer,
            epsilon: None,
            dropout: configuration.number_or("embd_pdrop", 0.1)?,
            projected: None,
        },
        max_tokens: Some(positions),
        width,
        blocks: configuration.count("n_layer")?,
        repeats: 1,
        block: BlockOptions {
            norm: NormPosition::Pre,
            norm_kind: NormKind::Layer,
            bias: true,
            feed_forward: FeedForwardKind::Plain,
            epsilon: configuration.number_or("layer_norm_epsilon", 1e-5)?,
            heads: AttentionSettings { causal: true, dropout, ..AttentionSettings::of(count) },
            attention: AttentionVariant::default(),
            attention_norm: true,
            hidden: configuration.count_or("n_inner", 4 * width)?,
            activation: configuration.activation("activation_function", "gelu_new")?,
            dropout: configuration.number_or("resid_pdrop", 0.1)?,
            hidden_dropout: 0.0,
        },
        local: None,
        relative: None,
        final_dropout: 0.0,
        convolution: None,
        logits: Some("wte"),
        decoder: None,
        names: NAMES,
    }))
}
