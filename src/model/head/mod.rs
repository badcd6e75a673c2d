//! What stands at the end of each task: a projection to its kind's raw output (the logits), and what
//! these mean (the answers). One per target kind.

pub mod binary;
mod build;
pub mod decoder;
pub mod language_model;
pub mod multiclass;
pub mod ordinal;
pub mod output;
pub mod pixel_regression;
pub mod pointer;
pub mod projected;
pub mod regression;
pub mod segmentation;
pub mod tagging;
pub mod text;
pub mod unit;
pub mod writer;

use candle_core::Tensor;

use crate::decode::viterbi::Transitions;
use crate::domain::array::Array;
use crate::model::error::Result;
pub use crate::model::head::build::{accepts, build};
use crate::model::head::output::Output;
use crate::model::head::writer::Writer;
use crate::model::labels::Labels;
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::ops::{Nodes, Tensors};
use crate::model::signal::{Signal, Wire};
use crate::onnx::graph::{Graph, Value};

/// The end of a task: its [`Output`], walked over tensors and over a graph.
pub trait Head: Send + Sync {
    /// What its layers give to `[rows, logits]`; for steps `[rows, time, logits]`, for pixels
    /// `[rows, height, width, logits]`.
    fn logits(&self, x: &Signal, mode: &Mode) -> Result<Tensor>;

    /// The loss, as a scalar, where logits alone do not make it; otherwise `None`, and the task's loss is
    /// taken of every cell of the logits.
    fn loss(&self, x: &Signal, labels: &Labels, loss: &LossSpec, mode: &Mode) -> Result<Option<Tensor>>;

    /// Does `loss` give one?
    fn has_own_loss(&self) -> bool;

    /// What following one class with another scores, where the steps of a row are decided together.
    fn transitions(&self) -> Result<Option<Transitions>>;

    /// The class of every step, where more than each step's own logits decide; `logits` are sequences.
    fn decide(&self, logits: &Array) -> Result<Option<Vec<u32>>> {
        let (offsets, emissions) = (logits.offsets.as_deref(), logits.as_f32());
        let Some(((transitions, offsets), emissions)) = self.transitions()?.zip(offsets).zip(emissions)
        else {
            return Ok(None);
        };
        Ok(Some(transitions.paths(emissions, offsets)))
    }

    /// Probabilities, or numbers in standardized units, `[rows, answers]`: what the head of a task `after` this one
    /// also sees, all of the size of other features. Gradients flow through. Numbers in the target's unit are
    /// made of the logits in 64 bits, see [`in_unit`](crate::model::head::unit::in_unit).
    fn answers(&self, logits: &Tensor) -> Result<Tensor>;

    /// Does it use this one of the weights that heads share?
    fn shares(&self, weight: &str) -> bool;

    /// What more it can do if it writes tokens of a vocabulary.
    fn writer(&self) -> Option<&dyn Writer>;

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value>;

    /// Probabilities, or numbers in the target's unit.
    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value>;

    /// What `answers` gives, in a graph.
    fn emit_evidence(&self, graph: &mut Graph, logits: &Value) -> Result<Value>;
}

impl<T: Output> Head for T {
    fn logits(&self, x: &Signal, mode: &Mode) -> Result<Tensor> {
        Output::logits(self, &mut Tensors::of(mode), x)
    }

    fn loss(&self, x: &Signal, labels: &Labels, loss: &LossSpec, mode: &Mode) -> Result<Option<Tensor>> {
        Output::loss(self, x, labels, loss, mode)
    }

    fn has_own_loss(&self) -> bool {
        Output::has_own_loss(self)
    }

    fn transitions(&self) -> Result<Option<Transitions>> {
        Output::transitions(self)
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        self.evidence(&mut Tensors::answering(), logits)
    }

    fn shares(&self, weight: &str) -> bool {
        Output::shares(self, weight)
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Output::writer(self)
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        Output::logits(self, &mut Nodes { graph }, x)
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        let mut ops = Nodes { graph };
        match self.unit() {
            Some(unit) => Ok(ops.in_unit(logits, unit)),
            None => self.evidence(&mut ops, logits),
        }
    }

    fn emit_evidence(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        self.evidence(&mut Nodes { graph }, logits)
    }
}
