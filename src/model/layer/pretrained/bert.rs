//! BERT (Devlin et al. 2019, arXiv 1810.04805) and families of the same architecture.
//!
//! - RoBERTa (Liu et al. 2019, arXiv 1907.11692) and XLM-R (Conneau et al. 2020, arXiv 1911.02116): the
//!   positions begin after the id of the padding token.
//! - MPNet (Song et al. 2020, arXiv 2004.09297): a trained bias by distance beside the positions, no
//!   segments.
//! - DistilBERT (Sanh et al. 2019, arXiv 1910.01108): no segments.
//! - ELECTRA (Clark et al. 2020, arXiv 2003.10555): narrower embeddings.
//! - ALBERT (Lan et al. 2020, arXiv 1909.11942): narrower embeddings, and one block, applied repeatedly.

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

/// The names of BERT's weights.
pub const BERT: TextNames = TextNames {
    prefix: "bert",
    tables: [
        "embeddings.word_embeddings",
        "embeddings.position_embeddings",
        "embeddings.token_type_embeddings",
    ],
    first_position: 0,
    embedding_norm: "embeddings.LayerNorm",
    projection: "embeddings_project",
    block: ["encoder.layer.", ""],
    attention: &["attention.self.query", "attention.self.key", "attention.self.value"],
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    gate: "",
    dense: ["intermediate.dense", "output.dense"],
    dense_norm: "output.LayerNorm",
    final_norm: "",
    relative: "",
    relative_norm: "",
    is_in_out: false,
};

