//! The feed-forward network of a transformer block.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// Kind of a transformer's feed-forward network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedForwardKind {
    /// activation(x U) D
    #[default]
    Plain,
    /// (activation(x G) * x U) D (Shazeer 2020): SwiGLU with silu, GEGLU with gelu, ReGLU with relu.
    Gated,
}

/// Settings of a feed-forward network.
#[derive(Clone, Copy, Debug)]
pub struct FeedForwardOptions {
    /// Whether the hidden activations are gated.
    pub kind: FeedForwardKind,
    /// Width of input and output.
    pub width: usize,
    /// Hidden width.
    pub hidden: usize,
    /// Activation of the hidden features, or of their gate.
    pub activation: Activation,
    /// Whether the projections have a bias.
    pub bias: bool,
    /// Dropout rate of the hidden activations.
    pub dropout: f64,
}

/// A built feed-forward network.
#[derive(Clone)]
pub struct FeedForward {
    name: String,
    gate: Option<Dense>,
    up: Dense,
    down: Dense,
    dropout: f64,
}

impl FeedForward {
    /// Weights are named below `name`: `gate` (if gated), `up`, `down`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(name: &str, options: &FeedForwardOptions, weights: &mut Weights) -> ModelResult<Self> {
        let &FeedForwardOptions { kind, width, hidden, activation, bias, dropout } = options;
        let part = |part: &str| format!("{name}.{part}");
        let plain = Activation::Identity;
        let (gate, up) = match kind {
            FeedForwardKind::Plain => (None, activation),
            FeedForwardKind::Gated => {
                (Some(Dense::build(&part("gate"), width, hidden, activation, bias, weights)?), plain)
            }
        };
        Ok(Self {
            name: name.to_owned(),
            gate,
            up: Dense::build(&part("up"), width, hidden, up, bias, weights)?,
            down: Dense::build(&part("down"), hidden, width, plain, bias, weights)?,
            dropout,
        })
    }

    /// The network with the same weights at another place: dropout draws by the name.
    pub fn shared_as(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// Maps `x`, `[..., width]`, to the same shape.
    ///
    /// # Errors
    /// Those of the operations.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let mut hidden = self.up.on(ops, x)?;
        if let Some(gate) = &self.gate {
            let gate = gate.on(ops, x)?;
            hidden = ops.mul(&gate, &hidden)?;
        }
        let hidden = ops.dropout(&format!("{}.hidden_drop", self.name), self.dropout, &hidden)?;
        self.down.on(ops, &hidden)
    }
}
