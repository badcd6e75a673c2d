//! Language model: predicts the next token at every step of a causal sequence. The loss is the mean negative
//! log-likelihood per token; the exported model returns the logits of the token after the last one.

use std::sync::Arc;

use candle_core::Tensor;

use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::DecoderPort;
use crate::model::head::output::Output;
use crate::model::head::text_writer::{Generator, TextWriter, TokenLosses};
use crate::model::kernel::vocabulary_loss::{VocabularyTargets, vocabulary_loss, vocabulary_scores};
use crate::model::labels::Labels;
use crate::model::layer::pretrained::families::family;
use crate::model::layer::pretrained::family::PretrainedFamily;
use crate::model::layer::pretrained::model_cell::PretrainedModel;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::ops::Ops;
use crate::model::pretrained::{PretrainedError, WeightSource};
use crate::model::weights::{Init, Parameter, Weights, host};

/// Head that predicts the next token.
pub struct LanguageModel {
    /// `[width, vocabulary]`
    weight: Parameter,
    /// `[vocabulary]`
    bias: Parameter,
    vocabulary: usize,
}

impl LanguageModel {
    /// A projection of `width` features to the vocabulary; weights are named below `name`.
    pub fn build(name: &str, width: usize, vocabulary: usize, weights: &mut Weights) -> ModelResult<Self> {
        let init = Init::fan_in(width);
        Ok(Self {
            weight: weights.parameter(&format!("{name}.weight"), &[width, vocabulary], init)?,
            bias: weights.parameter(&format!("{name}.bias"), &[vocabulary], Init::Zeros)?,
            vocabulary,
        })
    }

    /// Requests the projection of the pretrained model that the network begins with, for `size` tokens.
    ///
    /// # Errors
    /// There is no such model, or it does not predict tokens.
    pub fn request_pretrained(name: &str, size: usize, weights: &mut Weights) -> ModelResult<()> {
        let wrong = |reason: String| ModelError::Shape { part: name.to_owned(), reason };
        let folder = weights.pretrained_folder();
        let folder = folder.ok_or_else(|| wrong("needs a `pretrained` layer in the trunk".to_owned()))?;
        let family = family(folder).map_err(|error| wrong(error.to_string()))?;
        let source = Self::pretrained_source(family.as_ref());
        let source = source.ok_or_else(|| wrong(format!("`{}` is not causal", folder.path.display())))?;
        let folder = Arc::clone(folder);
        weights.request_pretrained(name, &folder, vec![source.of_rows(0..size)], family.prefix());
        Ok(())
    }

    /// Where the projection of a pretrained model is; `None` if it does not predict tokens.
    fn pretrained_source(family: &dyn PretrainedFamily) -> Option<WeightSource> {
        let theirs = format!("{}.weight", family.logits_weight()?);
        Some(WeightSource::transposed("weight", theirs))
    }

    /// Reshapes hidden vectors `[batch, time, width]` to `[batch x time, width]`.
    fn flat(x: &Activations) -> ModelResult<Tensor> {
        let (rows, time, width) = x.x.dims3()?;
        Ok(x.x.reshape((rows * time, width))?)
    }

    /// Maps `[..., width]` to logits `[..., vocabulary]`.
    fn project<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let (weight, bias) = (ops.weight(&self.weight)?, ops.weight(&self.bias)?);
        let y = ops.matmul(x, &weight)?;
        ops.add(&y, &bias)
    }
}

/// Whether the files of a model hold the projection of its output to tokens; `None` if it does not predict
/// tokens.
pub fn check_pretrained_projection(model: &PretrainedModel) -> Option<Result<(), PretrainedError>> {
    let source = LanguageModel::pretrained_source(model.family.as_ref())?;
    Some(model.folder.shape(&source, model.family.prefix()).map(drop))
}

/// The true tokens and the mask of the labelled ones.
fn targets(labels: &Labels) -> ModelResult<(Vec<u32>, Vec<f32>)> {
    let classes = host(&labels.values)?.into_iter().map(|class| class as u32).collect();
    Ok((classes, host(&labels.mask)?))
}

