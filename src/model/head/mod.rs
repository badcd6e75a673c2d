//! What stands at the end of each task: a projection to its kind's raw output (the logits), and what
//! these mean (the answers). One per target kind.

pub mod binary;
pub mod multiclass;
pub mod ordinal;
pub mod regression;

use candle_core::Tensor;

use crate::domain::task::Target;
use crate::model::error::Result;
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};

/// The end of a task.
pub trait Head: Send + Sync {
    /// `[rows, width]` to `[rows, logits]`.
    fn logits(&self, x: &Tensor) -> Result<Tensor>;

    /// Probabilities, or numbers in the target's unit: `[rows, answers]`.
    fn answers(&self, logits: &Tensor) -> Result<Tensor>;

    /// What the head of a task `after` this one also sees: probabilities, or numbers in
    /// standardized units, so that they are of the size of other features. Gradients flow through.
    fn evidence(&self, logits: &Tensor) -> Result<Tensor> {
        self.answers(logits)
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Value) -> Result<Value>;

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value>;

    fn emit_evidence(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        self.emit_answers(graph, logits)
    }
}

/// The head of a target, reading `width` numbers per row.
pub fn build(name: &str, target: &Target, width: usize, weights: &mut Weights) -> Result<Box<dyn Head>> {
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
    })
}