const DISTILBERT: TextNames = TextNames {
    prefix: "distilbert",
    block: ["transformer.layer.", ""],
    attention: &["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    dense: ["ffn.lin1", "ffn.lin2"],
    dense_norm: "output_layer_norm",
    ..BERT
};

const MPNET: TextNames = TextNames {
    prefix: "mpnet",
    // The row of the padding token is the second, whatever its id.
    first_position: 2,
    attention: &["attention.attn.q", "attention.attn.k", "attention.attn.v"],
    attention_output: "attention.attn.o",
    attention_norm: "attention.LayerNorm",
    relative: "encoder.relative_attention_bias",
    ..BERT
};

const ALBERT: TextNames = TextNames {
    prefix: "albert",
    projection: "encoder.embedding_hidden_mapping_in",
    block: ["encoder.albert_layer_groups.", ".albert_layers.0"],
    attention: &["attention.query", "attention.key", "attention.value"],
    attention_output: "attention.dense",
    attention_norm: "attention.LayerNorm",
    dense: ["ffn", "ffn_output"],
    dense_norm: "full_layer_layer_norm",
    ..BERT
};

/// Reads the configuration of a BERT.
pub fn bert(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    Ok(Box::new(text_encoder(configuration, "gelu", 0.1)?))
}

/// Reads the configuration of a RoBERTa or an XLM-R.
pub fn roberta(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let first_position = configuration.index_or("pad_token_id", 1)? + 1;
    let mut encoder = text_encoder(configuration, "gelu", 0.1)?;
    encoder.without_first_positions(first_position)?;
    encoder.names = TextNames { prefix: "roberta", first_position, ..BERT };
    Ok(Box::new(encoder))
}

/// Reads the configuration of an ELECTRA.
pub fn electra(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let mut encoder = text_encoder(configuration, "gelu", 0.1)?;
    let narrow = configuration.count_or("embedding_size", 128)?;
    encoder.embeddings.width = narrow;
    encoder.embeddings.projected = (narrow != encoder.width).then_some(encoder.width);
    encoder.names = TextNames { prefix: "electra", ..BERT };
    Ok(Box::new(encoder))
}

/// Reads the configuration of an MPNet.
pub fn mpnet(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let (buckets, first_position) = (DistanceBuckets::DEFAULT, MPNET.first_position);
    let count = configuration.count_or("relative_attention_num_buckets", buckets.count)?;
    if count != buckets.count {
        let only = buckets.count;
        return Err(format!("`relative_attention_num_buckets` is {count}; only {only} is supported"));
    }
    let mut encoder = text_encoder(configuration, "gelu", 0.1)?;
    encoder.without_first_positions(first_position)?;
    encoder.embeddings.segments = 0;
    encoder.relative = Some(RelativeOptions::Bias(buckets));
    encoder.names = MPNET;
    Ok(Box::new(encoder))
}

/// Reads the configuration of an ALBERT. Its block counts as one, however often it is applied.
pub fn albert(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    for name in ["num_hidden_groups", "inner_group_num"] {
        let found = configuration.count_or(name, 1)?;
        if found != 1 {
            return Err(format!("`{name}` is {found}; only 1 is supported"));
        }
    }
    let mut encoder = text_encoder(configuration, "gelu_new", 0.0)?;
    encoder.embeddings.width = configuration.count_or("embedding_size", 128)?;
    encoder.embeddings.projected = Some(encoder.width);
    encoder.repeats = std::mem::replace(&mut encoder.blocks, 1);
    encoder.names = ALBERT;
    Ok(Box::new(encoder))
}

/// Reads the configuration of a DistilBERT.
pub fn distilbert(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    let dropout = configuration.number_or("dropout", 0.1)?;
    let (width, positions) = (configuration.count("dim")?, configuration.count("max_position_embeddings")?);
    let (hidden, epsilon) = (configuration.count("hidden_dim")?, 1e-12);
    let heads = heads(configuration, "n_heads", width, "attention_dropout", 0.1)?;
    Ok(Box::new(TextEncoder {
        embeddings: EmbeddingOptions {
            vocabulary: configuration.count("vocab_size")?,
            width,
            token_scale: 1.0,
            positions,
            is_sinusoidal: false,
            segments: 0,
            norm_kind: NormKind::Layer,
            epsilon: Some(epsilon),
            dropout,
            projected: None,
        },
        max_tokens: Some(positions),
        width,
        blocks: configuration.count("n_layers")?,
        repeats: 1,
        block: BlockOptions {
            norm: NormPosition::Post,
            norm_kind: NormKind::Layer,
            bias: true,
            feed_forward: FeedForwardKind::Plain,
            epsilon,
            heads,
            attention: AttentionVariant::default(),
            attention_norm: true,
            hidden,
            activation: configuration.activation("activation", "gelu")?,
            dropout,
            hidden_dropout: 0.0,
        },
        local: None,
        relative: None,
        final_dropout: 0.0,
        convolution: None,
        logits: None,
        decoder: None,
        names: DISTILBERT,
    }))
}

/// An encoder with BERT's names for its settings, and with this activation and dropout rate where they are
/// missing.
///
/// # Errors
/// A setting is missing or not supported.
pub fn text_encoder(
    configuration: &Configuration,
    activation: &str,
    dropout: f64,
) -> Result<TextEncoder, String> {
    let kind = configuration.text_or("position_embedding_type", "absolute")?;
    if kind != "absolute" {
        return Err(format!("`position_embedding_type` is `{kind}`; only `absolute` is supported"));
    }
    let (width, positions) =
        (configuration.count("hidden_size")?, configuration.count("max_position_embeddings")?);
    let epsilon = configuration.number_or("layer_norm_eps", 1e-12)?;
    let attention_dropout = "attention_probs_dropout_prob";
    let heads = heads(configuration, "num_attention_heads", width, attention_dropout, dropout)?;
    let dropout = configuration.number_or("hidden_dropout_prob", dropout)?;
    Ok(TextEncoder {
        embeddings: EmbeddingOptions {
            vocabulary: configuration.count("vocab_size")?,
            width,
            token_scale: 1.0,
            positions,
            is_sinusoidal: false,
            segments: configuration.index_or("type_vocab_size", 2)?,
            norm_kind: NormKind::Layer,
            epsilon: Some(epsilon),
            dropout,
            projected: None,
        },
        max_tokens: Some(positions),
        width,
        blocks: configuration.count("num_hidden_layers")?,
        repeats: 1,
        block: BlockOptions {
            norm: NormPosition::Post,
            norm_kind: NormKind::Layer,
            bias: true,
            feed_forward: FeedForwardKind::Plain,
            epsilon,
            heads,
            attention: AttentionVariant::default(),
            attention_norm: true,
            hidden: configuration.count("intermediate_size")?,
            activation: configuration.activation("hidden_act", activation)?,
            dropout,
            hidden_dropout: 0.0,
        },
        local: None,
        relative: None,
        final_dropout: 0.0,
        convolution: None,
        logits: None,
        decoder: None,
        names: BERT,
    })
}

fn heads(
    configuration: &Configuration,
    count: &str,
    width: usize,
    dropout: &str,
    default: f64,
) -> Result<AttentionSettings, String> {
    let count = configuration.count(count)?;
    Configuration::check_heads(width, count)?;
    let dropout = configuration.number_or(dropout, default)?;
    Ok(AttentionSettings { dropout, ..AttentionSettings::of(count) })
}
