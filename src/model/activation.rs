//! Activation functions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An element-wise activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// x where x > 0, else 0.01 x
    LeakyRelu,
    /// x where x > 0, else exp(x) - 1
    Elu,
    /// x Phi(x), Phi the standard normal CDF (exact, by erf)
    Gelu,
    /// x sigmoid(x), also called swish
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// log(1 + exp(x))
    Softplus,
    /// x itself.
    Identity,
}
