//! The shelf of layers: encoders, trunk, experts and heads are lists of these.

pub mod activation;
pub mod avg_pool2d;
pub mod batch_norm;
pub mod conv1d;
pub mod conv2d;
pub mod conv_transpose2d;
pub mod dense;
pub mod dropout;
pub mod embedding;
pub mod flatten;
pub mod global_pool;
pub mod gru;
pub mod layer_norm;
pub mod lstm;
pub mod mark;
pub mod max_pool2d;
pub mod multi_head_attention;
pub mod padding;
pub mod pool;
mod pool2d;
pub mod positions;
pub mod recurrent;
pub mod residual;
pub mod stack;
pub mod to_sequence;
pub mod transformer;
pub mod upsample;
mod wanted;

use crate::domain::kinds::kinds;
use crate::domain::shape::Shape;
use crate::model::error::Result;
pub use crate::model::layer::wanted::{image, numbers, sequence, vector};
use crate::model::mode::Mode;
pub use crate::model::module::Module;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::Graph;

kinds! {
    /// One layer.
    pub open enum LayerSpec: "layer" => dyn LayerWords {
        Dense: "dense" => dense::DenseSpec,
        Dropout: "dropout" => dropout::DropoutSpec,
        BatchNorm: "batch_norm" => batch_norm::BatchNormSpec,
        LayerNorm: "layer_norm" => layer_norm::LayerNormSpec,
        Activation: "activation" => activation::ActivationSpec,
        Embedding: "embedding" => embedding::EmbeddingSpec,
        Gru: "gru" => gru::GruSpec,
        Lstm: "lstm" => lstm::LstmSpec,
        MultiHeadAttention: "multi_head_attention" => multi_head_attention::MultiHeadAttentionSpec,
        Pool: "pool" => pool::PoolSpec,
        Positions: "positions" => positions::PositionsSpec,
        Transformer: "transformer" => transformer::TransformerSpec,
        Residual: "residual" => residual::ResidualSpec,
        Mark: "mark" => mark::MarkSpec,
        Conv2d: "conv2d" => conv2d::Conv2dSpec,
        ConvTranspose2d: "conv_transpose2d" => conv_transpose2d::ConvTranspose2dSpec,
        MaxPool2d: "max_pool2d" => max_pool2d::MaxPool2dSpec,
        AvgPool2d: "avg_pool2d" => avg_pool2d::AvgPool2dSpec,
        Upsample: "upsample" => upsample::UpsampleSpec,
        GlobalPool: "global_pool" => global_pool::GlobalPoolSpec,
        Flatten: "flatten" => flatten::FlattenSpec,
        ToSequence: "to_sequence" => to_sequence::ToSequenceSpec,
        Conv1d: "conv1d" => conv1d::Conv1dSpec,
    }
}

/// What a layer's words can do.
pub trait LayerWords: Send + Sync {
    /// What it gives for one row, or why it cannot take `input`. No candle.
    fn shape(&self, input: Shape) -> Result<Shape, String>;

    /// Has each row of a sequence as many steps behind it as before it?
    fn keeps_steps(&self) -> bool {
        true
    }

    /// The working layer; its weights' names begin with `name`. `shape` has agreed to `input`.
    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Module>>;

    /// Does what it gives at a step depend on that step and those before it alone?
    fn is_causal(&self) -> bool {
        true
    }
}

/// A built layer: what it computes, described once.
pub trait Layer: Send + Sync {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>>;
}

impl<L: Layer> Module for L {
    fn forward(&self, x: &Signal, mode: &Mode) -> Result<Signal> {
        self.apply(&mut Tensors::of(mode), x)
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        self.apply(&mut Nodes { graph }, x)
    }
}
