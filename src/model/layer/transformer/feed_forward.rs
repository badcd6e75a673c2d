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
    /// The same with G and U side by side in one matrix, as ModernBERT's checkpoints have them.
    #[serde(skip)]
    GatedTogether,
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
    input: FeedForwardInput,
    down: Dense,
    dropout: f64,
}

/// The projections to the hidden features.
#[derive(Clone)]
enum FeedForwardInput {
    Plain { up: Dense },
    Gated { gate: Dense, up: Dense },
    Together { gate_up: Dense, hidden: usize, activation: Activation },
}

impl FeedForward {
    /// Weights are named below `name`: `up`, `down`, and of a gated one `gate`, or `gate_up` for both in one.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(name: &str, options: &FeedForwardOptions, weights: &mut Weights) -> ModelResult<Self> {
        let &FeedForwardOptions { kind, width, hidden, activation, bias, dropout } = options;
        let part = |part: &str| format!("{name}.{part}");
        let plain = Activation::Identity;
        let input = match kind {
            FeedForwardKind::Plain => FeedForwardInput::Plain {
                up: Dense::build(&part("up"), width, hidden, activation, bias, weights)?,
            },
            FeedForwardKind::Gated => FeedForwardInput::Gated {
                gate: Dense::build(&part("gate"), width, hidden, activation, bias, weights)?,
                up: Dense::build(&part("up"), width, hidden, plain, bias, weights)?,
            },
            FeedForwardKind::GatedTogether => {
                let parts = [("gate", hidden), ("up", hidden)];
                let gate_up = Dense::packed(&part("gate_up"), width, &parts, plain, bias, weights)?;
                FeedForwardInput::Together { gate_up, hidden, activation }
            }
        };
        Ok(Self {
            name: name.to_owned(),
            input,
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
        let hidden = match &self.input {
            FeedForwardInput::Plain { up } => up.on(ops, x)?,
            FeedForwardInput::Gated { gate, up } => {
                let up = up.on(ops, x)?;
                let gate = gate.on(ops, x)?;
                ops.mul(&gate, &up)?
            }
            FeedForwardInput::Together { gate_up, hidden, activation } => {
                let both = gate_up.on(ops, x)?;
                let gate = ops.narrow(&both, -1, 0, *hidden)?;
                let gate = ops.activation(*activation, &gate)?;
                let up = ops.narrow(&both, -1, *hidden, *hidden)?;
                ops.mul(&gate, &up)?
            }
        };
        let hidden = ops.dropout(&format!("{}.hidden_drop", self.name), self.dropout, &hidden)?;
        self.down.on(ops, &hidden)
    }
}
