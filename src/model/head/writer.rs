//! Heads that write tokens of a vocabulary: too many for an answer of all their probabilities.

use candle_core::Tensor;

use crate::decode::search::Stepper;
use crate::model::error::{Error, Result};
use crate::model::head::decoder::Port;
use crate::model::labels::Labels;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::model::signal::{Signal, Wire};
use crate::onnx::graph::{Graph, Value};

/// What true texts cost, each token guessed from the true ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Tokens with a label.
    pub tokens: usize,
    /// The sum of -log probability of the true token.
    pub cost: f64,
    /// How often the true token was the likeliest.
    pub correct: usize,
}

impl Tally {
    /// Of tokens that cost so much, with their likeliest; `classes` are the true ones of those that count.
    pub fn of(scores: &[(f32, u32)], classes: &[u32], shares: &[f32]) -> Self {
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
pub type Writing<'a> = Box<dyn Stepper<Error = Error> + 'a>;

/// A head that writes, described once.
pub trait Generator: Send + Sync {
    /// What the true texts cost.
    fn tally(&self, x: &Signal, labels: &Labels) -> Result<Tally>;

    /// Says the next token of each row, from the token called `begin` on; `None` where only the whole network
    /// can (a language model goes on with its input).
    fn writing(&self, _x: &Signal) -> Result<Option<Writing<'_>>> {
        Ok(None)
    }

    /// The number that stands for the token before the first.
    fn begin(&self) -> u32;

    /// What the model gives for this task, by name: what the decoder's graph takes, or the next token's logits.
    fn memory<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Vec<(Port, O::Value)>>;

    /// The decoder's own graph: one token more.
    fn decoder(&self) -> Result<Option<Graph>> {
        Ok(None)
    }
}

/// What heads that write can do: their [`Generator`], walked over tensors and over a graph.
pub trait Writer {
    fn tally(&self, x: &Signal, labels: &Labels) -> Result<Tally>;

    fn writing(&self, x: &Signal) -> Result<Option<Writing<'_>>>;

    fn begin(&self) -> u32;

    fn memory(&self, x: &Signal) -> Result<Vec<(Port, Tensor)>>;

    /// `memory` in the main graph.
    fn emit_memory(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<(Port, Value)>>;

    fn emit_decoder(&self) -> Result<Option<Graph>>;
}

impl<G: Generator> Writer for G {
    fn tally(&self, x: &Signal, labels: &Labels) -> Result<Tally> {
        Generator::tally(self, x, labels)
    }

    fn writing(&self, x: &Signal) -> Result<Option<Writing<'_>>> {
        Generator::writing(self, x)
    }

    fn begin(&self) -> u32 {
        Generator::begin(self)
    }

    fn memory(&self, x: &Signal) -> Result<Vec<(Port, Tensor)>> {
        Generator::memory(self, &mut Tensors::answering(), x)
    }

    fn emit_memory(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<(Port, Value)>> {
        Generator::memory(self, &mut Nodes { graph }, x)
    }

    fn emit_decoder(&self) -> Result<Option<Graph>> {
        self.decoder()
    }
}
