//! What stands at the end of each task: a projection to its kind's raw output (the logits), and what
//! these mean (the answers). One per target kind.

pub mod binary;
mod build;
pub mod decoder;
pub mod language_model;
pub mod multiclass;
pub mod ordinal;
pub mod output;
mod output_as_head;
pub mod pixel_regression;
pub mod pointer;
pub mod projected;
pub mod regression;
pub mod segmentation;
pub mod tagging;
pub mod target_unit;
pub mod text;
pub mod text_writer;

use candle_core::Tensor;

use crate::decode::viterbi::Transitions;
use crate::domain::array::Array;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::ModelResult;
pub use crate::model::head::build::{accepts, build};
use crate::model::head::text_writer::TextWriter;
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::onnx::graph::{Graph, GraphValue};

/// The end of a task: its [`Output`](crate::model::head::output::Output), walked over tensors and over a graph.
pub trait Head: Send + Sync {
    /// What its layers give to `[rows, logits]`; for steps `[rows, time, logits]`, for pixels
    /// `[rows, height, width, logits]`.
    fn logits(&self, x: &Activations, mode: &Mode) -> ModelResult<Tensor>;

    /// The loss, as a scalar, where logits alone do not make it; otherwise `None`, and the task's loss is
    /// taken of every cell of the logits.
    fn loss(
        &self,
        x: &Activations,
        labels: &Labels,
        loss: &LossConfig,
        mode: &Mode,
    ) -> ModelResult<Option<Tensor>>;

    /// Does `loss` give one?
    fn has_own_loss(&self) -> bool;

    /// What following one class with another scores, where the steps of a row are decided together.
    fn transitions(&self) -> ModelResult<Option<Transitions>>;

    /// The class of every step, where more than each step's own logits decide; `logits` are sequences.
    fn decide(&self, logits: &Array) -> ModelResult<Option<Vec<u32>>> {
        let (offsets, emissions) = (logits.offsets.as_deref(), logits.as_f32());
        let Some(((transitions, offsets), emissions)) = self.transitions()?.zip(offsets).zip(emissions)
        else {
            return Ok(None);
        };
        Ok(Some(transitions.paths(emissions, offsets)))
    }

    /// Probabilities, or numbers in standardized units, `[rows, answers]`: what the head of a task `after`
    /// this one also sees, all of the size of other features. Gradients flow through. Numbers in the target's
    /// unit are made of the logits in 64 bits, see [`in_unit`](crate::model::head::target_unit::in_unit).
    fn answers(&self, logits: &Tensor) -> ModelResult<Tensor>;

    /// Does it use this one of the weights that heads share?
    fn shares(&self, weight: &str) -> bool;

    /// What more it can do if it writes tokens of a vocabulary.
    fn writer(&self) -> Option<&dyn TextWriter>;

    fn logits_to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<GraphValue>;

    /// Probabilities, or numbers in the target's unit.
    fn predictions_to_onnx(&self, graph: &mut Graph, logits: &GraphValue) -> ModelResult<GraphValue>;

    /// What `answers` gives, in a graph.
    fn conditioning_to_onnx(&self, graph: &mut Graph, logits: &GraphValue) -> ModelResult<GraphValue>;
}
