//! Heads that write tokens of a vocabulary: too many for an answer of all their probabilities.

use candle_core::Tensor;

use crate::decode::search::Stepper;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::DecoderPort;
use crate::model::labels::Labels;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::onnx::graph::{Graph, GraphValue};

/// What true texts cost, each token guessed from the true ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokenLosses {
    /// Tokens with a label.
    pub tokens: usize,
    /// The sum of -log probability of the true token.
    pub cost: f64,
    /// How often the true token was the likeliest.
    pub correct: usize,
}

impl TokenLosses {
    /// Of tokens that cost so much, with their likeliest; `classes` are the true ones of those that count.
    pub fn from_scores(scores: &[(f32, u32)], classes: &[u32], shares: &[f32]) -> Self {
        let mut tally = Self::default();
        for ((cost, likeliest), (class, share)) in scores.iter().zip(classes.iter().zip(shares)) {
            if *share != 0.0 {
                tally.tokens += 1;
                tally.cost += f64::from(*cost);
                tally.correct += usize::from(likeliest == class);
            }
        }
        tally
    }

    pub fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.cost += other.cost;
        self.correct += other.correct;
    }
}

/// A stepper of this room.
pub type TextDecoding<'a> = Box<dyn Stepper<Error = ModelError> + 'a>;

/// A head that writes, described once.
pub trait Generator: Send + Sync {
    /// What the true texts cost.
    fn tally(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses>;

    /// Says the next token of each row, from the token called `begin` on; `None` where only the whole network
    /// can (a language model goes on with its input).
    fn writing(&self, _x: &Activations) -> ModelResult<Option<TextDecoding<'_>>> {
        Ok(None)
    }

    /// The number that stands for the token before the first.
    fn start_token(&self) -> u32;

    /// What the model gives for this task, by name: what the decoder's graph takes, or the next token's
    /// logits.
    fn memory<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
    ) -> ModelResult<Vec<(DecoderPort, O::Value)>>;

    /// The decoder's own graph: one token more.
    fn decoder(&self) -> ModelResult<Option<Graph>> {
        Ok(None)
    }
}

/// What heads that write can do: their [`Generator`], walked over tensors and over a graph.
pub trait TextWriter {
    fn tally(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses>;

    fn writing(&self, x: &Activations) -> ModelResult<Option<TextDecoding<'_>>>;

    fn start_token(&self) -> u32;

    fn memory(&self, x: &Activations) -> ModelResult<Vec<(DecoderPort, Tensor)>>;

    /// `memory` in the main graph.
    fn memory_to_onnx(
        &self,
        graph: &mut Graph,
        x: &GraphActivations,
    ) -> ModelResult<Vec<(DecoderPort, GraphValue)>>;

    fn decoder_to_onnx(&self) -> ModelResult<Option<Graph>>;
}

impl<G: Generator> TextWriter for G {
    fn tally(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses> {
        Generator::tally(self, x, labels)
    }

    fn writing(&self, x: &Activations) -> ModelResult<Option<TextDecoding<'_>>> {
        Generator::writing(self, x)
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
