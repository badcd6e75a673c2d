//! Heads that generate text. Their predictions are tokens: probabilities of a whole vocabulary are too many.

use candle_core::Tensor;

use crate::decode::search::Stepper;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::DecoderPort;
use crate::model::labels::Labels;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::onnx::graph::{Graph, GraphValue};

/// Losses of true texts with teacher forcing: each token is predicted from the true tokens before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokenLosses {
    /// Number of labelled tokens.
    pub tokens: usize,
    /// Sum of the negative log-likelihoods of the true tokens.
    pub nll: f64,
    /// Number of tokens where the true one was the most likely.
    pub correct: usize,
}

impl TokenLosses {
    /// Sums scores (negative log-likelihood and most likely token) of the tokens whose `shares` is not 0;
    /// `classes` are the true tokens.
    pub fn from_scores(scores: &[(f32, u32)], classes: &[u32], shares: &[f32]) -> Self {
        let mut tally = Self::default();
        for ((cost, likeliest), (class, share)) in scores.iter().zip(classes.iter().zip(shares)) {
            if *share != 0.0 {
                tally.tokens += 1;
                tally.nll += f64::from(*cost);
                tally.correct += usize::from(likeliest == class);
            }
        }
        tally
    }

    /// Adds the losses of another batch.
    pub fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.nll += other.nll;
        self.correct += other.correct;
    }
}

/// A decoder that generates texts step by step.
pub type TextDecoding<'a> = Box<dyn Stepper<Error = ModelError> + 'a>;

/// A text generating head over any backend.
pub trait Generator: Send + Sync {
    /// Losses of the true texts.
    fn token_losses(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses>;

    /// Starts decoding from the start token; `None` if that needs the whole network (a language model
    /// continues its input).
    fn start_decoding(&self, _x: &Activations) -> ModelResult<Option<TextDecoding<'_>>> {
        Ok(None)
    }

    /// Number of the token before the first one.
    fn start_token(&self) -> u32;

    /// The exported model's outputs for this task, by name: inputs of the decoder's graph, or the logits of
    /// the next token.
    fn memory<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
    ) -> ModelResult<Vec<(DecoderPort, O::Value)>>;

    /// The ONNX graph of one decoding step, if there is a decoder.
    fn decoder(&self) -> ModelResult<Option<Graph>> {
        Ok(None)
    }
}

/// A [`Generator`] over tensors and over an ONNX graph.
pub trait TextWriter {
    /// Sum of the losses per token, and the number of tokens.
    fn token_losses(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses>;

    /// Prepares generation for the rows of `x`; `None` for a language model, which continues its input.
    fn start_decoding(&self, x: &Activations) -> ModelResult<Option<TextDecoding<'_>>>;

    /// Number of the token that is fed first.
    fn start_token(&self) -> u32;

    /// What the decoder's graph reads besides the previous token, as names, dimensions and tensors.
    fn memory(&self, x: &Activations) -> ModelResult<Vec<(DecoderPort, Tensor)>>;

    /// [`Self::memory`] in the main graph.
    fn memory_to_onnx(
        &self,
        graph: &mut Graph,
        x: &GraphActivations,
    ) -> ModelResult<Vec<(DecoderPort, GraphValue)>>;

    /// The graph of one decoding step; `None` if the main graph does it.
    fn decoder_to_onnx(&self) -> ModelResult<Option<Graph>>;
}

impl<G: Generator> TextWriter for G {
    fn token_losses(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses> {
        Generator::token_losses(self, x, labels)
    }

    fn start_decoding(&self, x: &Activations) -> ModelResult<Option<TextDecoding<'_>>> {
        Generator::start_decoding(self, x)
    }

    fn start_token(&self) -> u32 {
        Generator::start_token(self)
    }

    fn memory(&self, x: &Activations) -> ModelResult<Vec<(DecoderPort, Tensor)>> {
        Generator::memory(self, &mut Tensors::evaluate(), x)
    }

    fn memory_to_onnx(
        &self,
        graph: &mut Graph,
        x: &GraphActivations,
    ) -> ModelResult<Vec<(DecoderPort, GraphValue)>> {
        Generator::memory(self, &mut Nodes { graph }, x)
    }

    fn decoder_to_onnx(&self) -> ModelResult<Option<Graph>> {
        self.decoder()
    }
}
