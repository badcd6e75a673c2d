//! The fully connected layer that layers, gates and heads are built from.

use candle_core::{Tensor, Var};

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::ops::{Ops, Tensors};
use crate::model::weights::{Init, Parameter, Weights};

/// A fully connected layer: activation(x W + b).
#[derive(Clone, Debug)]
pub struct Dense {
    /// `[in, out]`
    weight: Parameter,
    /// `[out]`
    bias: Option<Parameter>,
    activation: Activation,
}

impl Dense {
    /// Creates the weights `{name}.weight` and, with `bias`, `{name}.bias`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        width: usize,
        units: usize,
        activation: Activation,
        bias: bool,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let init = Init::fan_in(width);
        let weight = weights.parameter(&format!("{name}.weight"), &[width, units], init.clone())?;
        let bias = match bias {
            true => Some(weights.parameter(&format!("{name}.bias"), &[units], init)?),
            false => None,
        };
        Ok(Self { weight, bias, activation })
    }

    /// A linear projection with a bias and no activation.
    pub fn projection(name: &str, width: usize, units: usize, weights: &mut Weights) -> ModelResult<Self> {
        Self::build(name, width, units, Activation::Identity, true, weights)
    }

    /// W `[in, out]` and b `[out]`; `None` with an activation or without a bias.
    pub fn linear(&self) -> Option<(&Var, &Var)> {
        let bias = self.bias.as_ref().filter(|_| self.activation == Activation::Identity)?;
        Some((self.weight.var(), bias.var()))
    }

    /// Maps `[..., in]` to `[..., out]`.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        ops.linear(x, &self.weight, self.bias.as_ref(), self.activation)
    }

    /// The same for a tensor, in evaluation mode.
    pub fn apply(&self, x: &Tensor) -> ModelResult<Tensor> {
        self.on(&mut Tensors::evaluate(), x)
    }
}
