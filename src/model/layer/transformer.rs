//! The layer `transformer`: see [`TransformerConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Rate};
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::layer::multi_head_attention::{SelfAttention, default_dropout, divided};
use crate::model::layer::positions::{PositionKind, Positions, default_length};
use crate::model::layer::{BuildLayer, Layer, Module, sequence};
use crate::model::ops::dense::Dense;
use crate::model::ops::{AttentionSettings, Ops};
use crate::model::weights::Weights;

const EPSILON: f64 = 1e-5;

/// A transformer encoder (Vaswani et al. 2017): `layers` times self-attention and a dense pair (width to
/// `hidden` and back), each with a residual around it.
///
/// `norm: pre` (the default; Xiong et al. 2020) is x + f(norm(x)) with one more norm at the end, and trains
/// without warm-up; `norm: post` is norm(x + f(x)), as first published.
///
/// ```yaml
/// trunk: [{transformer: {layers: 4, heads: 4, hidden: 1024, dropout: 0.1, positions: rotary}}, {pool: mean}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// How many times attention and the dense pair follow each other. Default 2.
    #[serde(default = "default_layers")]
    pub layers: Count,
    /// Heads of attention; they divide the width. Default 4.
    #[serde(default = "default_heads")]
    pub heads: Count,
    /// Width inside the dense pair. Default 4 times the width.
    #[serde(default)]
    pub hidden: Option<Count>,
    /// Share dropped while training: of attention's weights, inside the dense pair, and of what each adds.
    /// Default 0.
    #[serde(default = "default_dropout")]
    pub dropout: Rate,
    /// Where the norms stand: pre or post. Default pre.
    #[serde(default)]
    pub norm: NormPosition,
    /// How steps know their order: none, learned, sinusoidal or rotary. Default sinusoidal.
    #[serde(default)]
    pub positions: PositionEncoding,
    /// Steps that learned positions are for; longer sequences are refused. Default 512.
    #[serde(default = "default_length")]
    pub length: Count,
    /// Of the dense pair: gelu or relu. Default gelu.
    #[serde(default)]
    pub activation: GatedActivation,
    /// Does a step see itself and those before it alone? Default false.
    #[serde(default)]
    pub causal: bool,
}

/// Where the norms of a transformer stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormPosition {
    /// x + f(norm(x)), and a norm at the end.
    #[default]
    Pre,
    /// norm(x + f(x))
    Post,
}

/// How the steps of a transformer know their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PositionEncoding {
    /// Not at all: what comes before it may have told them.
    None,
    /// A learned vector is added to each of the first `length` steps.
    Learned,
    /// Sines and cosines are added.
    #[default]
    Sinusoidal,
    /// Queries and keys are turned by their steps.
    Rotary,
}

/// The function of a transformer's dense pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatedActivation {
    #[default]
    Gelu,
    Relu,
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

impl BuildLayer for TransformerConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let width = sequence(input)?;
        divided(width, self.heads.get(), self.positions == PositionEncoding::Rotary)?;
        Ok(input)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let width = input.width();
        let positions = match self.positions {
            PositionEncoding::None | PositionEncoding::Rotary => None,
            PositionEncoding::Learned => Some(PositionKind::Learned),
            PositionEncoding::Sinusoidal => Some(PositionKind::Sinusoidal),
        };
        let positions = match positions {
            Some(kind) => {
                let name = format!("{name}.positions");
                Some(Positions::build(&name, width, kind, self.length.get(), weights)?)
            }
            None => None,
        };
        let blocks = (0..self.layers.get())
            .map(|index| EncoderBlock::build(&format!("{name}.{index}"), self, width, weights))
            .collect::<ModelResult<_>>()?;
        let last = match self.norm {
            NormPosition::Pre => Some(LayerNorm::build(&format!("{name}.norm"), width, EPSILON, weights)?),
            NormPosition::Post => None,
        };
        Ok(Box::new(TransformerEncoder { positions, blocks, last }))
    }

    fn is_causal(&self) -> bool {
        self.causal
    }
}

/// Blocks, one after the other.
struct TransformerEncoder {
    positions: Option<Positions>,
    blocks: Vec<EncoderBlock>,
    last: Option<LayerNorm>,
}

/// Attention and the dense pair.
struct EncoderBlock {
    name: String,
    place: NormPosition,
    rate: f64,
    attention: SelfAttention,
    attention_norm: LayerNorm,
    up: Dense,
    down: Dense,
    dense_norm: LayerNorm,
}

impl EncoderBlock {
    fn build(
        name: &str,
        config: &TransformerConfig,
        width: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let heads = AttentionSettings {
            count: config.heads.get(),
            causal: config.causal,
            rotary: config.positions == PositionEncoding::Rotary,
            dropout: config.dropout.get(),
        };
        let hidden = config.hidden.map_or(4 * width, Count::get);
        let function = match config.activation {
            GatedActivation::Gelu => Activation::Gelu,
            GatedActivation::Relu => Activation::Relu,
        };
        let part = |part: &str| format!("{name}.{part}");
        Ok(Self {
            name: name.to_owned(),
            place: config.norm,
            rate: config.dropout.get(),
            attention: SelfAttention::build(&part("attention"), width, heads, weights)?,
            attention_norm: LayerNorm::build(&part("attention_norm"), width, EPSILON, weights)?,
            up: Dense::build(&part("up"), width, hidden, function, true, weights)?,
            down: Dense::projection(&part("down"), hidden, width, weights)?,
            dense_norm: LayerNorm::build(&part("dense_norm"), width, EPSILON, weights)?,
        })
    }

    fn on<O: Ops>(&self, ops: &mut O, signal: &Activations<O::Value>, x: &O::Value) -> ModelResult<O::Value> {
        let x = self.around(ops, &self.attention_norm, x, |ops, x| {
            let seen = self.attention.on(ops, signal, x)?;
            self.drop(ops, "attention_drop", &seen)
        })?;
        self.around(ops, &self.dense_norm, &x, |ops, x| {
            let hidden = self.up.on(ops, x)?;
            let hidden = self.drop(ops, "hidden_drop", &hidden)?;
            let y = self.down.on(ops, &hidden)?;
            self.drop(ops, "dense_drop", &y)
        })
    }

    fn drop<O: Ops>(&self, ops: &mut O, part: &str, x: &O::Value) -> ModelResult<O::Value> {
        ops.dropout(&format!("{}.{part}", self.name), self.rate, x)
    }

    /// A residual and a norm around a part.
    fn around<O: Ops>(
        &self,
        ops: &mut O,
        norm: &LayerNorm,
        x: &O::Value,
        part: impl FnOnce(&mut O, &O::Value) -> ModelResult<O::Value>,
    ) -> ModelResult<O::Value> {
        match self.place {
            NormPosition::Pre => {
                let normal = norm.on(ops, x)?;
                let y = part(ops, &normal)?;
                ops.add(x, &y)
            }
            NormPosition::Post => {
                let y = part(ops, x)?;
                let sum = ops.add(x, &y)?;
                norm.on(ops, &sum)
            }
        }
    }
}

impl Layer for TransformerEncoder {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let mut y = match &self.positions {
            Some(positions) => positions.on(ops, &x.x)?,
            None => x.x.clone(),
        };
        for block in &self.blocks {
            y = block.on(ops, x, &y)?;
        }
        Ok(x.with(match &self.last {
            Some(norm) => norm.on(ops, &y)?,
            None => y,
        }))
    }
}

#[cfg(test)]
mod tests;
