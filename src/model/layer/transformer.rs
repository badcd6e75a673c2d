//! A transformer encoder (Vaswani et al. 2017): `layers` times self-attention and a dense pair (width to
//! `hidden` and back), each with a residual around it.
//!
//! `norm: pre` (the default; Xiong et al. 2020) is x + f(norm(x)) with one more norm at the end, and trains
//! without warm-up; `norm: post` is norm(x + f(x)), as first published.
//!
//! ```yaml
//! trunk: [{transformer: {layers: 4, heads: 4, hidden: 1024, dropout: 0.1, positions: rotary}}, {pool: mean}]
//! ```

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Count, Rate};
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::activation::Activation;
use crate::model::layer::dense::Dense;
use crate::model::layer::dropout::dropped;
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::layer::multi_head_attention::{Heads, SelfAttention, divided, none};
use crate::model::layer::positions::{PositionKind, Positions, many};
use crate::model::layer::{Layer, LayerWords, sequence};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

const EPSILON: f64 = 1e-5;

/// A transformer encoder (Vaswani et al. 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformerSpec {
    /// How many times attention and the dense pair follow each other. Default 2.
    #[serde(default = "two")]
    pub layers: Count,
    /// Heads of attention; they divide the width. Default 4.
    #[serde(default = "four")]
    pub heads: Count,
    /// Width inside the dense pair. Default 4 times the width.
    #[serde(default)]
    pub hidden: Option<Count>,
    /// Share dropped while training: of attention's weights, inside the dense pair, and of what each adds.
    /// Default 0.
    #[serde(default = "none")]
    pub dropout: Rate,
    /// Where the norms stand: pre or post. Default pre.
    #[serde(default)]
    pub norm: NormPlace,
    /// How steps know their order: none, learned, sinusoidal or rotary. Default sinusoidal.
    #[serde(default)]
    pub positions: Order,
    /// Steps that learned positions are for; longer sequences are refused. Default 512.
    #[serde(default = "many")]
    pub length: Count,
    /// Of the dense pair: gelu or relu. Default gelu.
    #[serde(default)]
    pub activation: Gate,
    /// Does a step see itself and those before it alone? Default false.
    #[serde(default)]
    pub causal: bool,
}

/// Where the norms of a transformer stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormPlace {
    /// x + f(norm(x)), and a norm at the end.
    #[default]
    Pre,
    /// norm(x + f(x))
    Post,
}

/// How the steps of a transformer know their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
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
pub enum Gate {
    #[default]
    Gelu,
    Relu,
}

impl Settings for TransformerSpec {
    const EXAMPLE: &'static str = "{transformer: {layers: 2, heads: 4, hidden: 256, dropout: 0.1}}";
}

fn two() -> Count {
    Count::constant(2)
}

fn four() -> Count {
    Count::constant(4)
}

impl LayerWords for TransformerSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        let width = sequence(input)?;
        divided(width, self.heads.get(), self.positions == Order::Rotary)?;
        Ok(input)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>> {
        let width = input.width();
        let positions = match self.positions {
            Order::None | Order::Rotary => None,
            Order::Learned => Some(PositionKind::Learned),
            Order::Sinusoidal => Some(PositionKind::Sinusoidal),
        };
        let positions = match positions {
            Some(kind) => {
                let name = format!("{name}.positions");
                Some(Positions::build(&name, width, kind, self.length.get(), weights)?)
            }
            None => None,
        };
        let blocks = (0..self.layers.get())
            .map(|index| Block::build(&format!("{name}.{index}"), self, width, weights))
            .collect::<Result<_>>()?;
        let last = match self.norm {
            NormPlace::Pre => Some(LayerNorm::build(&format!("{name}.norm"), width, EPSILON, weights)?),
            NormPlace::Post => None,
        };
        Ok(Box::new(Transformer { positions, blocks, last }))
    }

    fn is_causal(&self) -> bool {
        self.causal
    }
}

/// Blocks, one after the other.
struct Transformer {
    positions: Option<Positions>,
    blocks: Vec<Block>,
    last: Option<LayerNorm>,
}

