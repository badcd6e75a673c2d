//! The shelf of layers: encoders, trunk, experts and heads are lists of these.

pub mod activation;
pub mod batch_norm;
pub mod dense;
pub mod dropout;
pub mod layer_norm;
pub mod mark;
pub mod residual;

use crate::domain::kinds::kinds;

kinds! {
    /// One layer.
    pub enum LayerSpec: "layer" {
        Dense: "dense" => dense::DenseSpec,
        Dropout: "dropout" => dropout::DropoutSpec,
        BatchNorm: "batch_norm" => batch_norm::BatchNormSpec,
        LayerNorm: "layer_norm" => layer_norm::LayerNormSpec,
        Activation: "activation" => activation::ActivationSpec,
        Residual: "residual" => residual::ResidualSpec,
        Mark: "mark" => mark::MarkSpec,
    }
}
