//! Activation functions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An element-wise activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6) (Howard et al. 2017)
    Relu6,
    /// x where x > 0, else 0.01 x
    LeakyRelu,
    /// x where x > 0, else exp(x) - 1
    Elu,
    /// x Phi(x), Phi the standard normal CDF (exact, by erf)
    Gelu,
    /// The approximation 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) of GELU, as in GPT-2
    GeluTanh,
    /// The approximation x sigmoid(1.702 x) of GELU, as in CLIP
    QuickGelu,
    /// x sigmoid(x), also called swish
    Silu,
    /// x hard_sigmoid(x) (Howard et al. 2019)
    HardSwish,
    /// x tanh(softplus(x)) (Misra 2020)
    Mish,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// min(max(x + 3, 0), 6) / 6, as in PyTorch
    HardSigmoid,
    /// log(1 + exp(x))
    Softplus,
    /// x itself.
    Identity,
}
