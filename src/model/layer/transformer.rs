//! The layer `transformer`: see [`TransformerConfig`].

pub mod block;
pub mod disentangled;
pub mod feed_forward;
pub mod norm;
pub mod relative_positions;
pub mod relative_terms;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Positive, Rate};
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::multi_head_attention::{AttentionVariant, HeadSettings, default_dropout};
use crate::model::layer::positions::{PositionKind, Positions, default_length};
pub use crate::model::layer::transformer::block::NormPosition;
use crate::model::layer::transformer::block::{BlockOptions, EncoderBlock};
pub use crate::model::layer::transformer::feed_forward::FeedForwardKind;
use crate::model::layer::transformer::norm::Norm;
pub use crate::model::layer::transformer::norm::NormKind;
use crate::model::layer::transformer::relative_positions::{DistanceBuckets, RelativePositions};
use crate::model::layer::transformer::relative_terms::{RelativeTerms, SharedTerms};
use crate::model::layer::{BuildLayer, Layer, Module, sequence};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// A transformer encoder (Vaswani et al. 2017): `layers` blocks of self-attention and a feed-forward network
/// (width to `hidden` and back), each with a residual connection.
///
/// `norm: pre` (default; Xiong et al. 2020) is x + f(norm(x)) with a final norm, and trains without warm-up;
/// `norm: post` is norm(x + f(x)), as in the original paper.
///
/// With `norm_kind: rms`, `feed_forward: gated`, `activation: silu`, `bias: false`, `positions: rotary`,
/// `kv_heads` and `causal: true` a block is that of Llama (Touvron et al. 2023). With `window: 64` a step
/// attends only to itself and the 64 steps before and after it (Beltagy et al. 2020).
///
/// ```yaml
/// trunk: [{transformer: {layers: 4, heads: 4, hidden: 1024, dropout: 0.1, positions: rotary}}, {pool: mean}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// Number of blocks. Default 2.
    #[serde(default = "default_layers")]
    pub layers: Count,
    /// Number of attention heads; it must divide the width. Default 4.
    #[serde(default = "default_heads")]
    pub heads: Count,
    /// Hidden width of the feed-forward network. Default: 4 times the width.
    #[serde(default)]
    pub hidden: Option<Count>,
    /// Dropout rate of attention weights, of hidden activations, and before residual additions. Default 0.
    #[serde(default = "default_dropout")]
    pub dropout: Rate,
    /// Position of the layer norms: pre or post. Default pre.
    #[serde(default)]
    pub norm: NormPosition,
    /// Positional encoding: none, learned, sinusoidal, rotary or relative. Default sinusoidal.
    #[serde(default)]
    pub positions: PositionEncoding,
    /// Maximum sequence length for learned positions. Default 512.
    #[serde(default = "default_length")]
    pub length: Count,
    /// Activation of the feed-forward network: gelu, relu or silu. Default gelu.
    #[serde(default)]
    pub activation: GatedActivation,
    /// Whether a step attends only to itself and previous steps. Default false.
    #[serde(default)]
    pub causal: bool,
    /// Kind of the norms: layer, layer_without_bias or rms. Default layer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub norm_kind: NormKind,
    /// Added to the variance or the mean square in norms. Default 1e-5.
    #[serde(default = "default_epsilon", skip_serializing_if = "is_default_epsilon")]
    pub epsilon: Positive,
    /// Kind of the feed-forward network: plain or gated. Default plain.
    #[serde(default, skip_serializing_if = "is_default")]
    pub feed_forward: FeedForwardKind,
    /// Whether the projections have a bias. Default true.
    #[serde(default = "default_bias", skip_serializing_if = "is_default_bias")]
    pub bias: bool,
    /// Number of heads of keys and values; it must divide `heads` (grouped-query attention, Ainslie et al.
    /// 2023). Default: `heads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<Count>,
    /// Rotary positions rotate pair i of a head of width d by theta^(-2i/d) per step. Default 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotary_theta: Option<Positive>,
    /// A step attends only to steps at most this far away. Default: to all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Count>,
}

/// Positional encoding of a transformer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PositionEncoding {
    /// No encoding, for example after a `positions` layer.
    None,
    /// Adds a trained vector to each of the first `length` steps.
    Learned,
    /// Adds sines and cosines.
    #[default]
    Sinusoidal,
    /// Rotary position embeddings of queries and keys.
    Rotary,
    /// A trained bias of the attention scores for each head and distance, in 32 buckets of distances up to
    /// 128, which all blocks share (T5, Raffel et al. 2020).
    Relative,
}

