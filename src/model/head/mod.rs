//! What stands at the end of each task: a projection to its kind's raw output (the logits), and what
//! these mean (the answers). One per target kind.

pub mod binary;
pub mod multiclass;
pub mod ordinal;
pub mod pixel_regression;
pub mod regression;
pub mod segmentation;
pub mod tagging;

use candle_core::Tensor;

use crate::domain::array::Array;
use crate::domain::shape::Shape;
use crate::domain::task::Target;
use crate::domain::viterbi::Transitions;
use crate::model::error::Result;
use crate::model::labels::Labels;
use crate::model::layer::vector;
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};

/// The end of a task.
pub trait Head: Send + Sync {
    /// What its layers give to `[rows, logits]`; for steps `[rows, time, logits]`, for pixels
    /// `[rows, height, width, logits]`.
    fn logits(&self, x: &Signal, mode: &Mode) -> Result<Tensor>;

    /// The loss, as a scalar, where logits alone do not make it; otherwise `None`, and the task's loss is
    /// taken of every cell of the logits.
    fn loss(&self, _x: &Signal, _labels: &Labels, _loss: &LossSpec, _mode: &Mode) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Does `loss` give one?
    fn has_own_loss(&self) -> bool {
        false
    }

    /// What following one class with another scores, where the steps of a row are decided together.
    fn transitions(&self) -> Result<Option<Transitions>> {
        Ok(None)
    }

    /// The class of every step, where more than each step's own logits decide; `logits` are sequences.
    fn decide(&self, logits: &Array) -> Result<Option<Vec<u32>>> {
        let (offsets, emissions) = (logits.offsets.as_deref(), logits.as_f32());
        let Some(((transitions, offsets), emissions)) = self.transitions()?.zip(offsets).zip(emissions)
        else {
            return Ok(None);
        };
        Ok(Some(transitions.paths(emissions, offsets)))
    }

    /// Probabilities, or numbers in the target's unit: `[rows, answers]`.
    fn answers(&self, logits: &Tensor) -> Result<Tensor>;

    /// What the head of a task `after` this one also sees: probabilities, or numbers in
    /// standardized units, so that they are of the size of other features. Gradients flow through.
    fn evidence(&self, logits: &Tensor) -> Result<Tensor> {
        self.answers(logits)
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value>;

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value>;

    fn emit_evidence(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        self.emit_answers(graph, logits)
    }
}

/// Can the head of a task of this kind read `input`? Otherwise why not.
pub fn accepts(kind: &str, input: Shape) -> Result<(), String> {
    match (kind, input) {
        ("tagging" | "language_model", Shape::Sequence { .. }) => Ok(()),
        ("tagging" | "language_model", other) => Err(format!("needs a sequence, not {other}")),
        ("text", Shape::Sequence { .. } | Shape::Vector { .. }) => Ok(()),
        ("text", other) => Err(format!("needs a sequence or a vector, not {other}")),
        ("segmentation" | "pixel_regression", Shape::Image { .. }) => Ok(()),
        ("segmentation" | "pixel_regression", other) => Err(format!("needs an image, not {other}")),
        (_, other) => vector(other).map(drop),
    }
}

/// The head of a target; `accepts` has agreed to `input`.
pub fn build(name: &str, target: &Target, input: Shape, weights: &mut Weights) -> Result<Box<dyn Head>> {
    let width = input.width();
    Ok(match target {
        Target::Binary { .. } | Target::Multilabel { .. } => {
            Box::new(binary::Binary::build(name, width, target.logits(), weights)?)
        }
        Target::Multiclass { classes, .. } => {
            Box::new(multiclass::Multiclass::build(name, width, classes.len(), weights)?)
        }
        Target::Ordinal { classes, .. } => {
            Box::new(ordinal::Ordinal::build(name, width, classes.len(), weights)?)
        }
        Target::Regression { center, scale, .. } => {
            Box::new(regression::Regression::build(name, width, center, scale, weights)?)
        }
        Target::Tagging { classes, crf, .. } => {
            Box::new(tagging::Tagging::build(name, width, classes.len(), *crf, weights)?)
        }
        Target::Segmentation { height, width, .. } => {
            let pixels =
                segmentation::Pixels::build(name, input, (*height, *width), target.logits(), weights)?;
            Box::new(segmentation::Segmentation::new(pixels))
        }
        Target::PixelRegression { height, width, center, scale } => {
            let pixels = segmentation::Pixels::build(name, input, (*height, *width), 1, weights)?;
            Box::new(pixel_regression::PixelRegression::new(pixels, *center, *scale))
        }
        other => return Err(candle_core::Error::msg(format!("no head for {}", other.kind())).into()),
    })
}