impl Output for LanguageModel {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        self.project(ops, &x.x)
    }

    fn conditioning<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        ops.softmax(logits)
    }

    fn loss(
        &self,
        x: &Activations,
        labels: &Labels,
        loss: &LossConfig,
        _: &Mode,
    ) -> ModelResult<Option<Tensor>> {
        let (classes, shares) = targets(labels)?;
        let truth = VocabularyTargets { classes: &classes, weights: &shares };
        let (weight, bias) = (self.weight.tensor(), self.bias.tensor());
        Ok(Some(vocabulary_loss(&Self::flat(x)?, &weight, &bias, truth, loss.label_smoothing())?))
    }

    fn has_own_loss(&self) -> bool {
        true
    }

    fn writer(&self) -> Option<&dyn TextWriter> {
        Some(self)
    }
}

impl Generator for LanguageModel {
    fn token_losses(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses> {
        let (classes, shares) = targets(labels)?;
        let truth = VocabularyTargets { classes: &classes, weights: &shares };
        let scores = vocabulary_scores(&Self::flat(x)?, self.weight.var(), self.bias.var(), truth)?;
        Ok(TokenLosses::from_scores(&scores, &classes, &shares))
    }

    fn start_token(&self) -> u32 {
        self.vocabulary as u32
    }

    fn memory<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
    ) -> ModelResult<Vec<(DecoderPort, O::Value)>> {
        let last = match &x.mask {
            Some(mask) => ops.last_step(&x.x, mask)?,
            None => {
                let last = ops.slice_from(&x.x, 1, -1)?;
                ops.squeeze(&last, 1)?
            }
        };
        Ok(vec![(DecoderPort::vector("logits", self.vocabulary), self.project(ops, &last)?)])
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_core::{DType, Device};

    use crate::domain::shape::Shape;
    use crate::model::activations::{Activations, SequenceMask};
    use crate::model::head::language_model::LanguageModel;
    use crate::model::head::output::Output;
    use crate::model::kernel::reference_check::near;
    use crate::model::layer::BuildLayer;
    use crate::model::layer::pretrained::PretrainedConfig;
    use crate::model::layer::pretrained::model_cell::ModelFolders;
    use crate::model::mode::Mode;
    use crate::model::ops::Tensors;
    use crate::model::weights::Weights;

    /// The logits of transformers' causal models, as `tests/pretrained/make.py` wrote them: tied to the table
    /// of tokens (gpt2, qwen2) and not (llama).
    #[test]
    fn pretrained_projections_equal_transformers() {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained");
        for family in ["gpt2", "llama", "llama3", "qwen2"] {
            let file = base.join(family).join("expected.safetensors");
            let expected = candle_core::safetensors::load(file, &Device::Cpu).expect("expected values");
            let config: PretrainedConfig =
                serde_json::from_str(&format!(r#"{{"path": "{family}"}}"#)).expect("settings");
            config.read(&ModelFolders::in_folder(&base)).expect("a model");
            let mut weights = Weights::new(1, &Device::Cpu);
            let layer = config.build("trunk", Shape::Tokens { vocabulary: 60 }, &mut weights);
            let head = LanguageModel::build("head", 16, 60, &mut weights).expect("a head");
            LanguageModel::request_pretrained("head", 60, &mut weights).expect("a projection");
            weights.set_pretrained().expect("pretrained values");
            let x = expected["input_ids"].to_dtype(DType::U32).expect("token ids");
            let lengths = expected["lengths"].to_dtype(DType::U32).and_then(|x| x.to_vec1());
            let time = x.dim(1).expect("steps");
            let mask = SequenceMask::from_lengths(lengths.expect("lengths"), time, &Device::Cpu);
            let input = Activations { x, mask: Some(mask.expect("a mask")) };
            let hidden = layer.expect("a layer").forward(&input, &Mode::evaluate()).expect("hidden states");
            let logits = head.logits(&mut Tensors::evaluate(), &hidden).expect("logits");
            let real = hidden.mask.expect("a mask").steps.unsqueeze(2).expect("a mask");
            let at_tokens = |x: &candle_core::Tensor| x.broadcast_mul(&real).expect("logits");
            near(family, &at_tokens(&logits), &at_tokens(&expected["logits"]), 1e-5);
        }
    }
}
