//! The shelf of layers: encoders, trunk, experts and heads are lists of these.

pub mod activation;
pub mod batch_norm;
pub mod dense;
pub mod dropout;
pub mod layer_norm;
pub mod mark;
pub mod residual;

use candle_core::Tensor;

use crate::domain::kinds::kinds;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::mode::Mode;
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};

kinds! {
    /// One layer.
    pub enum LayerSpec: "layer" => dyn LayerWords {
        Dense: "dense" => dense::DenseSpec,
        Dropout: "dropout" => dropout::DropoutSpec,
        BatchNorm: "batch_norm" => batch_norm::BatchNormSpec,
        LayerNorm: "layer_norm" => layer_norm::LayerNormSpec,
        Activation: "activation" => activation::ActivationSpec,
        Residual: "residual" => residual::ResidualSpec,
        Mark: "mark" => mark::MarkSpec,
    }
}

/// What a layer's words can do.
pub trait LayerWords {
    /// What it gives for one row, or why it cannot take `input`. No candle.
    fn shape(&self, input: Shape) -> Result<Shape, String>;

    /// The working layer; its weights' names begin with `name`. `shape` has agreed to `input`.
    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>>;
}

/// A built layer.
pub trait Layer: Send + Sync {
    fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor>;

    /// What `forward` does when answering, as nodes of an ONNX graph.
    fn emit(&self, graph: &mut Graph, x: &Value) -> Result<Value>;
}

/// A vector's width, or that a layer needs one.
pub fn vector(input: Shape) -> Result<usize, String> {
    match input {
        Shape::Vector { width } => Ok(width),
        other => Err(format!("needs a vector, not {other}")),
    }
}
