//! BART (Lewis et al. 2020, arXiv 1910.13461), mBART (Liu et al. 2020, arXiv 2001.08210) and Marian
//! (Junczys-Dowmunt et al. 2018, arXiv 1804.00344): encoder-decoders of the original transformer's blocks.

use crate::model::layer::multi_head_attention::AttentionVariant;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::decoder::{DecoderArchitecture, DecoderNames, DecoderPositions};
use crate::model::layer::pretrained::embeddings::EmbeddingOptions;
use crate::model::layer::pretrained::encoder::{TextEncoder, TextNames};
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::transformer::block::{BlockOptions, NormPosition};
use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::NormKind;
use crate::model::ops::AttentionSettings;

/// The table of positions begins with rows that no position uses.
const FIRST_POSITION: usize = 2;

/// Added to the variance in all norms.
const EPSILON: f64 = 1e-5;

const NAMES: TextNames = TextNames {
    prefix: "model",
    tables: ["shared", "encoder.embed_positions", ""],
    first_position: FIRST_POSITION,
    embedding_norm: "encoder.layernorm_embedding",
    projection: "",
    block: ["encoder.layers.", ""],
    attention: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    attention_output: "self_attn.out_proj",
    attention_norm: "self_attn_layer_norm",
    gate: "",
    dense: ["fc1", "fc2"],
    dense_norm: "final_layer_norm",
    final_norm: "encoder.layer_norm",
    relative: "",
    relative_norm: "",
    is_in_out: false,
};

const DECODER: DecoderNames = DecoderNames {
    tokens: "shared",
    positions: "decoder.embed_positions",
    embedding_norm: "decoder.layernorm_embedding",
    block: "decoder.layers.",
    self_attention: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"],
    self_norm: "self_attn_layer_norm",
    cross_attention: [
        "encoder_attn.q_proj",
        "encoder_attn.k_proj",
        "encoder_attn.v_proj",
        "encoder_attn.out_proj",
    ],
    cross_norm: "encoder_attn_layer_norm",
    dense: ["", "fc1", "fc2"],
    dense_norm: "final_layer_norm",
    final_norm: "decoder.layer_norm",
    relative: "",
};

/// What differs between the families.
struct Variant {
    norm: NormPosition,
    is_sinusoidal: bool,
    start_token: usize,
}

/// Reads the configuration of a BART.
pub fn bart(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    read(configuration, &Variant { norm: NormPosition::Post, is_sinusoidal: false, start_token: 2 })
}

/// Reads the configuration of an mBART: norms come first.
pub fn mbart(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    read(configuration, &Variant { norm: NormPosition::Pre, is_sinusoidal: false, start_token: 2 })
}

/// Reads the configuration of a Marian: positions are sinusoidal, and embeddings are not normalized.
pub fn marian(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    for (name, expected) in [("static_position_embeddings", true), ("share_encoder_decoder_embeddings", true)]
    {
        if configuration.flag_or(name, expected)? != expected {
            return Err(format!("`{name}` is false; only true is supported"));
        }
    }
    let start_token = configuration.index_or("pad_token_id", 58_100)?;
    read(configuration, &Variant { norm: NormPosition::Post, is_sinusoidal: true, start_token })
}

fn read(configuration: &Configuration, variant: &Variant) -> Result<Box<dyn PretrainedFamily>, String> {
    let width = configuration.count("d_model")?;
    let positions = configuration.count_or("max_position_embeddings", 1024)?;
    let dropout = configuration.number_or("dropout", 0.1)?;
    let attention_dropout = configuration.number_or("attention_dropout", 0.0)?;
    let hidden_dropout = configuration.number_or("activation_dropout", 0.0)?;
    let activation = configuration.activation("activation_function", "gelu")?;
    let is_scaled = configuration.flag_or("scale_embedding", false)?;
    let token_scale = if is_scaled { (width as f64).sqrt() } else { 1.0 };
    let heads = |name: &str| -> Result<usize, String> {
        let heads = configuration.count(name)?;
        match width.is_multiple_of(heads) {
            true => Ok(heads),
            false => Err(format!("`{name}` is {heads}, which does not divide `d_model`, {width}")),
        }
    };
    let decoder_heads = heads("decoder_attention_heads")?;
    let decoder = DecoderArchitecture {
        vocabulary: configuration.count("vocab_size")?,
        width,
        blocks: configuration.count("decoder_layers")?,
        heads: decoder_heads,
        head_width: width / decoder_heads,
        scale: ((width / decoder_heads) as f64).sqrt().recip(),
        norm: variant.norm,
        norm_kind: NormKind::Layer,
        epsilon: EPSILON,
        bias: true,
        feed_forward: FeedForwardKind::Plain,
        hidden: configuration.count("decoder_ffn_dim")?,
        activation,
        dropout,
        attention_dropout,
        hidden_dropout,
        final_dropout: 0.0,
        token_scale,
        positions: match variant.is_sinusoidal {
            true => DecoderPositions::Sinusoidal(positions),
            false => DecoderPositions::Learned { count: positions, first: FIRST_POSITION },
        },
        embedding_norm: !variant.is_sinusoidal,
        output_scale: 1.0,
        is_tied: configuration.flag_or("tie_word_embeddings", true)?,
        has_logits_bias: true,
        start_token: configuration.index_or("decoder_start_token_id", variant.start_token)?,
        names: &DECODER,
    };
    Ok(Box::new(TextEncoder {
        embeddings: EmbeddingOptions {
            vocabulary: decoder.vocabulary,
            width,
            token_scale,
            positions: if variant.is_sinusoidal { 0 } else { positions },
            is_sinusoidal: variant.is_sinusoidal,
            segments: 0,
            norm_kind: NormKind::Layer,
            epsilon: (!variant.is_sinusoidal).then_some(EPSILON),
            dropout,
            projected: None,
        },
        max_tokens: Some(positions),
        width,
        blocks: configuration.count("encoder_layers")?,
        repeats: 1,
        block: BlockOptions {
            norm: variant.norm,
            norm_kind: NormKind::Layer,
            epsilon: EPSILON,
            bias: true,
            heads: AttentionSettings {
                dropout: attention_dropout,
                ..AttentionSettings::of(heads("encoder_attention_heads")?)
            },
            attention: AttentionVariant::default(),
            attention_norm: true,
            feed_forward: FeedForwardKind::Plain,
            hidden: configuration.count("encoder_ffn_dim")?,
            activation,
            dropout,
            hidden_dropout,
        },
        local: None,
        relative: None,
        final_dropout: 0.0,
        convolution: None,
        logits: None,
        decoder: Some(decoder),
        names: NAMES,
    }))
}