/// Activation of a transformer's feed-forward network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatedActivation {
    /// Gaussian error linear unit.
    #[default]
    Gelu,
    /// Rectified linear unit.
    Relu,
    /// x sigmoid(x)
    Silu,
}

impl Settings for TransformerConfig {
    const EXAMPLE: &'static str = "{transformer: {layers: 2, heads: 4, hidden: 256, dropout: 0.1}}";
}

fn default_layers() -> Count {
    Count::constant(2)
}

fn default_heads() -> Count {
    Count::constant(4)
}

fn default_epsilon() -> Positive {
    Positive::constant(1e-5)
}

fn default_bias() -> bool {
    true
}

/// Settings that came later are written only where they differ: fingerprints stay the same.
fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

fn is_default_bias(bias: &bool) -> bool {
    *bias == default_bias()
}

fn is_default_epsilon(epsilon: &Positive) -> bool {
    *epsilon == default_epsilon()
}

impl BuildLayer for TransformerConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        self.head_settings().check(sequence(input)?, "positions: rotary")?;
        Ok(input)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let width = input.width();
        let positions = match self.positions {
            PositionEncoding::None | PositionEncoding::Rotary | PositionEncoding::Relative => None,
            PositionEncoding::Learned => Some(PositionKind::Learned),
            PositionEncoding::Sinusoidal => Some(PositionKind::Sinusoidal),
        };
        let (layers, options) = (self.layers.get(), self.block(width));
        let outside = weights.set_blocks_after(Some(layers));
        let encoding =
            |kind| Positions::build(&format!("{name}.positions"), width, kind, self.length.get(), weights);
        let positions = positions.map(encoding).transpose()?;
        let relative = match self.positions {
            PositionEncoding::Relative => {
                let buckets = DistanceBuckets { causal: self.causal, ..DistanceBuckets::DEFAULT };
                let name = format!("{name}.relative");
                let positions = RelativePositions::build(&name, self.heads.get(), buckets, weights)?;
                Some(RelativeTerms::Bias(positions))
            }
            _ => None,
        };
        let block = |index: usize| {
            weights.set_blocks_after(Some(layers - 1 - index));
            EncoderBlock::build(&format!("{name}.{index}"), &options, width, weights)
        };
        let blocks = (0..layers).map(block).collect::<ModelResult<_>>()?;
        let final_norm = match self.norm {
            NormPosition::Pre => {
                let BlockOptions { norm_kind, epsilon, .. } = options;
                Some(Norm::build(norm_kind, &format!("{name}.norm"), width, epsilon, weights)?)
            }
            NormPosition::Post => None,
        };
        weights.set_blocks_after(outside);
        Ok(Box::new(TransformerEncoder { positions, relative, blocks, final_norm }))
    }

    fn is_causal(&self) -> bool {
        self.causal
    }
}

impl TransformerConfig {
    fn head_settings(&self) -> HeadSettings {
        let &Self { heads, kv_heads, rotary_theta, .. } = self;
        let rotary = self.positions == PositionEncoding::Rotary;
        HeadSettings { heads: heads.get(), kv_heads, rotary, rotary_theta }
    }

    fn block(&self, width: usize) -> BlockOptions {
        BlockOptions {
            norm: self.norm,
            norm_kind: self.norm_kind,
            epsilon: self.epsilon.get(),
            bias: self.bias,
            heads: self.head_settings().attention(self.causal, self.dropout),
            attention: AttentionVariant {
                window: self.window.map(Count::get),
                ..AttentionVariant::default()
            },
            attention_norm: true,
            feed_forward: self.feed_forward,
            hidden: self.hidden.map_or(4 * width, Count::get),
            activation: match self.activation {
                GatedActivation::Gelu => Activation::Gelu,
                GatedActivation::Relu => Activation::Relu,
                GatedActivation::Silu => Activation::Silu,
            },
            dropout: self.dropout.get(),
            hidden_dropout: self.dropout.get(),
        }
    }
}

/// A built transformer encoder.
struct TransformerEncoder {
    positions: Option<Positions>,
    relative: Option<RelativeTerms>,
    blocks: Vec<EncoderBlock>,
    final_norm: Option<Norm>,
}

impl Layer for TransformerEncoder {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let mut y = match &self.positions {
            Some(positions) => positions.on(ops, &x.x)?,
            None => x.x.clone(),
        };
        let terms = SharedTerms::new(ops, self.relative.as_ref(), &y)?;
        for block in &self.blocks {
            y = terms.apply(ops, block, x.mask.as_ref(), &y)?;
        }
        Ok(x.with(match &self.final_norm {
            Some(norm) => norm.on(ops, &y)?,
            None => y,
        }))
    }
}

#[cfg(test)]
mod tests;
