//! The encoder of T5 (Raffel et al. 2020, arXiv 1910.10683) and mT5 (Xue et al. 2021, arXiv 2010.11934):
//! blocks whose norms come first, with root mean square norms, no bias of projections, scores that are not
//! scaled, and a trained bias by distance in place of positions.

use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::pretrained::configuration::Configuration;
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

/// Reads the configuration of a T5 or an mT5; its decoder is left out.
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
    Ok(Box::new(TextEncoder {
        embeddings: EmbeddingOptions {
            vocabulary: configuration.count("vocab_size")?,
            width,
            positions: 0,
            segments: 0,
            norm_kind: NormKind::Rms,
            epsilon: None,
            dropout,
            projected: None,
        },
        max_tokens: None,
        width,
        blocks: configuration.count("num_layers")?,
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
            activation: Configuration::named_activation("feed_forward_proj", activation)?,
            dropout,
            hidden_dropout: dropout,
        },
        local: None,
        relative: Some(RelativeOptions::Bias(buckets)),
        final_dropout: dropout,
        convolution: None,
        names,
    }))
}