/// Attention and the dense pair.
struct Block {
    name: String,
    place: NormPlace,
    rate: f64,
    attention: SelfAttention,
    attention_norm: LayerNorm,
    up: Dense,
    down: Dense,
    dense_norm: LayerNorm,
}

impl Block {
    fn build(name: &str, spec: &TransformerSpec, width: usize, weights: &mut Weights) -> Result<Self> {
        let heads = Heads {
            count: spec.heads.get(),
            causal: spec.causal,
            rotary: spec.positions == Order::Rotary,
            dropout: spec.dropout.get(),
        };
        let hidden = spec.hidden.map_or(4 * width, Count::get);
        let function = match spec.activation {
            Gate::Gelu => Activation::Gelu,
            Gate::Relu => Activation::Relu,
        };
        let part = |part: &str| format!("{name}.{part}");
        Ok(Self {
            name: name.to_owned(),
            place: spec.norm,
            rate: spec.dropout.get(),
            attention: SelfAttention::build(&part("attention"), width, heads, weights)?,
            attention_norm: LayerNorm::build(&part("attention_norm"), width, EPSILON, weights)?,
            up: Dense::build(&part("up"), width, hidden, function, true, weights)?,
            down: Dense::projection(&part("down"), hidden, width, weights)?,
            dense_norm: LayerNorm::build(&part("dense_norm"), width, EPSILON, weights)?,
        })
    }

    fn forward(&self, signal: &Signal, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let drop = |part: &str, x: Tensor| dropped(&format!("{}.{part}", self.name), self.rate, &x, mode);
        let attention = |x: &Tensor| drop("attention_drop", self.attention.apply(signal, x, mode)?);
        let dense = |x: &Tensor| {
            let hidden = drop("hidden_drop", self.up.apply(x)?)?;
            drop("dense_drop", self.down.apply(&hidden)?)
        };
        let x = self.around(&self.attention_norm, x, attention)?;
        self.around(&self.dense_norm, &x, dense)
    }

    /// A residual and a norm around a part.
    fn around(
        &self,
        norm: &LayerNorm,
        x: &Tensor,
        part: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        match self.place {
            NormPlace::Pre => Ok((x + part(&norm.apply(x)?)?)?),
            NormPlace::Post => norm.apply(&(x + part(x)?)?),
        }
    }

    fn nodes(&self, graph: &mut Graph, wire: &Wire, x: &Value) -> Result<Value> {
        let attention = |graph: &mut Graph, x: &Value| self.attention.nodes(graph, wire, x);
        let dense = |graph: &mut Graph, x: &Value| {
            let hidden = self.up.nodes(graph, x)?;
            self.down.nodes(graph, &hidden)
        };
        let x = self.nodes_around(graph, &self.attention_norm, x, attention)?;
        self.nodes_around(graph, &self.dense_norm, &x, dense)
    }

    fn nodes_around(
        &self,
        graph: &mut Graph,
        norm: &LayerNorm,
        x: &Value,
        part: impl FnOnce(&mut Graph, &Value) -> Result<Value>,
    ) -> Result<Value> {
        match self.place {
            NormPlace::Pre => {
                let normal = norm.nodes(graph, x)?;
                let y = part(graph, &normal)?;
                Ok(operator::add(graph, x, &y))
            }
            NormPlace::Post => {
                let y = part(graph, x)?;
                let sum = operator::add(graph, x, &y);
                norm.nodes(graph, &sum)
            }
        }
    }
}

impl Layer for Transformer {
    fn forward(&self, x: &Signal, mode: &Mode) -> Result<Signal> {
        let mut y = match &self.positions {
            Some(positions) => positions.apply(&x.x)?,
            None => x.x.clone(),
        };
        for block in &self.blocks {
            y = block.forward(x, &y, mode)?;
        }
        Ok(x.with(match &self.last {
            Some(norm) => norm.apply(&y)?,
            None => y,
        }))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        let mut y = match &self.positions {
            Some(positions) => positions.nodes(graph, &x.x)?,
            None => x.x.clone(),
        };
        for block in &self.blocks {
            y = block.nodes(graph, x, &y)?;
        }
        Ok(x.with(match &self.last {
            Some(norm) => norm.nodes(graph, &y)?,
            None => y,
        }))
    }
}

#[cfg(test)]
mod tests;
