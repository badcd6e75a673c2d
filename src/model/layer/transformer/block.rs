//! A block of a transformer encoder: of the layer `transformer`, and of pretrained models.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::activation::Activation;
use crate::model::activations::SequenceMask;
use crate::model::error::ModelResult;
use crate::model::layer::multi_head_attention::scored::RelativeScores;
use crate::model::layer::multi_head_attention::{AttentionVariant, SelfAttention};
use crate::model::layer::transformer::feed_forward::{FeedForward, FeedForwardKind, FeedForwardOptions};
use crate::model::layer::transformer::norm::{Norm, NormKind};
use crate::model::ops::{AttentionSettings, Ops, Recomputable};
use crate::model::weights::Weights;

/// Position of the layer norms of a transformer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormPosition {
    /// x + f(norm(x)), with a final norm.
    #[default]
    Pre,
    /// norm(x + f(x))
    Post,
}

/// Settings of a transformer block.
#[derive(Clone, Copy, Debug)]
pub struct BlockOptions {
    /// Position of the norms.
    pub norm: NormPosition,
    /// Kind of the norms.
    pub norm_kind: NormKind,
    /// Added to the variance or the mean square in norms.
    pub epsilon: f64,
    /// Whether the projections have a bias.
    pub bias: bool,
    /// Settings of the self-attention.
    pub heads: AttentionSettings,
    /// What of the self-attention is not as in the original transformer.
    pub attention: AttentionVariant,
    /// Whether the attention has a norm; the first block of ModernBERT has none.
    pub attention_norm: bool,
    /// Kind of the feed-forward network.
    pub feed_forward: FeedForwardKind,
    /// Hidden width of the feed-forward network.
    pub hidden: usize,
    /// Activation of the feed-forward network.
    pub activation: Activation,
    /// Dropout rate before residual additions.
    pub dropout: f64,
    /// Dropout rate of the feed-forward network's hidden activations; BERT has none there.
    pub hidden_dropout: f64,
}

/// Self-attention and a feed-forward network, each with a residual connection and a layer norm.
#[derive(Clone)]
pub struct EncoderBlock {
    name: String,
    norm: NormPosition,
    dropout: f64,
    attention: SelfAttention,
    attention_norm: Option<Norm>,
    feed_forward: FeedForward,
    dense_norm: Norm,
}

impl EncoderBlock {
    /// A block over `width` features; names of weights start with `name`: `attention.input`,
    /// `attention.output`, `attention_norm`, `gate` of a gated one, `up`, `down`, `dense_norm`.
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
        let &BlockOptions { norm_kind, epsilon, hidden, bias, activation, heads, attention, .. } = options;
        let norm =
            |name: &str, weights: &mut Weights| Norm::build(norm_kind, &part(name), width, epsilon, weights);
        Ok(Self {
            name: name.to_owned(),
            norm: options.norm,
            dropout: options.dropout,
            attention: SelfAttention::build(&part("attention"), width, heads, bias, attention, weights)?,
            attention_norm: match options.attention_norm {
                true => Some(norm("attention_norm", weights)?),
                false => None,
            },
            feed_forward: FeedForward::build(
                name,
                &FeedForwardOptions {
                    kind: options.feed_forward,
                    width,
                    hidden,
                    activation,
                    bias,
                    dropout: options.hidden_dropout,
                },
                weights,
            )?,
            dense_norm: norm("dense_norm", weights)?,
        })
    }

    /// The block with the same weights at another place: dropout draws by the name.
    pub fn shared_as(&self, name: &str) -> Self {
        let attention = self.attention.shared_as(&format!("{name}.attention"));
        let feed_forward = self.feed_forward.shared_as(name);
        Self { name: name.to_owned(), attention, feed_forward, ..self.clone() }
    }

    /// Maps `x`, `[batch, time, width]`, to the same shape; steps attend to those that `mask` has.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        ops.checkpoint(self, mask, x)
    }

    /// The same with terms of the attention scores that depend on distances; backward does not compute it
    /// again.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn relative<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        scores: Option<&RelativeScores<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        let x = self.residual(ops, self.attention_norm.as_ref(), x, |ops, x| {
            let y = self.attention.on(ops, mask, scores, x)?;
            self.drop(ops, "attention_drop", &y)
        })?;
        self.residual(ops, Some(&self.dense_norm), &x, |ops, x| {
            let y = self.feed_forward.on(ops, x)?;
            self.drop(ops, "dense_drop", &y)
        })
    }

    fn drop<O: Ops>(&self, ops: &mut O, part: &str, x: &O::Value) -> ModelResult<O::Value> {
        ops.dropout(&format!("{}.{part}", self.name), self.dropout, x)
    }

    /// Adds a residual connection and a norm to a part.
    fn residual<O: Ops>(
        &self,
        ops: &mut O,
        norm: Option<&Norm>,
        x: &O::Value,
        part: impl FnOnce(&mut O, &O::Value) -> ModelResult<O::Value>,
    ) -> ModelResult<O::Value> {
        match (self.norm, norm) {
            (NormPosition::Pre, Some(norm)) => {
                let normalized = norm.on(ops, x)?;
                let y = part(ops, &normalized)?;
                ops.add(x, &y)
            }
            (NormPosition::Post, Some(norm)) => {
                let y = part(ops, x)?;
                let sum = ops.add(x, &y)?;
                norm.on(ops, &sum)
            }
            (_, None) => {
                let y = part(ops, x)?;
                ops.add(x, &y)
            }
        }
    }
}

impl Recomputable for EncoderBlock {
    fn compute<O: Ops>(
        &self,
        ops: &mut O,
        mask: Option<&SequenceMask<O::Value>>,
        x: &O::Value,
    ) -> ModelResult<O::Value> {
        self.relative(ops, mask, None, x)
    }
}
