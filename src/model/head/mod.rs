//! Output heads, one per target kind: a projection to logits, and the predictions made of them.

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

/// A built output head: an [`Output`](crate::model::head::output::Output) over tensors and over an ONNX
/// graph.
pub trait Head: Send + Sync {
    /// What the head reads of the output of its layers: x itself; for tagging over the pieces of words the
    /// first piece of each, `[batch, words, width]`.
    fn read(&self, x: Activations) -> ModelResult<Activations>;

    /// Logits `[batch, logits]`; `[batch, time, logits]` for sequences, `[batch, height, width, logits]` for
    /// images.
    fn logits(&self, x: &Activations, mode: &Mode) -> ModelResult<Tensor>;

    /// The loss, a scalar, if the head computes it itself; `None` if `loss` is computed from the logits.
    fn loss(
        &self,
        x: &Activations,
        labels: &Labels,
        loss: &LossConfig,
        mode: &Mode,
    ) -> ModelResult<Option<Tensor>>;

    /// Whether the loss needs more than the logits (CRF, text generation).
    fn has_own_loss(&self) -> bool;

    /// Scores of class transitions, if the steps of a row are decoded jointly.
    fn transitions(&self) -> ModelResult<Option<Transitions>>;

    /// The predicted class of every step, if the steps are decoded jointly; `logits` are ragged sequences.
    fn decide(&self, logits: &Array) -> ModelResult<Option<Vec<u32>>> {
        let (offsets, emissions) = (logits.offsets.as_deref(), logits.as_f32());
        let Some(((transitions, offsets), emissions)) = self.transitions()?.zip(offsets).zip(emissions)
        else {
            return Ok(None);
        };
        Ok(Some(transitions.paths(emissions, offsets)))
    }

    /// Probabilities, or numbers in standardized units, `[batch, predictions]`: the features that heads of
    /// tasks `after` this one read. Differentiable. Numbers in the target's unit are computed from the logits
    /// in 64 bits, see [`in_unit`](crate::model::head::target_unit::in_unit).
    fn predictions(&self, logits: &Tensor) -> ModelResult<Tensor>;

    /// Whether the head uses the shared weight of this name.
    fn shares(&self, weight: &str) -> bool;

    /// Text generation, if the head generates text.
    fn writer(&self) -> Option<&dyn TextWriter>;

    /// [`Self::read`] in a graph, where there are as many places for words as for steps.
    fn read_to_onnx(&self, graph: &mut Graph, x: GraphActivations) -> ModelResult<GraphActivations>;

    /// Writes the nodes that compute the logits.
    fn logits_to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<GraphValue>;

    /// Probabilities, or numbers in the target's unit.
    fn predictions_to_onnx(&self, graph: &mut Graph, logits: &GraphValue) -> ModelResult<GraphValue>;

    /// [`Self::predictions`] in a graph.
    fn conditioning_to_onnx(&self, graph: &mut Graph, logits: &GraphValue) -> ModelResult<GraphValue>;
}
