//! DeBERTa-v2 and v3 (He et al. 2021, arXiv 2006.03654 and arXiv 2111.09543): BERT's blocks with disentangled
//! attention to relative positions in place of absolute ones. The larger models of version 2 have a
//! convolution beside their first block.

use crate::model::layer::pretrained::bert::{BERT, text_encoder};
use crate::model::layer::pretrained::block_convolution::ConvolutionOptions;
use crate::model::layer::pretrained::configuration::Configuration;
use crate::model::layer::pretrained::encoder::{RelativeOptions, TextNames};
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::transformer::disentangled::DisentangledOptions;

const NAMES: TextNames = TextNames {
    prefix: "deberta",
    attention: &["attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"],
    relative: "encoder.rel_embeddings",
    relative_norm: "encoder.LayerNorm",
    ..BERT
};

/// Reads the configuration of a DeBERTa-v2 or v3.
pub fn deberta(configuration: &Configuration) -> Result<Box<dyn PretrainedFamily>, String> {
    for name in ["relative_attention", "share_att_key"] {
        if !configuration.flag_or(name, false)? {
            return Err(format!("`{name}` is false; only true is supported"));
        }
    }
    let mut encoder = text_encoder(configuration, "gelu", 0.1)?;
    let width = encoder.width;
    let narrow = configuration.count_or("embedding_size", width)?;
    if narrow != width {
        return Err(format!(
            "`embedding_size` is {narrow}; only that of `hidden_size`, {width}, is supported"
        ));
    }
    let epsilon = configuration.number_or("layer_norm_eps", 1e-7)?;
    (encoder.embeddings.epsilon, encoder.block.epsilon) = (Some(epsilon), epsilon);
    encoder.embeddings.segments = configuration.index_or("type_vocab_size", 0)?;
    let positions = encoder.embeddings.positions;
    if !configuration.flag_or("position_biased_input", true)? {
        encoder.embeddings.positions = 0;
        encoder.max_tokens = None;
    }
    let norm = configuration.text_or("norm_rel_ebd", "none")?;
    let options = DisentangledOptions {
        epsilon: match norm {
            "layer_norm" => Some(epsilon),
            "none" => None,
            other => {
                return Err(format!("`norm_rel_ebd` is `{other}`; supported: layer_norm, none"));
            }
        },
        dropout: encoder.block.dropout,
        ..distances(configuration, positions)?
    };
    let head_width = configuration.count_or("attention_head_size", width / encoder.block.heads.count)?;
    encoder.block.attention.head_width = Some(head_width);
    encoder.block.attention.scale = Some(1.0 / (head_width as f64 * options.products()).sqrt());
    encoder.convolution = convolution(configuration, epsilon, encoder.block.dropout)?;
    encoder.relative = Some(RelativeOptions::Disentangled(options));
    encoder.names = NAMES;
    Ok(Box::new(encoder))
}

/// The convolution beside the first block, if there is one.
fn convolution(
    configuration: &Configuration,
    epsilon: f64,
    dropout: f64,
) -> Result<Option<ConvolutionOptions>, String> {
    let kernel = configuration.index_or("conv_kernel_size", 0)?;
    if kernel == 0 {
        return Ok(None);
    }
    if kernel.is_multiple_of(2) {
        return Err(format!("`conv_kernel_size` is {kernel}; only odd numbers are supported"));
    }
    let groups = configuration.count_or("conv_groups", 1)?;
    if groups != 1 {
        return Err(format!("`conv_groups` is {groups}; only 1 is supported"));
    }
    let activation = configuration.activation("conv_act", "tanh")?;
    Ok(Some(ConvolutionOptions { kernel, activation, epsilon, dropout }))
}

/// The relative positions, and which products a score has.
fn distances(configuration: &Configuration, positions: usize) -> Result<DisentangledOptions, String> {
    // -1 stands for the number of positions, and for none.
    let optional = |name: &str| match configuration.is_negative(name) {
        true => Ok(0),
        false => configuration.index_or(name, 0),
    };
    let max_distance = Some(optional("max_relative_positions")?).filter(|max| *max > 0).unwrap_or(positions);
    let buckets = optional("position_buckets")?;
    if buckets > 0 && (buckets < 4 || max_distance <= buckets / 2 + 1) {
        return Err(format!(
            "`position_buckets` is {buckets}, for distances up to {max_distance}; expected at least 4, and \
             half of it less than the distance"
        ));
    }
    let kinds = configuration.words("pos_att_type")?;
    if let Some(other) = kinds.iter().find(|kind| !["c2p", "p2c"].contains(kind)) {
        return Err(format!("`pos_att_type` has `{other}`; supported: c2p, p2c"));
    }
    Ok(DisentangledOptions {
        span: if buckets > 0 { buckets } else { max_distance },
        max_distance: (buckets > 0).then_some(max_distance),
        content_to_position: kinds.contains(&"c2p"),
        position_to_content: kinds.contains(&"p2c"),
        epsilon: None,
        dropout: 0.0,
    })
}
