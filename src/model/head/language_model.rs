//! Language model: predicts the next token at every step of a causal sequence. The loss is the mean negative
//! log-likelihood per token; the exported model returns the logits of the token after the last one.

use candle_core::Tensor;

use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::decoder::DecoderPort;
use crate::model::head::output::Output;
use crate::model::head::text_writer::{Generator, TextWriter, TokenLosses};
use crate::model::kernel::vocabulary_loss::{VocabularyTargets, vocabulary_loss, vocabulary_scores};
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::ops::Ops;
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
