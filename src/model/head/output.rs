//! The backend-generic description of an output head.

use candle_core::Tensor;

use crate::decode::viterbi::Transitions;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::target_unit::TargetUnit;
use crate::model::head::text_writer::TextWriter;
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::ops::Ops;

/// The computation of an output head over any backend: tensors for training and inference, graph nodes for
/// export. [`Head`](crate::model::head::Head) documents the methods.
pub trait Output: Send + Sync {
    /// What the head reads of the output of its layers: x itself, or its words.
    fn read<O: Ops>(&self, _ops: &mut O, x: Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x)
    }

    /// Logits, channels last: `[batch, ..., width]`.
    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value>;

    /// Probabilities, or numbers in standardized units.
    fn conditioning<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> ModelResult<O::Value>;

    /// For regression heads, the conversion from standardized units to the target's unit.
    fn unit(&self) -> Option<&TargetUnit> {
        None
    }

    /// The head's own loss, if it has one: see `has_own_loss`.
    fn loss(
        &self,
        _x: &Activations,
        _labels: &Labels,
        _loss: &LossConfig,
        _mode: &Mode,
    ) -> ModelResult<Option<Tensor>> {
        Ok(None)
    }

    /// Whether `loss` replaces the loss over logits.
    fn has_own_loss(&self) -> bool {
        false
    }

    /// Scores of transitions between tags, for a head with a CRF.
    fn transitions(&self) -> ModelResult<Option<Transitions>> {
        Ok(None)
    }

    /// Whether the head uses a weight of the shared part, such as a tied embedding.
    fn shares(&self, _weight: &str) -> bool {
        false
    }

    /// The head as a generator of texts, if it is one.
    fn writer(&self) -> Option<&dyn TextWriter> {
        None
    }
}
