//! A transformer block whose parts are scaled before they are added, as of DINOv2.

use crate::model::activations::SequenceMask;
use crate::model::error::ModelResult;
use crate::model::layer::multi_head_attention::SelfAttention;
use crate::model::layer::transformer::block::BlockOptions;
use crate::model::layer::transformer::feed_forward::{FeedForward, FeedForwardOptions};
use crate::model::layer::transformer::norm::Norm;
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// x + s attention(norm(x)), then x + s feed_forward(norm(x)), each with its own learned s per column
/// (LayerScale, Touvron et al. 2021, arXiv 2103.17239).
pub struct ScaledBlock {
    name: String,
    dropout: f64,
    attention_norm: Norm,
    attention: SelfAttention,
    /// `[width]`
    attention_scale: Parameter,
    dense_norm: Norm,
    feed_forward: FeedForward,
    /// `[width]`
    dense_scale: Parameter,
}

impl ScaledBlock {
    /// A block over `width` features; its norms come first, whatever `options` say. Names of weights are those
    /// of [`EncoderBlock`](crate::model::layer::transformer::block::EncoderBlock), with `attention_scale` and
    /// `dense_scale`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        options: &BlockOptions,
        width: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let part = |part: &str| format!("{name}.{part}");
        let &BlockOptions { norm_kind, epsilon, hidden, bias, activation, .. } = options;
        let norm =
            |name: &str, weights: &mut Weights| Norm::build(norm_kind, &part(name), width, epsilon, weights);
        let scale = |name: &str, weights: &mut Weights| {
            weights.parameter(&format!("{}.weight", part(name)), &[width], Init::Ones)
        };
        let dense = FeedForwardOptions {
            kind: options.feed_forward,
            width,
            hidden,
            activation,
            bias,
            dropout: options.hidden_dropout,
        };
        Ok(Self {
            name: name.to_owned(),
            dropout: options.dropout,
            attention_norm: norm("attention_norm", weights)?,
            attention: SelfAttention::build(&part("attention"), width, options.heads, bias, weights)?,
            attention_scale: scale("attention_scale", weights)?,
            dense_norm: norm("dense_norm", weights)?,
            feed_forward: FeedForward::build(name, &dense, weights)?,
            dense_scale: scale("dense_scale", weights)?,
        })
    }

    /// Maps `x`, `[batch, time, width]`, to the same shape.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        let y = self.attention_norm.on(ops, x)?;
        let y = self.attention.on(ops, mask, &y)?;
        let x = self.added(ops, "attention_drop", x, &y, &self.attention_scale)?;
        let y = self.dense_norm.on(ops, &x)?;
        let y = self.feed_forward.on(ops, &y)?;
        self.added(ops, "dense_drop", &x, &y, &self.dense_scale)
    }

    /// x + scale dropout(y)
    fn added<O: Ops>(
        &self,
        ops: &mut O,
        part: &str,
        x: &O::Value,
        y: &O::Value,
        scale: &Parameter,
    ) -> ModelResult<O::Value> {
        let y = ops.dropout(&format!("{}.{part}", self.name), self.dropout, y)?;
        let scale = ops.weight(scale)?;
        let y = ops.mul(&y, &scale)?;
        ops.add(x, &y)
    }
}
