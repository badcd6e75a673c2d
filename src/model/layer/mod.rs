//! The registry of layers. Encoders, the trunk, experts and heads are lists of layers.

pub mod activation;
pub mod avg_pool2d;
pub mod batch_norm;
pub mod conv1d;
pub mod conv2d;
pub mod conv_transpose2d;
pub mod dense;
pub mod drop_path;
pub mod dropout;
pub mod embedding;
mod expected_shape;
pub mod flatten;
pub mod global_pool;
pub mod groups;
pub mod gru;
pub mod layer_norm;
pub mod layer_scale;
pub mod lstm;
pub mod mark;
pub mod max_pool2d;
pub mod multi_head_attention;
pub mod padding;
pub mod patch_embedding;
pub mod patch_tokens;
pub mod pool;
mod pool2d;
pub mod positions;
pub mod pretrained;
pub mod recurrent;
pub mod residual;
pub mod rms_norm;
pub mod squeeze_excite;
pub mod stack;
pub mod to_sequence;
pub mod transformer;
pub mod upsample;

use crate::domain::choice_config::kinds;
use crate::domain::shape::Shape;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::ModelResult;
pub use crate::model::layer::expected_shape::{image, numbers, sequence, vector};
use crate::model::mode::Mode;
pub use crate::model::module::Module;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::model::weights::Weights;
use crate::onnx::graph::Graph;

kinds! {
    /// Settings of a layer.
    pub open enum LayerConfig: "layer" => dyn BuildLayer {
        Dense: "dense" => dense::DenseConfig,
        Dropout: "dropout" => dropout::DropoutConfig,
        BatchNorm: "batch_norm" => batch_norm::BatchNormConfig,
        LayerNorm: "layer_norm" => layer_norm::LayerNormConfig,
        RmsNorm: "rms_norm" => rms_norm::RmsNormConfig,
        Activation: "activation" => activation::ActivationConfig,
        Embedding: "embedding" => embedding::EmbeddingConfig,
        Gru: "gru" => gru::GruConfig,
        Lstm: "lstm" => lstm::LstmConfig,
        MultiHeadAttention: "multi_head_attention" => multi_head_attention::MultiHeadAttentionConfig,
        Pool: "pool" => pool::PoolConfig,
        Positions: "positions" => positions::PositionsConfig,
        Transformer: "transformer" => transformer::TransformerConfig,
        Residual: "residual" => residual::ResidualConfig,
        LayerScale: "layer_scale" => layer_scale::LayerScaleConfig,
        DropPath: "drop_path" => drop_path::DropPathConfig,
        Mark: "mark" => mark::MarkConfig,
        Conv2d: "conv2d" => conv2d::Conv2dConfig,
        ConvTranspose2d: "conv_transpose2d" => conv_transpose2d::ConvTranspose2dConfig,
        MaxPool2d: "max_pool2d" => max_pool2d::MaxPool2dConfig,
        AvgPool2d: "avg_pool2d" => avg_pool2d::AvgPool2dConfig,
        Upsample: "upsample" => upsample::UpsampleConfig,
        SqueezeExcite: "squeeze_excite" => squeeze_excite::SqueezeExciteConfig,
        PatchEmbedding: "patch_embedding" => patch_embedding::PatchEmbeddingConfig,
        GlobalPool: "global_pool" => global_pool::GlobalPoolConfig,
        Flatten: "flatten" => flatten::FlattenConfig,
        ToSequence: "to_sequence" => to_sequence::ToSequenceConfig,
        Conv1d: "conv1d" => conv1d::Conv1dConfig,
        Pretrained: "pretrained" => pretrained::PretrainedConfig,
    }
}

/// Shape inference and construction of a layer from its settings.
pub trait BuildLayer: Send + Sync {
    /// Shape of one row of the output.
    ///
    /// # Errors
    /// Why the layer does not accept `input`, a phrase whose subject is the layer.
    fn shape(&self, input: Shape) -> ModelResult<Shape, String>;

    /// Whether sequences keep their number of steps.
    fn keeps_steps(&self) -> bool {
        true
    }

    /// Builds the layer; names of its weights start with `name`. [`Self::shape`] must accept `input`.
    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>>;

    /// Whether the output at a step depends only on this step and previous ones.
    fn is_causal(&self) -> bool {
        true
    }
}

/// A built layer over any backend: tensors for training and inference, graph nodes for export.
pub trait Layer: Send + Sync {
    /// Computes the layer over tensors, or writes its nodes.
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>>;
}

impl<L: Layer> Module for L {
    fn forward(&self, x: &Activations, mode: &Mode) -> ModelResult<Activations> {
        self.apply(&mut Tensors::new(mode), x)
    }

    fn to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<GraphActivations> {
        self.apply(&mut Nodes { graph }, x)
    }
}
