//! T5 (Raffel et al. 2020, arXiv 1910.10683) and mT5 (Xue et al. 2021, arXiv 2010.11934):
//! blocks whose norms come first, with root mean square norms, no bias of projections, scores that are not
//! scaled, and a trained bias by distance in place of positions.

use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::decoder::{DecoderArchitecture, DecoderNames, DecoderPositions};
use crate::model::layer::pretrained::embeddings::EmbeddingOptions;
use crate::model::layer::pretrained::encoder::{RelativeOptions, TextEncoder, TextNames};
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::transformer::block::{BlockOptions, NormPosition};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::layer::transformer::relative_positions::DistanceBuckets;
use crate::model::ops::AttentionSettings;

const NAMES: TextNames = TextNames {
    prefix: "transformer",
    tables: ["shared", "", ""],
    first_position: 0,
    embedding_norm: "",
    projection: "",
    block: ["encoder.block.", ""],
    attention: &["layer.0.SelfAttention.q", "layer.0.SelfAttention.k", "layer.0.SelfAttention.v"],
    attention_output: "layer.0.SelfAttention.o",
    attention_norm: "layer.0.layer_norm",
    gate: "",
    dense: ["layer.1.DenseReluDense.wi", "layer.1.DenseReluDense.wo"],
    dense_norm: "layer.1.layer_norm",
    final_norm: "encoder.final_layer_norm",
    relative: "encoder.block.0.layer.0.SelfAttention.relative_attention_bias",
    relative_norm: "",
    is_in_out: false,
};

const GATED_NAMES: TextNames = TextNames {
    gate: "layer.1.DenseReluDense.wi_0",
    dense: ["layer.1.DenseReluDense.wi_1", "layer.1.DenseReluDense.wo"],
    ..NAMES
};

const DECODER: DecoderNames = DecoderNames {
    tokens: "shared",
    positions: "",
    embedding_norm: "",
    block: "decoder.block.",
    self_attention: [
        "layer.0.SelfAttention.q",
        "layer.0.SelfAttention.k",
        "layer.0.SelfAttention.v",
        "layer.0.SelfAttention.o",
    ],
    self_norm: "layer.0.layer_norm",
    cross_attention: [
        "layer.1.EncDecAttention.q",
        "layer.1.EncDecAttention.k",
        "layer.1.EncDecAttention.v",
        "layer.1.EncDecAttention.o",
    ],
    cross_norm: "layer.1.layer_norm",
    dense: ["", "layer.2.DenseReluDense.wi", "layer.2.DenseReluDense.wo"],
    dense_norm: "layer.2.layer_norm",
    final_norm: "decoder.final_layer_norm",
    relative: "decoder.block.0.layer.0.SelfAttention.relative_attention_bias",
};

const GATED_DECODER: DecoderNames = DecoderNames {
    dense: ["layer.2.DenseReluDense.wi_0", "layer.2.DenseReluDense.wi_1", "layer.2.DenseReluDense.wo"],
    ..DECODER
};

/// Reads the configuration of a T5 or an mT5.
pub fn t5(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let (width, count) = (configuration.count("d_model")?, configuration.count("num_heads")?);
    let dropout = configuration.number_or("dropout_rate", 0.1)?;
    let epsilon = configuration.number_or("layer_norm_epsilon", 1e-6)?;
    let kind = configuration.text_or("feed_forward_proj", "relu")?;
    let (feed_forward, names, activation) = match kind.strip_prefix("gated-") {
        // The approximation by tanh, whose name came later.
        Some("gelu") => (FeedForwardKind::Gated, GATED_NAMES, "gelu_new"),
        Some(gated) => (FeedForwardKind::Gated, GATED_NAMES, gated),
        None => (FeedForwardKind::Plain, NAMES, kind),
    };
    let buckets = DistanceBuckets {
        count: configuration.count_or("relative_attention_num_buckets", 32)?,
        max_distance: configuration.count_or("relative_attention_max_distance", 128)?,
        causal: false,
    };
    buckets.check().map_err(|reason| format!("relative attention has {reason}"))?;
    let activation = Configuration::named_activation("feed_forward_proj", activation)?;
    let is_tied = configuration.flag_or("tie_word_embeddings", true)?;
    let blocks = configuration.count("num_layers")?;
    let decoder = DecoderArchitecture {
        vocabulary: configuration.count("vocab_size")?,
        width,
        blocks: configuration.count_or("num_decoder_layers", blocks)?,
        heads: count,
        head_width: configuration.count("d_kv")?,
        scale: 1.0,
        norm: NormPosition::Pre,
        norm_kind: NormKind::Rms,
        epsilon,
        bias: false,
        feed_forward,
        hidden: configuration.count("d_ff")?,
        activation,
        dropout,
        attention_dropout: dropout,
        hidden_dropout: dropout,
        final_dropout: dropout,
        token_scale: 1.0,
        positions: DecoderPositions::Relative(DistanceBuckets { causal: true, ..buckets }),
        embedding_norm: false,
        // Only where the table of tokens projects to logits (Raffel et al. 2020, section 2.1).
        output_scale: if is_tied { (width as f64).sqrt().recip() } else { 1.0 },
        is_tied,
        has_logits_bias: false,
        start_token: configuration.index_or("decoder_start_token_id", 0)?,
        names: if feed_forward == FeedForwardKind::Plain { &DECODER } else { &GATED_DECODER },
    };
    Ok(Box::new(TextEncoder {
        embeddings: EmbeddingOptions {
            vocabulary: configuration.count("vocab_size")?,
            width,
            token_scale: 1.0,
            is_sinusoidal: false,
            positions: 0,
            segments: 0,
            norm_kind: NormKind::Rms,
            epsilon: None,
            dropout,
            projected: None,
        },
        max_tokens: None,
        width,
        blocks,
        repeats: 1,
        block: BlockOptions {
            norm: NormPosition::Pre,
            norm_kind: NormKind::Rms,
            epsilon,
            bias: false,
            heads: AttentionSettings { dropout, ..AttentionSettings::of(count) },
            attention: AttentionVariant {
                head_width: Some(configuration.count("d_kv")?),
                scale: Some(1.0),
                ..AttentionVariant::default()
            },
            attention_norm: true,
            feed_forward,
            hidden: configuration.count("d_ff")?,
            activation,
            dropout,
            hidden_dropout: dropout,
        },
        local: None,
        relative: Some(RelativeOptions::Bias(buckets)),
        final_dropout: dropout,
        convolution: None,
        logits: None,
        decoder: Some(decoder),
        names,
    }))
}
