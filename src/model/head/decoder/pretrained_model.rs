//! The pretrained model that a decoder is part of.

use std::sync::Arc;

use crate::domain::number::Rate;
use crate::domain::shape::Shape;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::pretrained::PretrainedDecoder;
use crate::model::layer::pretrained::decoder::DecoderArchitecture;
use crate::model::layer::pretrained::families::family;
use crate::model::layer::pretrained::model_cell::PretrainedModel;
use crate::model::pretrained::{PretrainedError, PretrainedFolder};
use crate::model::weights::{Init, Weights};

/// The pretrained model of the network's encoder, for a decoder called `name`.
///
/// # Errors
/// There is none, or it has no decoder.
pub fn pretrained_model(name: &str, weights: &Weights) -> ModelResult<PretrainedDecoderModel> {
    let wrong = |reason: String| ModelError::Shape { part: name.to_owned(), reason };
    let folder = weights.pretrained_folder();
    let folder = folder.ok_or_else(|| wrong("needs a `pretrained` layer in the trunk".to_owned()))?;
    let family = family(folder).map_err(|error| wrong(error.to_string()))?;
    let decoder = family.decoder().cloned();
    let decoder = decoder.ok_or_else(|| {
        wrong(format!("needs an encoder-decoder; `{}` has no decoder", folder.path.display()))
    })?;
    Ok(PretrainedDecoderModel { folder: Arc::clone(folder), decoder, prefix: family.prefix() })
}

/// Builds the decoder of the network's pretrained model, and requests its values.
///
/// # Errors
/// Those of [`pretrained_model`] and of [`PretrainedDecoder::build`].
pub fn build_pretrained(
    name: &str,
    dropout: Option<Rate>,
    memory: Shape,
    length: usize,
    weights: &mut Weights,
) -> ModelResult<PretrainedDecoder> {
    let model = pretrained_model(name, weights)?;
    let decoder = PretrainedDecoder::build(name, &model.decoder, dropout, memory, length, weights)?;
    weights.request_pretrained(name, &model.folder, model.decoder.body_sources(), model.prefix);
    Ok(decoder)
}

/// A pretrained model with a decoder.
pub struct PretrainedDecoderModel {
    /// Its folder.
    pub folder: Arc<PretrainedFolder>,
    /// The settings of the decoder.
    pub decoder: DecoderArchitecture,
    /// What the names of its weights may begin with.
    pub prefix: &'static str,
}

/// Compares the shapes in the files of a model with those of its decoder, if it has one.
///
/// # Errors
/// A weight is missing or has another shape.
pub fn check_pretrained_decoder(model: &PretrainedModel) -> Result<(), PretrainedError> {
    let Some(architecture) = model.family.decoder() else { return Ok(()) };
    let &DecoderArchitecture { vocabulary, width, is_tied, has_logits_bias, .. } = architecture;
    let mut weights = Weights::outline();
    let built = |weights: &mut Weights| -> ModelResult<()> {
        let memory = Shape::Sequence { width };
        PretrainedDecoder::build("model", architecture, None, memory, 1, weights)?;
        weights.parameter("model.embedding.weight", &[vocabulary, width], Init::Zeros)?;
        weights.parameter("model.begin", &[1, width], Init::Zeros)?;
        if !is_tied {
            weights.parameter("model.projection.weight", &[width, vocabulary], Init::Zeros)?;
        }
        if has_logits_bias {
            weights.parameter("model.projection.bias", &[vocabulary], Init::Zeros)?;
        }
        Ok(())
    };
    built(&mut weights).map_err(|error| PretrainedError::Unsupported {
        config: model.folder.config_file(),
        reason: error.to_string(),
    })?;
    let mut sources = architecture.body_sources();
    sources.extend(architecture.table_sources(vocabulary));
    sources.push(architecture.begin_source());
    model.check_shapes(&weights, &sources)
}
